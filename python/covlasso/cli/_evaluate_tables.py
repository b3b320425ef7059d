"""The tables of ``covlasso evaluate``."""

from __future__ import annotations

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from covlasso._base.plain import Record
from covlasso.cli._tables import number, percent, table, words
from covlasso.evidence import RATES, THRESHOLD, best_r2

TITLES = {
    "lasso": "Lasso",
    "refitted": "refitted",
    "pursuit": "matching pursuit",
    "correlation": "correlation",
    "random": "random terms",
    "all": "all others",
}
_MOMENT_FIGURES = (
    "fit_r2", "held_out_r2", "held_out_r2_centred", "held_out_correlation", "optimism",
)  # fmt: skip


def tables(record: Record, top: int) -> list[RenderableType]:
    """Tables of a `record`, with ``top`` categories each."""
    parts: list[RenderableType] = [_heading(record)]
    if record["samples"] is not None:
        parts += [Text(), _quality(record)]
    if record["logits"] is not None:
        parts += [Text(), _tails(record), Text(), _decisions(record)]
    if top:
        parts += [Text(), _extremes(record, top)]
    return parts


def _heading(record: Record) -> Text:
    text = Text(record["title"], style="bold")
    lines = []
    samples, logits = record["samples"], record["logits"]
    if samples is not None:
        held_out = samples["held_out"]
        checked = f"checked on {held_out} others" if held_out else "NOTHING HELD OUT: these figures flatter"
        lines.append(f"Found on {samples['fit']} samples, {checked}.")
        if record["found_on_fit"] is False:
            lines[-1] = f"NOT found on the fit part of these moments ({samples['fit']} samples), {checked}."
    if logits is not None:
        lines.append(f"Logits of {logits['samples']} samples.")
        if logits["whole"]:
            lines.append("All rows were taken: give --rows or --groups if the equations were found on some.")
    lines.append("R^2 = 1 - E[(logit - equation)^2] / E[logit^2], not centred, unless it says so.")
    text.append(("\n" if text.plain else "") + "\n".join(lines), style="not bold")
    return text


def _quality(record: Record) -> Table:
    shown = table(
        "Medians over the categories",
        words(whole=True), "terms", "R^2\nfit", "R^2\nheld out", "centred\nheld out", "corr.\nheld out",
        "optimism", f"held out\n> {THRESHOLD}",
    )  # fmt: skip
    held_out = record["samples"]["held_out"] is not None
    for method, summary in record["methods"].items():
        shown.add_row(
            TITLES[method],
            f"{summary['median_terms']:g}",
            *(number(summary.get(name)) for name in _MOMENT_FIGURES),
            str(summary["above"]) if held_out else "",
        )
    return shown


def _tails(record: Record) -> Table:
    eps = [f"{value:g}" for value in record["logits"]["eps"]]
    heads = [f"|error| <\n{one} rms" for one in eps]
    shown = table(
        "How often the error is small, and what Markov's bound promises (medians)", words(whole=True), *heads
    )
    for method, summary in record["methods"].items():
        cells = [
            f"{percent(summary[f'logits_within_{one}'])} / {percent(summary[f'logits_markov_{one}'])}"
            for one in eps
        ]
        shown.add_row(TITLES[method], *cells)
    return shown


def _decisions(record: Record) -> Table:
    logits = record["logits"]
    kind = "the network's own decisions" if logits["own_labels"] else f"{logits['labelled']} labels"
    before = f"top-1 before: {percent(logits['top1'])}"
    title = f"Decisions with one logit replaced, against {kind} ({before}; recall and precision are means)"
    shown = table(
        title,
        words(whole=True), "top-1\nmedian", "top-1\nleast", "recall\nbefore", "recall\nreplaced",
        "precision\nbefore", "precision\nreplaced",
    )  # fmt: skip
    for method, summary in record["methods"].items():
        shown.add_row(
            TITLES[method],
            percent(summary["logits_replaced_top1"]),
            percent(summary["least_top1"]),
            *(percent(summary[f"mean_{name}"]) for name in RATES),
        )
    return shown


def _extremes(record: Record, top: int) -> Table:
    """Categories with the largest and the smallest R^2, of the method that the file holds."""
    method = (
        record["method"] if record["method"] in record["categories"] else next(iter(record["categories"]))
    )
    categories = record["categories"][method]
    figure = best_r2(categories[0])
    known = [one for one in categories if one[figure] is not None]
    ranked = sorted(known, key=lambda one: (-one[figure], one["target"]))
    place = {"held_out_r2": "held out", "logits_r2": "of the logits", "fit_r2": "in sample"}[figure]
    shown = table(
        f"Best and least explained ({TITLES[method]}, R^2 {place})", words("category"), "R^2", "terms"
    )
    listed = ranked if len(ranked) <= 2 * top else [*ranked[:top], None, *ranked[-top:]]
    for one in listed:
        if one is None:
            shown.add_row("...", "", "")
        else:
            name = f"{one['target_name']} (#{one['target']})" if "target_name" in one else f"#{one['target']}"
            shown.add_row(Text(name), number(one[figure]), str(one["n_terms"]))
    return shown
