"""How an object looks in a notebook: a line that says what it is, and the first rows as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

ROWS = 8
"""Rows that a table shows."""
TERMS = 3
"""Terms of an equation, or names of a list, that a row shows."""


def table_html(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], total: int) -> str:
    """Return the title as code and the rows under their heads; ``total`` says how many there are in all."""
    from markupsafe import Markup, escape

    head = Markup().join(Markup("<th>{}</th>").format(name) for name in columns)
    body = Markup().join(
        Markup("<tr>{}</tr>").format(Markup().join(Markup("<td>{}</td>").format(cell) for cell in row))
        for row in rows
    )
    more = escape(f"... and {total - ROWS} more") if total > ROWS else Markup()
    return Markup("<div><p><code>{}</code></p><table><tr>{}</tr>{}</table><p>{}</p></div>").format(
        title, head, body, more
    )
