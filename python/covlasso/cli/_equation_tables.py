"""Tables of equations, for the commands that print them; the JSON has all that is printed."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from covlasso._base.digits import coefficient_text
from covlasso._base.plain import Record
from covlasso.cli._tables import careful, facts, number, significant, table, words
from covlasso.dependencies import Dependencies, Origin

_KINDS = {
    "second_moment": "logits as they are",
    "covariance": "centred logits",
    "correlation": "standardised logits",
}
_SOLUTIONS = {"lasso": "Lasso", "refitted": "refitted", "pursuit": "matching pursuit"}
_SCALES = {"lasso": "lambda", "pursuit": "largest score left"}


def summary_table(
    deps: Dependencies, record: Record, more: dict[str, str] | None = None
) -> list[RenderableType]:
    """Heading, table and warnings of a `summarise` record with ``beside``, and ``more`` rows at its end."""
    origin = deps.origin
    kind = "" if origin is None else f" of {_logits(origin)}"
    kkt = record["worst_kkt"]
    rows = {
        "equations": f"{deps.n_targets}{kind}, {_SOLUTIONS[deps.solution]}",
        **({} if deps.focus is None else {"focus": deps.focus_text().removeprefix("focus ")}),
        "terms": f"{record['median_terms']:g} (median)",
        **_beside(deps, record),
        "worst KKT residual": "not finite" if kkt is None else f"{kkt:.1e}",
        "status": _status(record),
        **(more or {}),
    }
    return [Text(record["settings"], style="bold"), facts(rows), *careful(record["beside"]["cautions"])]


def _logits(origin: Origin) -> str:
    """Which logits, in words: ``row-centred, standardised logits``."""
    if not origin.row_centred:
        return _KINDS[origin.kind]
    return "row-centred" + (" logits" if origin.kind == "second_moment" else f", {_KINDS[origin.kind]}")


def overview_tables(deps: Dependencies, record: Record) -> list[RenderableType]:
    """Tables of an `overview` record with ``beside``."""
    measured = record["median_r2_held_out"] is not None
    parts = summary_table(deps, record)
    for title, key in (("Best explained", "best_explained"), ("Most independent", "least_explained")):
        figures = ["r2", *(["r2_held_out"] if measured else [])]
        heads = ["R^2\nin sample", "R^2\nheld out"][: len(figures)]
        shown = table(title, words("equation"), *heads)
        for entry in record[key]:
            shown.add_row(Text(entry["equation"]), *(number(entry[name], "none") for name in figures))
        parts += [Text(), shown] if record[key] else []
    shown = table("Most used", words("category"), "equations")
    for entry in record["most_used"]:
        shown.add_row(Text(_label(entry)), str(entry["dependents"]))
    return [*parts, Text(), shown]


def category_tables(record: Record) -> list[RenderableType]:
    """Tables of a `category` record with ``cautions``."""
    parts: list[RenderableType] = [
        Text(f"{_label(record)} (#{record['category']})", style="bold"),
        Text(record["settings"]),
    ]
    equation = record["equation"]
    if equation is None:
        parts.append(Text("is no target: it has no equation here"))
    else:
        held_out, focused, over = equation["r2_held_out"], bool(equation["focus"]), " over all samples"
        parts.append(
            Text(
                _focus(equation["focus"])
                + f"R^2 {number(equation['r2'], 'none')} in sample{' with it' * focused}"
                + ("" if held_out is None else f", {number(held_out, 'none')} held out{over * focused}")
                + f"{_random(equation)}; {_SCALES[record['method']]} {significant(equation['lam'])}, "
                + f"KKT residual {significant(equation['kkt'])}, {equation['status']}"
            )
        )
        parts += careful(record["cautions"])
        shown = table("Equation", "coefficient", words("category"), "number", "share")
        for term in equation["terms"]:
            shown.add_row(*_term(term), f"{term['share']:.0%}")
        parts += [Text(), shown]
    if record["dependents"]:
        title = f"In {len(record['dependents'])} equations"
        shown = table(title, "coefficient", words("category"), "number")
        for entry in record["dependents"]:
            shown.add_row(*_term(entry))
        parts += [Text(), shown]
    elif record["dependents"] is not None:
        parts += [Text(), Text("In no equation", style="bold")]
    return parts


def _beside(deps: Dependencies, record: Record) -> dict[str, str]:
    """Rows of R^2: as in the paper, about the mean, and of as many terms at random."""
    beside = record["beside"]
    inside, held_out = beside["in_sample"], beside["held_out"]
    own = "of the moments with the focus" if deps.focus is not None else "it flatters"
    names = {
        "R^2, as in the paper": "r2",
        "R^2 about the mean": "r2_centred",
        "R^2, random terms": "random_r2",
    }
    rows = {}
    for title, name in names.items():
        known = inside[name] if inside[name] is not None or name != "r2" else record["median_r2"]
        said = [] if known is None else [f"{number(known)} in sample"]
        said += [] if held_out is None or held_out[name] is None else [f"{number(held_out[name])} held out"]
        if said:
            rows[title] = ", ".join(said)
    first = next(iter(rows), None)
    if first is not None:
        rows[first] += f" (medians; in sample {own})"
    if "R^2, random terms" in rows:
        centred = deps.origin is not None and deps.origin.kind != "second_moment"
        about = "about the mean, " if centred else ""
        rows["R^2, random terms"] += f" ({about}as many; means of {beside['draws']} draws)"
    if beside["explained"] is not None:
        rows["explained"] = f"{beside['explained']} of {deps.n_targets} beat every draw, held out"
    return rows


def _status(record: Record) -> str:
    """Say how many solutions have which status, and how many of other statuses are certified all the same."""
    statuses = record["statuses"]
    listed = ", ".join(f"{count} {status}" for status, count in statuses.items())
    certified = record["targets"] - len(record["uncertified"])
    if set(statuses) == {"certified"}:
        return listed
    return f"{listed}; {certified} of {record['targets']} certified"


def _random(equation: Record) -> str:
    """Say R^2 about the mean, and of as many terms at random."""
    said = ""
    for title, name in (("about the mean", "r2_centred"), ("random terms", "random_r2")):
        inside, held_out = equation[name], equation[f"{name}_held_out"]
        if inside is not None:
            said += f"; {title} {number(inside)}" + (
                "" if held_out is None else f", {number(held_out)} held out"
            )
    return said


def _focus(share: float | None) -> str:
    if share is None:
        return ""
    return f"focus {share:g}, " if share else "no focus: no sample of its own, "


def _term(entry: Record) -> tuple[str, Text, str]:
    value = entry["coefficient"]
    text = ("+" if value > 0.0 else "") + coefficient_text(value, 3)
    return text, Text(_label(entry)), f"#{entry['category']}"


def _label(entry: Record) -> str:
    return f"#{entry['category']}" if entry["name"] is None else str(entry["name"])
