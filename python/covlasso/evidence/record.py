"""Everything that was measured of dependencies, as one record for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from covlasso._base.plain import Record, finite
from covlasso._core import __version__
from covlasso.dependencies import Dependencies
from covlasso.evidence.evaluation import Evaluation
from covlasso.evidence.prediction import is_fit
from covlasso.moments import SplitMoments

SCHEMA = "covlasso-evaluate-1"


RATES = ("recall", "replaced_recall", "precision", "replaced_precision")


THRESHOLD = 0.5


def evaluation_record(
    deps: Dependencies, found: Mapping[str, Evaluation], split: SplitMoments | None, whole: bool
) -> Record:
    """Everything that was measured.

    ::

        schema, covlasso   "covlasso-evaluate-1", version
        origin             models, kind of moments and options, as in `Origin`; or null.  title: in words
        method             "lasso", "refitted" or "pursuit": what the file holds
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
        "covlasso": __version__,
        "origin": None if deps.origin is None else asdict(deps.origin),
        "title": "" if deps.origin is None else deps.origin.title,
        "method": deps.solution,
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
    return None if deps.origin is None else is_fit(deps, split.fit, None, None)


def _summary(one: Evaluation) -> Record:
    columns = one.columns()
    figures = {name: values for name, values in columns.items() if not name.startswith("target")}
    result: Record = {"median_terms": float(np.median(figures.pop("n_terms")))}
    for name, values in figures.items():
        known = values[np.isfinite(values)]
        result[name] = float(np.median(known)) if known.size else None
    result["above"] = int(np.count_nonzero(columns[best_r2(columns)] > THRESHOLD))
    if one.decisions is not None:
        result["least_top1"] = float(one.decisions.replaced_top1.min())
        for name in RATES:
            known = columns[f"logits_{name}"][np.isfinite(columns[f"logits_{name}"])]
            result[f"mean_{name}"] = float(known.mean()) if known.size else None
    return result


def best_r2(columns: Mapping[str, Any]) -> str:
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
