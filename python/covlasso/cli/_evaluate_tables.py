"""The tables of ``covlasso evaluate``."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from covlasso._base.plain import Record
from covlasso.cli._tables import careful, number, percent, table, words
from covlasso.evidence import RATES

TITLES = {
    "lasso": "Lasso",
    "refitted": "refitted",
    "pursuit": "matching pursuit",
    "correlation": "largest correlations",
    "random": "random terms",
    "all": "all others",
    "all samples": "without focus",
    "own samples": "own samples only",
    "class mean": "class mean",
}
_RATE_HEADS = ("recall", "false alarms\nper case", "precision", "F1")
_CONFUSED = 3  # categories listed in a cell
_CLASS_MEAN = (
    "Class mean: the mean logit of the sample's class in the place of an equation. What it reaches is due to "
    "the category and its level alone, not to how the logit varies; R^2 on own samples tells that."
)
_MOMENT_FIGURES = (
    "fit_r2", "held_out_r2", "held_out_r2_centred", "held_out_correlation", "optimism",
)  # fmt: skip


def tables(record: Record, top: int) -> list[RenderableType]:
    """Tables of a `record`, with ``top`` categories each."""
    parts: list[RenderableType] = [_heading(record)]
    if record["samples"] is not None:
        parts += [Text(), _quality(record), *_random(record), *careful(record["cautions"])]
    if record["logits"] is not None:
        parts += [Text(), _tails(record), Text(), _one_at_a_time(record), Text(), _all_at_once(record)]
        if "class mean" in record["methods"]:
            parts += [Text(_CLASS_MEAN)]
    if top:
        parts += [Text(), _extremes(record, top)]
        if record["confusions"]:
            parts += [Text(), _confusions(record, top)]
    return parts


def _heading(record: Record) -> Text:
    text = Text(record["title"], style="bold")
    lines = []
    samples, logits = record["samples"], record["logits"]
    if record["focus"] is not None:
        lines.append(f"Equations with {record['focus']}.")
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
        words(), "terms", "R^2\nfit", "R^2\nheld out", "centred\nheld out", "corr.\nheld out",
        "opti-\nmism", "beats\nrandom",
    )  # fmt: skip
    for method, summary in record["methods"].items():
        beats = None if method == "random" else summary["explained"]
        if method == "class mean":  # known from logits alone
            continue
        shown.add_row(
            TITLES[method],
            f"{summary['median_terms']:g}",
            *(number(summary.get(name)) for name in _MOMENT_FIGURES),
            "" if beats is None else str(beats),
        )
    return shown


def _random(record: Record) -> list[RenderableType]:
    """Say what random terms are, and what it is to beat them."""
    drawn = record["random"]
    if drawn is None:
        return []
    where = "" if record["samples"]["held_out"] is None else " on the held-out samples"
    return [
        Text(
            f"Random terms: as many, least squares, means of {drawn['draws']} draws. An equation beats them "
            f"if its error is below that of every draw{where}."
        )
    ]


def _tails(record: Record) -> Table:
    eps = [f"{value:g}" for value in record["logits"]["eps"]]
    heads = [f"|error| <\n{one} rms" for one in eps]
    shown = table("How often the error is small, and what Markov's bound promises (medians)", words(), *heads)
    for method, summary in record["methods"].items():
        cells = [
            f"{percent(summary[f'logits_within_{one}'])} / {percent(summary[f'logits_markov_{one}'])}"
            for one in eps
        ]
        shown.add_row(TITLES[method], *cells)
    return shown


def _one_at_a_time(record: Record) -> Table:
    logits = record["logits"]
    kind = "the network's own decisions" if logits["own_labels"] else f"{logits['labelled']} labels"
    shown = table(
        f"Decisions with one logit replaced at a time, against {kind} (means; R^2: median)",
        words(), *_RATE_HEADS, "R^2\nown samples", "top-1\nleast",
    )  # fmt: skip
    shown.add_row(*_rates("the network", logits["network"], ""), "", percent(logits["top1"]))
    for method, summary in record["methods"].items():
        shown.add_row(
            *_rates(TITLES[method], summary, "mean_replaced_"),
            number(summary["logits_r2_own"]),
            percent(summary["least_top1"]),
        )
    return shown


def _all_at_once(record: Record) -> Table:
    count = len(next(iter(record["categories"].values())))
    shown = table(
        f"Decisions with all {count} logits replaced at once (means)",
        words(), *_RATE_HEADS, "top-1",
    )  # fmt: skip
    shown.add_row(*_rates("the network", record["logits"]["network"], ""), percent(record["logits"]["top1"]))
    for method, summary in record["methods"].items():
        shown.add_row(
            *_rates(TITLES[method], summary, "mean_at_once_"),
            percent(summary["at_once_top1"]),
        )
    return shown


def _rates(title: str, means: Record, prefix: str) -> list[str]:
    """Cells of a row: recall, false alarms per true case, precision and F1."""
    cells = [means[f"{prefix}{name}"] for name in RATES]
    return [title, percent(cells[0]), number(cells[1]), percent(cells[2]), number(cells[3])]


def _extremes(record: Record, top: int) -> Table:
    """Categories with the largest and the smallest R^2, of the method that the file holds."""
    method, categories = _held(record)
    figure = record["ranked_by"]
    known = [one for one in categories if one[figure] is not None]
    ranked = sorted(known, key=lambda one: (-one[figure], one["target"]))
    where, _, centred = figure.partition("_r2")
    place = {"held_out": "held out", "logits": "of the logits", "fit": "in sample"}[where]
    decided = ("recall", "false\nalarms", "F1") if record["logits"] is not None else ()
    shown = table(
        f"Best and least explained ({TITLES[method]}, R^2{' about the mean' if centred else ''} {place})",
        words("category"), "R^2", "terms", *decided,
    )  # fmt: skip
    for one in _ends(ranked, top):
        if one is None:
            shown.add_row("...")
            continue
        cells = [number(one[figure]), str(one["n_terms"])]
        if decided:
            cells.append(percent(one["logits_replaced_recall"]))
            cells += [number(one[f"logits_replaced_{name}"]) for name in ("false_alarms", "f1")]
        shown.add_row(_category(one), *cells)
    return shown


def _confusions(record: Record, top: int) -> Table:
    """Categories with the largest and the smallest F1, and what they are confused with."""
    method, categories = _held(record)
    pairs = zip(categories, record["confusions"], strict=True)
    known = [pair for pair in pairs if pair[0]["logits_replaced_f1"] is not None]
    ranked = sorted(known, key=lambda pair: (-pair[0]["logits_replaced_f1"], pair[0]["target"]))
    shown = table(
        f"Best and least recognised when replaced ({TITLES[method]}), with the number of samples",
        words("category"), "F1", words("taken for it\n(false alarms)", wide=True),
        words("taken for\n(misses)", wide=True),
    )  # fmt: skip
    for pair in _ends(ranked, top):
        if pair is None:
            shown.add_row("...")
            continue
        one, confused = pair
        cells = [Text(_listed(confused[name])) for name in ("false_alarms", "misses")]
        shown.add_row(_category(one), number(one["logits_replaced_f1"]), *cells)
    return shown


def _held(record: Record) -> tuple[str, list[Record]]:
    """Return the method that the file holds, or else the first, and its categories."""
    held = record["method"]
    method = held if held in record["categories"] else next(iter(record["categories"]))
    return method, record["categories"][method]


def _ends(ranked: list[Any], top: int) -> list[Any]:
    """Both ends of a list, with None between them."""
    return ranked if len(ranked) <= 2 * top else [*ranked[:top], None, *ranked[-top:]]


def _category(one: Record) -> Text:
    return Text(f"{one['target_name']} (#{one['target']})" if "target_name" in one else f"#{one['target']}")


def _listed(confused: list[Record]) -> str:
    named = (f"{one.get('name', '#' + str(one['category']))} {one['count']}" for one in confused[:_CONFUSED])
    return ", ".join(named)
