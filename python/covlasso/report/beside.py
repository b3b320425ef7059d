"""What the R^2 of a set stands beside: R^2 about the mean, and as many terms at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from covlasso._base.arrays import Float64
from covlasso._base.plain import finite
from covlasso.dependencies import Dependencies
from covlasso.evidence import Evaluation, cautions, evaluate
from covlasso.moments import Moments
from covlasso.report.entry import Entry, Measured
from covlasso.report.payload import Payload
from covlasso.solver import DRAWS, Blocks, random_coefficients, random_error_by_terms

_GRID = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50)
_DRAWS = 8  # of the line over the number of terms, whose medians over categories vary little


class _Halves(NamedTuple):
    fit: Moments
    held_out: Moments | None


def measured(entry: Entry) -> Evaluation | None:
    """Measure a set on the moments that it has, beside random terms."""
    if not isinstance(entry, Measured):
        return None
    origin, halves = entry.origin, _Halves(entry.fit, entry.held_out)
    return evaluate(entry.deps, halves, target=origin.target_model, source=origin.source_model)


def add_beside(payload: Payload, prefix: str, entry: Entry, found: Evaluation | None) -> dict[str, Any]:
    """Append the figures of every target; returns what is said of all together, for the record.

    Arrays of R^2, each left out where it is not known: on the fit part ``r2Mean``, about the mean, and of
    random terms ``random`` and ``randomMean``; held out ``heldOut`` and ``randomHeldOut``, of the set's kind
    of moments, ``heldOutMean`` and ``randomHeldOutMean``, about the mean; ``explained``, 1 where an equation
    beats every draw of random terms. The record has ``draws``, the number that are ``explained``, medians by
    these names, and ``cautions``.
    """
    deps = entry.deps
    figures = {"r2Mean": deps.r2_centred, "random": deps.random_r2, "randomMean": deps.random_r2_centred}
    if found is not None:
        figures |= _held_out(found, entry)
        if deps.focus is None:  # older files do not have them
            figures |= {name: one for name, one in _fit(found, entry).items() if figures[name] is None}
    known = {name: values for name, values in figures.items() if values is not None}
    for name, values in known.items():
        payload.add(prefix + name, values, "float32")
    explained = None if found is None else found.explained
    if explained is not None:
        payload.add(f"{prefix}explained", explained, "uint8")
    moments = entry.fit if isinstance(entry, Measured) else None
    return {
        "draws": DRAWS if found is None or found.random is None else found.random.draws,
        "explained": None if explained is None else int(np.count_nonzero(explained)),
        "medians": {name: _median(values) for name, values in known.items()},
        "cautions": cautions(deps, moments, found),
    }


def random_by_terms(
    blocks: Blocks, deps: Dependencies, terms: int, measure: Callable[[Dependencies], Float64] | None
) -> dict[str, Any]:
    """Median R^2 over the targets of up to ``terms`` random terms, for the record.

    ``terms``: where; ``fit``, and with ``measure`` (R^2 on other samples) ``heldOut``: the medians there.
    """
    places = sorted({k for k in _GRID if k < terms} | {terms})
    error = random_error_by_terms(blocks, terms, _DRAWS)[places]
    with np.errstate(invalid="ignore", divide="ignore"):
        found: dict[str, Any] = {
            "terms": places,
            "fit": [_median(row) for row in 1.0 - error / blocks.energy],
        }
    if measure is not None:
        found["heldOut"] = [_median(_mean_of_draws(blocks, deps, k, measure)) for k in places]
    return found


def _mean_of_draws(
    blocks: Blocks, deps: Dependencies, terms: int, measure: Callable[[Dependencies], Float64]
) -> Float64:
    drawn = random_coefficients(blocks, np.full(deps.n_targets, terms), _DRAWS)
    return np.asarray(np.mean([measure(replace(deps, coef=coef)) for coef in drawn], axis=0))


def _held_out(found: Evaluation, entry: Entry) -> dict[str, Float64 | None]:
    if found.held_out is None:
        return {}
    kind, drawn = entry.origin.kind, None if found.random is None else found.random.held_out
    return {
        "heldOut": found.held_out.of_kind(kind),
        "heldOutMean": found.held_out.r2_centred,
        "randomHeldOut": None if drawn is None else drawn.of_kind(kind),
        "randomHeldOutMean": None if drawn is None else drawn.r2_centred,
    }


def _fit(found: Evaluation, entry: Entry) -> dict[str, Float64 | None]:
    kind, drawn = entry.origin.kind, None if found.random is None else found.random.fit
    return {
        "r2Mean": None if found.fit is None else found.fit.r2_centred,
        "random": None if drawn is None else drawn.of_kind(kind),
        "randomMean": None if drawn is None else drawn.r2_centred,
    }


def _median(values: Float64) -> float | None:
    known = values[np.isfinite(values)]
    return finite(np.median(known)) if known.size else None
