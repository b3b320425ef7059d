"""Everything that was measured of dependencies, as one record for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from covlasso._base.arrays import Float64
from covlasso._base.plain import Record, finite
from covlasso._core import __version__
from covlasso.dependencies import Dependencies, in_words
from covlasso.evidence.cautions import cautions
from covlasso.evidence.choose_focus import FocusChoice
from covlasso.evidence.evaluation import Evaluation
from covlasso.evidence.prediction import is_fit
from covlasso.evidence.quality import Quality
from covlasso.evidence.rates import RATES
from covlasso.moments import Moments, SplitMoments
from covlasso.solver import DRAWS

SCHEMA = "covlasso-evaluate-1"
FOCUS_SCHEMA = "covlasso-choose-focus-1"


THRESHOLD = 0.5
CONFUSIONS = 5  # categories listed for every target


def evaluation_record(
    deps: Dependencies, found: Mapping[str, Evaluation], split: SplitMoments | None, whole: bool
) -> Record:
    """Everything that was measured.

    ::

        schema, covlasso   "covlasso-evaluate-1", version
        origin             models, kind of moments and options, as in `Origin`; or null.  title: all in words
        focus              in words, or null
        method             "lasso", "refitted" or "pursuit": what the file holds
        samples            fit, held_out: numbers of samples of the moments, or null
        found_on_fit       whether the file's equations are of that fit part, by their energies; or null
        logits             null, or: samples, labelled, own_labels (see `Decisions`), top1, eps, whole (all
                           rows were taken, also those that the dependencies may have been found on), and
                           network: recall, false_alarms, precision, f1 of the network itself (means)
        random             draws: how often terms were drawn at random; and their median R^2, fit and
                           held_out, r2 and r2_centred each; or null
        cautions           sentences: what R^2 must not be quoted without here
        ranked_by          which figure of the categories ranks them: held_out_r2 (without moments: logits_r2;
                           with nothing held out: fit_r2), and _centred where the equations are of centred
                           logits
        methods            by method: median_terms; median over the categories of every figure of
                           `Evaluation.columns`, null where no category has it; above: categories in
                           which it is > 0.5; explained: those that beat every draw of random terms, or
                           null; with logits: least_top1, at_once_top1, and means over the categories that
                           have them: mean_recall, mean_replaced_recall, mean_at_once_recall, and so for
                           false_alarms, precision and f1
        categories         by method, a list: every figure of every category, null where it has no value
        confusions         null, or a list for the method that the file holds: target, false_alarms and misses
                           (see `Confusions`), each the most frequent as category, name (where known), count
    """
    shown = found.get(deps.solution, next(iter(found.values())))
    decisions = shown.decisions
    return {
        "schema": SCHEMA,
        "covlasso": __version__,
        "origin": None if deps.origin is None else asdict(deps.origin),
        "title": in_words(deps),
        "focus": deps.focus_text() or None,
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
            "network": {name: finite(decisions.network.mean(name)) for name in RATES},
        },
        "random": _random(found),
        "cautions": cautions(deps, None if split is None else split.fit, found.get(deps.solution)),
        "ranked_by": _best_r2(deps, shown),
        "methods": {method: _summary(one, _best_r2(deps, one)) for method, one in found.items()},
        "categories": {method: _categories(one) for method, one in found.items()},
        "confusions": None if decisions is None else _confusions(deps, found),
    }  # fmt: skip


def beside_record(
    deps: Dependencies, moments: Moments | None = None, measured: Evaluation | None = None
) -> Record:
    """Return what R^2 has to be read beside: medians over the targets, in sample and held out.

    ::

        draws          how often as many terms were drawn at random
        explained      how many equations beat every draw on held-out samples, or null
        cautions       sentences, see `covlasso.evidence.cautions`
        in_sample      r2: as in the paper, not centred; r2_centred: about the mean; random_r2 (of the kind of
                       the equations' moments) and random_r2_centred: of random terms; null where not known
        held_out       the same figures on other samples, or null

    Parameters
    ----------
    deps : Dependencies
        As `covlasso.solve_moments` finds them.
    moments : Moments, optional
        Those that they were found on.
    measured : Evaluation, optional
        What `covlasso.evaluate` found.
    """
    figures = {
        "r2": deps.r2_uncentred, "r2_centred": deps.r2_centred,
        "random_r2": deps.random_r2, "random_r2_centred": deps.random_r2_centred,
    }  # fmt: skip
    held_out = None if measured is None else measured.held_out
    explained = None if measured is None or held_out is None else measured.explained
    return {
        "draws": DRAWS,
        "explained": None if explained is None else int(np.count_nonzero(explained)),
        "cautions": cautions(deps, moments, measured),
        "in_sample": {name: None if values is None else _median(values) for name, values in figures.items()},
        "held_out": None if measured is None or held_out is None else _held_out(deps, measured, held_out),
    }


def _held_out(deps: Dependencies, measured: Evaluation, quality: Quality) -> Record:
    drawn = None if measured.random is None else measured.random.held_out
    kind = "second_moment" if deps.origin is None else deps.origin.kind
    return {
        "r2": _median(quality.r2),
        "r2_centred": _median(quality.r2_centred),
        "random_r2": None if drawn is None else _median(drawn.of_kind(kind)),
        "random_r2_centred": None if drawn is None else _median(drawn.r2_centred),
    }


def focus_record(choice: FocusChoice, title: str) -> Record:
    """Everything that `covlasso.choose_focus` measured.

    ::

        schema, covlasso   "covlasso-choose-focus-1", version
        title              the direction in words
        logits             samples, labelled, own_labels (see `Decisions`), top1
        network            recall, false_alarms, precision, f1 of the network itself (means)
        alphas, terms      the grid
        tolerance          of F1, for the sake of fewer terms
        chosen, best       focus and terms: by the rule, and with the largest F1
        cells              every cell, focus by focus: the figures of `FocusChoice.columns`
    """
    first = choice.decisions[0][0]
    columns = {name: _plain(values) for name, values in choice.columns().items()}
    best = choice.best
    return {
        "schema": FOCUS_SCHEMA,
        "covlasso": __version__,
        "title": title,
        "logits": {
            "samples": first.count,
            "labelled": first.n_labelled,
            "own_labels": first.own_labels,
            "top1": first.top1,
        },
        "network": {name: finite(choice.network.mean(name)) for name in RATES},
        "alphas": list(choice.alphas),
        "terms": list(choice.places),
        "tolerance": choice.tolerance,
        "chosen": {"focus": choice.focus, "terms": choice.terms},
        "best": {"focus": best[0], "terms": best[1]},
        "cells": [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
    }


def _random(found: Mapping[str, Evaluation]) -> Record | None:
    drawn = next(iter(found.values())).random
    if drawn is None:
        return None
    parts = {"fit": drawn.fit, "held_out": drawn.held_out}
    figures: Record = {"draws": drawn.draws}
    for part, measured in parts.items():
        if measured is not None:
            figures[part] = {name: _median(getattr(measured, name)) for name in ("r2", "r2_centred")}
    return figures


def _samples(split: SplitMoments) -> Record:
    return {"fit": split.fit.count, "held_out": None if split.held_out is None else split.held_out.count}


def _found_on_fit(deps: Dependencies, split: SplitMoments) -> bool | None:
    return None if deps.origin is None else is_fit(deps, split.fit, None, None)


def _summary(one: Evaluation, ranked_by: str) -> Record:
    columns = one.columns()
    figures = {name: values for name, values in columns.items() if not name.startswith("target")}
    result: Record = {"median_terms": float(np.median(figures.pop("n_terms")))}
    beaten = figures.pop("explained", None)
    for name, values in figures.items():
        result[name] = _median(values)
    result["explained"] = None if beaten is None else int(np.count_nonzero(beaten))
    result["above"] = int(np.count_nonzero(columns[ranked_by] > THRESHOLD))
    if one.decisions is not None:
        made = one.decisions
        result["least_top1"], result["at_once_top1"] = float(made.replaced_top1.min()), made.at_once_top1
        for prefix, rates in (("", made.network), ("replaced_", made.replaced), ("at_once_", made.at_once)):
            result |= {f"mean_{prefix}{name}": finite(rates.mean(name)) for name in RATES}
    return result


def _median(values: Float64) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else None


def _confusions(deps: Dependencies, found: Mapping[str, Evaluation]) -> list[Record]:
    """List the most frequent confusions of every target, by the method of the file if it was measured."""
    shown = found.get(deps.solution, next(iter(found.values()))).decisions
    if shown is None:
        return []
    names = category_names(deps)

    def named(pairs: list[tuple[int, int]]) -> list[Record]:
        return [
            {"category": k, **({"name": names[k]} if k in names else {}), "count": count}
            for k, count in pairs
        ]

    listed = []
    for t, target in enumerate(deps.targets.tolist()):
        most = shown.confusions.most(t, CONFUSIONS)
        listed.append(
            {"target": target, "false_alarms": named(most.false_alarms), "misses": named(most.misses)}
        )
    return listed


def category_names(deps: Dependencies) -> dict[int, str]:
    """Names of categories of the targets' network, as far as they are known."""
    names = deps.source_labels if deps.intra else deps.target_labels
    if names is None:
        return {}
    return dict(zip(range(deps.n_sources) if deps.intra else deps.targets.tolist(), names, strict=True))


def _best_r2(deps: Dependencies, measured: Evaluation) -> str:
    """Name of the R^2 that flatters least, of the kind of the equations' moments."""
    known = {"held_out": measured.held_out, "logits": measured.decisions, "fit": measured.fit}
    place = next(name for name, figures in known.items() if figures is not None)
    centred = deps.origin is not None and deps.origin.kind != "second_moment"
    return f"{place}_r2{'_centred' if centred else ''}"


def _categories(one: Evaluation) -> list[Record]:
    columns = {name: _plain(values) for name, values in one.columns().items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(values: Any) -> list[Any]:
    """Numbers and names that JSON knows."""
    if isinstance(values, np.ndarray):
        return [finite(value) for value in values] if values.dtype.kind == "f" else values.tolist()
    return list(values)
