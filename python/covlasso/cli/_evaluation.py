"""What ``covlasso evaluate`` says: a record for ``--json``, and its tables."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from covlasso import _core
from covlasso.export import finite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from covlasso import Dependencies, SplitMoments
    from covlasso.evaluation import Evaluation

Record = dict[str, Any]

SCHEMA = "covlasso-evaluate-1"
TITLES = {
    "lasso": "Lasso",
    "refitted": "refitted",
    "pursuit": "matching pursuit",
    "correlation": "correlation",
    "random": "random terms",
    "all": "all others",
}
_THRESHOLD = 0.5
_RATES = ("recall", "replaced_recall", "precision", "replaced_precision")
_MOMENT_FIGURES = (
    "fit_r2", "held_out_r2", "held_out_r2_centred", "held_out_correlation", "optimism",
)  # fmt: skip


def record(
    deps: Dependencies, found: Mapping[str, Evaluation], split: SplitMoments | None, whole: bool
) -> Record:
    """Everything that was measured.

    ::

        schema, covlasso   "covlasso-evaluate-1", version
        origin             models, kind of moments and options, as in `Origin`; or null.  title: in words
        method             "lasso" or "refitted": what the file holds
        samples            fit, held_out: numbers of samples of the moments, or null
        found_on_fit       whether the file's equations are of that fit part, by their energies; or null
        logits             null, or: samples, labelled, own_labels (see `Decisions`), top1, eps, whole (all
                           rows were taken, also those that the dependencies may have been found on)
        methods            by method: median_terms; median over the categories of every figure of
                           `Evaluation.columns`, null where no category has it; above: categories with
                           held-out R^2 > 0.5 (without moments: of the logits; with nothing held out: in
                           sample); with logits: least_top1, and mean_recall, mean_replaced_recall and so on,
                           over the categories that have them
        categories         by method, a list: every figure of every category, null where it has no value
    """
    decisions = next(iter(found.values())).decisions
    return {
        "schema": SCHEMA,
        "covlasso": _core.__version__,
        "origin": None if deps.origin is None else asdict(deps.origin),
        "title": "" if deps.origin is None else deps.origin.title,
        "method": "refitted" if deps.refit else "lasso",
        "samples": None if split is None else _samples(split),
        "found_on_fit": None if split is None else _found_on_fit(deps, split),
        "logits": None if decisions is None else {
            "samples": decisions.count,
            "labelled": decisions.n_labelled,
            "own_labels": decisions.own_labels,
            "top1": decisions.top1,
            "eps": decisions.eps.tolist(),
            "whole": whole,
        },
        "methods": {method: _summary(one) for method, one in found.items()},
        "categories": {method: _categories(one) for method, one in found.items()},
    }  # fmt: skip


def _samples(split: SplitMoments) -> Record:
    return {"fit": split.fit.count, "held_out": None if split.held_out is None else split.held_out.count}


def _found_on_fit(deps: Dependencies, split: SplitMoments) -> bool | None:
    if deps.origin is None:
        return None
    energy = split.fit.energy(deps.origin.target_model, deps.origin.moment)[deps.targets]
    return bool(np.allclose(energy, deps.energy, rtol=1e-9, atol=0.0))


def _summary(one: Evaluation) -> Record:
    columns = one.columns()
    figures = {name: values for name, values in columns.items() if not name.startswith("target")}
    result: Record = {"median_terms": float(np.median(figures.pop("n_terms")))}
    for name, values in figures.items():
        known = values[np.isfinite(values)]
        result[name] = float(np.median(known)) if known.size else None
    result["above"] = int(np.count_nonzero(columns[_best_r2(columns)] > _THRESHOLD))
    if one.decisions is not None:
        result["least_top1"] = float(one.decisions.replaced_top1.min())
        for name in _RATES:
            known = columns[f"logits_{name}"][np.isfinite(columns[f"logits_{name}"])]
            result[f"mean_{name}"] = float(known.mean()) if known.size else None
    return result


def _best_r2(columns: Mapping[str, Any]) -> str:
    """Name of the R^2 that flatters least."""
    return next(name for name in ("held_out_r2", "logits_r2", "fit_r2") if name in columns)


def _categories(one: Evaluation) -> list[Record]:
    columns = {name: _plain(values) for name, values in one.columns().items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(values: Any) -> list[Any]:
    """Numbers and names that JSON knows."""
    if isinstance(values, np.ndarray):
        return [finite(value) for value in values] if values.dtype.kind == "f" else values.tolist()
    return list(values)


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
    table = _table(
        "Medians over the categories",
        "", "terms", "R^2\nfit", "R^2\nheld out", "centred\nheld out", "corr.\nheld out",
        "optimism", f"held out\n> {_THRESHOLD}",
    )  # fmt: skip
    held_out = record["samples"]["held_out"] is not None
    for method, summary in record["methods"].items():
        table.add_row(
            TITLES[method],
            f"{summary['median_terms']:g}",
            *(_number(summary.get(name)) for name in _MOMENT_FIGURES),
            str(summary["above"]) if held_out else "",
        )
    return table


def _tails(record: Record) -> Table:
    eps = [f"{value:g}" for value in record["logits"]["eps"]]
    heads = [f"|error| <\n{one} rms" for one in eps]
    table = _table("How often the error is small, and what Markov's bound promises (medians)", "", *heads)
    for method, summary in record["methods"].items():
        cells = [
            f"{_percent(summary[f'logits_within_{one}'])} / {_percent(summary[f'logits_markov_{one}'])}"
            for one in eps
        ]
        table.add_row(TITLES[method], *cells)
    return table


def _decisions(record: Record) -> Table:
    logits = record["logits"]
    kind = "the network's own decisions" if logits["own_labels"] else f"{logits['labelled']} labels"
    before = f"top-1 before: {_percent(logits['top1'])}"
    title = f"Decisions with one logit replaced, against {kind} ({before}; recall and precision are means)"
    table = _table(
        title,
        "", "top-1\nmedian", "top-1\nleast", "recall\nbefore", "recall\nreplaced", "precision\nbefore",
        "precision\nreplaced",
    )  # fmt: skip
    for method, summary in record["methods"].items():
        table.add_row(
            TITLES[method],
            _percent(summary["logits_replaced_top1"]),
            _percent(summary["least_top1"]),
            *(_percent(summary[f"mean_{name}"]) for name in _RATES),
        )
    return table


def _extremes(record: Record, top: int) -> Table:
    """Categories with the largest and the smallest R^2, of the method that the file holds."""
    method = (
        record["method"] if record["method"] in record["categories"] else next(iter(record["categories"]))
    )
    categories = record["categories"][method]
    figure = _best_r2(categories[0])
    known = [one for one in categories if one[figure] is not None]
    ranked = sorted(known, key=lambda one: (-one[figure], one["target"]))
    place = {"held_out_r2": "held out", "logits_r2": "of the logits", "fit_r2": "in sample"}[figure]
    table = _table(f"Best and least explained ({TITLES[method]}, R^2 {place})", "category", "R^2", "terms")
    shown = ranked if len(ranked) <= 2 * top else [*ranked[:top], None, *ranked[-top:]]
    for one in shown:
        if one is None:
            table.add_row("...", "", "")
        else:
            name = f"{one['target_name']} (#{one['target']})" if "target_name" in one else f"#{one['target']}"
            table.add_row(Text(name), _number(one[figure]), str(one["n_terms"]))
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    table.add_column(first, no_wrap=first == "")
    for heading in others:
        table.add_column(heading, justify="right")
    return table
