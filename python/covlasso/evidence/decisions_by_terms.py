"""Decisions against the number of terms, beside random terms and the class mean, in one pass over logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from covlasso._base.progress import TitledReport
from covlasso.dependencies import Dependencies
from covlasso.evidence import baselines
from covlasso.evidence.comparison import class_means
from covlasso.evidence.decisions import EPS, Decisions, decisions
from covlasso.evidence.prediction import Predictor, origin_of, prediction_of
from covlasso.logits import Samples
from covlasso.moments import Moments
from covlasso.solver import Blocks, Path


@dataclass(frozen=True, eq=False)
class DecisionsByTerms:
    """Decisions with logits replaced by equations of more and more terms.

    Attributes
    ----------
    shown : Decisions
        Of the dependencies themselves.
    terms : tuple of int
        Numbers of terms.
    refitted : tuple of Decisions
        With at most so many terms of the paths, least squares.
    random : tuple of Decisions
        With as many terms at random, least squares.
    class_mean : Decisions, or None
        With the mean logit of the sample's class, where the fit moments know classes.
    """

    shown: Decisions
    terms: tuple[int, ...] = ()
    refitted: tuple[Decisions, ...] = ()
    random: tuple[Decisions, ...] = ()
    class_mean: Decisions | None = None


def decisions_by_terms(
    deps: Dependencies,
    samples: Samples,
    fit: Moments | None = None,
    path: Path | None = None,
    blocks: Blocks | None = None,
    terms: Sequence[int] = (),
    *,
    seed: int = 0,
    progress: TitledReport | None = None,
) -> DecisionsByTerms:
    """Measure dependencies, and what their paths and random terms give, on the same samples.

    Parameters
    ----------
    deps : Dependencies
        What is shown.
    samples : Samples
        Logits of other samples than those that ``deps`` were found on.
    fit : Moments, optional
        Those that ``deps`` were found on; needed for the means of centred ones and for the class means.
    path, blocks : Path and Blocks, optional
        The paths that ``deps`` were read off, and the fit moments of their targets.
    terms : sequence of int
        Where to read ``path``.
    seed : int, default 0
        Of the random terms.
    progress : callable, optional
        Called as progress(title, done, total).
    """
    shown = prediction_of(deps, fit, fit, None, None)
    samples = samples.in_gauge(shown.origin.row_centred)
    predictors: list[Predictor] = [shown]
    places = [] if path is None or blocks is None else list(terms)
    if path is not None and blocks is not None:
        predictors += _along(path, baselines.Rows(blocks), places, fit, seed, progress)
    means = None if fit is None else class_means(deps, fit, origin_of(deps, fit, None, None))
    predictors += [] if means is None else [means]
    told = None if progress is None else lambda done, total: progress("logits", done, total)
    made = decisions(predictors, deps.targets, samples, np.array(EPS), told)
    pairs = made[1 : 1 + 2 * len(places)]
    return DecisionsByTerms(
        shown=made[0],
        terms=tuple(places),
        refitted=tuple(pairs[::2]),
        random=tuple(pairs[1::2]),
        class_mean=None if means is None else made[-1],
    )


def _along(
    path: Path,
    rows: baselines.Rows,
    terms: Sequence[int],
    fit: Moments | None,
    seed: int,
    progress: TitledReport | None,
) -> list[Predictor]:
    """Equations with at most so many terms, each followed by as many terms at random."""
    predictors: list[Predictor] = []
    for done, k in enumerate(terms):
        if progress is not None:
            progress("random terms", done, len(terms))
        found = path.at(terms=k, refit=True)
        drawn = baselines.refitted(found, rows, baselines.at_random(found.n_terms, rows, seed))
        predictors += [prediction_of(one, fit, fit, None, None) for one in (found, drawn)]
    return predictors
