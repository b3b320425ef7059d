"""Dependencies beside what they have to beat, measured on the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from covlasso._base.progress import Report, TitledReport
from covlasso.dependencies import Dependencies, Origin
from covlasso.evidence import baselines
from covlasso.evidence.evaluation import Evaluation, evaluate
from covlasso.evidence.prediction import is_fit, origin_of
from covlasso.moments import Halves, Moments, halves
from covlasso.solver import Blocks, excluded

METHODS = ("lasso", "refitted", "pursuit", "correlation", "random", "all")


def compare_methods(
    deps: Dependencies,
    moments: Halves,
    *,
    methods: Sequence[str] = METHODS,
    seed: int = 0,
    target: str | None = None,
    source: str | None = None,
    progress: TitledReport | None = None,
    **options: Any,
) -> dict[str, Evaluation]:
    """Evaluate dependencies beside baselines that are found on the same fit moments.

    Parameters
    ----------
    deps : Dependencies
        Lasso, refitted, or a pursuit.
    moments : SplitMoments, or pair with ``fit`` and ``held_out``
        The fit part must be the one that ``deps`` were found on.
    methods : sequence of str
        What to compare, in this order; by default all of:

        - "lasso": the Lasso solutions;
        - "refitted": least squares on the same terms;
        - "pursuit": ``deps`` if they are a pursuit; else as many terms by orthogonal matching pursuit
          (scikit-learn) on sources of unit root mean square, least squares;
        - "correlation": as many terms by largest |E[f_i g_j]| / rms(g_j), least squares;
        - "random": as many terms at random, least squares;
        - "all": least squares on all other categories.
    seed : int, default 0
        Of the random terms.
    target, source : str, optional
        As in `covlasso.evaluate`.
    progress : callable, optional
        Called as progress(method, done, total).
    **options
        ``logits``, ``source_logits``, ``labels``, ``rows``, ``eps`` of `covlasso.evaluate`.

    Returns
    -------
    dict from method to Evaluation
        "lasso" is missing where ``deps`` are refitted and their Lasso solutions are not found again at their
        lambda (other options than those of their origin were used); of a pursuit "lasso" and "refitted" are.

    Raises
    ------
    TypeError, ValueError
        As in `covlasso.evaluate`; a method is unknown; or there are no fit moments.
    ImportError
        "pursuit" is asked for and scikit-learn is not installed.
    """
    unknown = [method for method in methods if method not in METHODS]
    if unknown:
        raise ValueError(f"methods has {unknown[0]!r}; one of {', '.join(METHODS)} is expected")
    fit = halves(moments, lambda whole: is_fit(deps, whole, target, source)).fit
    if fit is None:
        raise ValueError(
            "moments has no fit part; baselines are found on what the dependencies were found on"
        )
    origin = origin_of(deps, fit, target, source)
    rows = _rows(deps, fit, origin)
    found = {}
    for method in methods:
        report = None if progress is None else _named(progress, method)
        one = _solve(method, deps, rows, origin, seed, report)
        if one is not None:
            found[method] = evaluate(one, moments, target=target, source=source, progress=report, **options)
    return found


def _solve(
    method: str,
    deps: Dependencies,
    rows: baselines.Rows,
    origin: Origin,
    seed: int,
    progress: Report | None,
) -> Dependencies | None:
    if method == deps.solution:
        return deps
    if method in ("lasso", "refitted") and deps.method == "pursuit":
        return None
    if method == "lasso":
        return _lasso(deps, rows, origin)
    if method == "refitted":
        return baselines.refitted(deps, rows)
    if method == "all":
        return baselines.all_others(deps, rows)
    if method == "pursuit":
        choice = baselines.by_matching_pursuit(deps.n_terms, rows, progress)
    elif method == "correlation":
        choice = baselines.by_correlation(deps.n_terms, rows)
    else:
        choice = baselines.at_random(deps.n_terms, rows, seed)
    return baselines.refitted(deps, rows, choice)


def _lasso(deps: Dependencies, rows: baselines.Rows, origin: Origin) -> Dependencies | None:
    """Lasso solutions of refitted ones, if they have the same terms."""
    paths = rows.blocks.paths(
        max_terms=len(rows.scale), min_lambda=deps.lam, l2=origin.l2, positive=origin.positive
    )
    again = paths.at(lam=deps.lam)
    differing = (again.coef != 0).astype(np.int8) - (deps.coef != 0).astype(np.int8)
    return again if differing.count_nonzero() == 0 else None


def _rows(deps: Dependencies, fit: Moments, origin: Origin) -> baselines.Rows:
    """Fit moments of the targets, without the sources that were not allowed to explain them."""
    own = excluded(fit, origin, deps.targets)
    if not isinstance(own, str) and own is not None and own.multiply(deps.coef).nnz:
        origin = replace(origin, allow_same=True)  # their origin is not known, and they have such terms
    return baselines.Rows(Blocks.of(fit, origin, deps.targets))


def _named(progress: TitledReport, method: str) -> Report:
    return lambda done, total: progress(method, done, total)
