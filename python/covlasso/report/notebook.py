"""How objects look in a notebook: a line that says what they are, and the first rows as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from covlasso.dependencies import Dependencies
    from covlasso.moments import Moments
    from covlasso.solution_path import Path

_ROWS = 8
_TERMS = 3


def dependencies_html(deps: Dependencies) -> str:
    """Equations, R^2 and status of the first targets."""
    rows = [
        (
            f"{deps.equation(int(target), max_terms=_TERMS)}",
            f"{deps.n_terms[t]}",
            f"{deps.r2[t]:.2f}",
            f"{deps.lam[t]:.3g}",
            str(deps.status[t]),
        )
        for t, target in enumerate(deps.targets[:_ROWS])
    ]
    return _html(repr(deps), ("equation", "terms", "R², fit", "λ", "status"), rows, deps.n_targets)


def path_html(path: Path) -> str:
    """Where the first paths begin and end, and why."""
    names = path.target_names
    rows = [
        (
            f"#{target}" if names is None else names[t],
            f"{path.lambda_max[t]:.3g}",
            f"{path.lambda_end[t]:.3g}",
            f"{path.kkt[t]:.1e}",
            str(path.status[t]),
        )
        for t, target in enumerate(path.targets[:_ROWS])
    ]
    columns = ("target", "λ, first", "λ, end", "KKT residual", "why it ended")
    return _html(repr(path), columns, rows, path.n_targets)


def moments_html(moments: Moments) -> str:
    """Write the models, their numbers of categories and some of their names."""
    sizes, names = moments.sizes, moments.class_names
    rows = [
        (name, str(sizes.get(name, "not known yet")), ", ".join(names.get(name, ())[:_TERMS]) or "no names")
        for name in moments.names[:_ROWS]
    ]
    return _html(repr(moments), ("model", "categories", "first of them"), rows, len(moments.names))


def _html(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], total: int) -> str:
    head = Markup().join(Markup("<th>{}</th>").format(name) for name in columns)
    body = Markup().join(
        Markup("<tr>{}</tr>").format(Markup().join(Markup("<td>{}</td>").format(cell) for cell in row))
        for row in rows
    )
    more = escape(f"... and {total - _ROWS} more") if total > _ROWS else Markup()
    return Markup("<div><p><code>{}</code></p><table><tr>{}</tr>{}</table><p>{}</p></div>").format(
        title, head, body, more
    )
