"""Dependencies beside what they have to beat, measured on the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Array, Places
from covlasso._base.progress import Report, TitledReport
from covlasso.dependencies import Dependencies, Origin
from covlasso.evidence import baselines
from covlasso.evidence.decisions import EPS, checked_eps
from covlasso.evidence.evaluation import Evaluation, evaluations
from covlasso.evidence.prediction import ClassMeans, Predictor, is_fit, origin_of, prediction_of
from covlasso.logits import Rows, Samples
from covlasso.moments import Halves, Moments, halves
from covlasso.solver import Blocks, excluded, focused

METHODS = (
    "lasso", "refitted", "pursuit", "correlation", "random", "all", "all samples", "own samples",
    "class mean",
)  # fmt: skip


def compare_methods(
    deps: Dependencies,
    moments: Halves,
    *,
    methods: Sequence[str] | None = None,
    seed: int = 0,
    target: str | None = None,
    source: str | None = None,
    progress: TitledReport | None = None,
    logits: Array | Rows | None = None,
    source_logits: Array | Rows | None = None,
    labels: npt.ArrayLike | None = None,
    rows: npt.ArrayLike | None = None,
    eps: Sequence[float] = EPS,
) -> dict[str, Evaluation]:
    """Evaluate dependencies beside baselines that are found on the same fit moments.

    Parameters
    ----------
    deps : Dependencies
        Lasso, refitted, or a pursuit.
    moments : SplitMoments, or pair with ``fit`` and ``held_out``
        The fit part must be the one that ``deps`` were found on.
    methods : sequence of str, optional
        What to compare, in this order; by default all that can be found:

        - "lasso": the Lasso solutions;
        - "refitted": least squares on the same terms;
        - "pursuit": ``deps`` if they are a pursuit; else as many terms by orthogonal matching pursuit on
          sources of unit root mean square, least squares;
        - "correlation": as many terms by largest |E[f_i g_j]| / rms(g_j), least squares;
        - "random": as many terms at random, least squares;
        - "all": least squares on all other categories;
        - "all samples": as many terms of the Lasso without focus, least squares; for dependencies with one;
        - "own samples": as many terms of the Lasso with the focus 1, least squares, as in the paper's figure;
          for fit moments that know classes;
        - "class mean": no equation but the mean logit of the sample's class, by its label or the network's
          decision; for logits only, and fit moments that know classes. Between networks it reaches the recall
          that is due to a category and its level alone, not to how the logit varies.

        All but the last three have the focus of ``deps``. The network itself is ``decisions.network`` of all.
    seed : int, default 0
        Of the random terms.
    target, source : str, optional
        As in `covlasso.evaluate`.
    progress : callable, optional
        Called as progress(method, done, total).
    logits, source_logits, labels, rows, eps
        As in `covlasso.evaluate`; logits are read once for all methods.

    Returns
    -------
    dict from method to Evaluation
        "lasso" is missing where ``deps`` are refitted and their Lasso solutions are not found again at their
        lambda (other options than those of their origin were used). Of a pursuit "lasso" and "refitted" have
        as many terms as it has.

    Raises
    ------
    TypeError, ValueError
        As in `covlasso.evaluate`; a method is unknown, or not possible here; or there are no fit moments.
    """
    unknown = [method for method in methods or () if method not in METHODS]
    if unknown:
        raise ValueError(f"methods has {unknown[0]!r}; one of {', '.join(METHODS)} is expected")
    fit, held_out = halves(moments, lambda whole: is_fit(deps, whole, target, source))
    if fit is None:
        raise ValueError(
            "moments has no fit part; baselines are found on what the dependencies were found on"
        )
    origin = origin_of(deps, fit, target, source)
    samples = None if logits is None else Samples(logits, source_logits, labels, rows)
    means = class_means(deps, fit, origin)
    if methods is None:
        methods = possible_methods(deps, fit, logits=samples is not None)
    found: dict[str, Dependencies] = {}
    predictors: dict[str, Predictor] = {}
    for method in methods:
        if method == "class mean":
            predictors[method] = _needed(means, samples)
            continue
        report = None if progress is None else _named(progress, method)
        one = _solve(method, deps, fit, origin, seed, report)
        if one is not None:
            found[method] = one
            predictors[method] = prediction_of(one, fit, fit, target, source)
    told = None if progress is None else _named(progress, "logits")
    return evaluations(deps, found, predictors, fit, held_out, samples, checked_eps(eps), told)


def possible_methods(deps: Dependencies, fit: Moments, *, logits: bool) -> tuple[str, ...]:
    """Return the methods that can be found of these dependencies, with or without logits."""
    focused = deps.focus is not None and bool((deps.focus > 0.0).any())
    without = {
        *(() if focused else ("all samples",)),
        *(() if fit.classes is not None else ("own samples", "class mean")),
        *(() if logits else ("class mean",)),
    }
    return tuple(method for method in METHODS if method not in without)


def _solve(
    method: str, deps: Dependencies, fit: Moments, origin: Origin, seed: int, progress: Report | None
) -> Dependencies | None:
    """Solve by one method; None where the Lasso solutions are not found again."""
    if method in ("all samples", "own samples"):
        return _other_focus(deps, fit, origin, 0.0 if method == "all samples" else 1.0, progress)
    if method in ("lasso", "refitted") and deps.method == "lasso" and deps.refit == (method == "refitted"):
        return deps
    if method == "pursuit" and deps.method == "pursuit":
        return deps
    parts, order = [], []
    for here in _of_one_share(deps):
        rows = _rows(deps.take(here), fit, origin)
        one = _solve_part(method, deps.take(here), rows, origin, seed, progress)
        if one is None:
            return None
        parts.append(one)
        order.append(here)
    return Dependencies.concatenate(parts).take(np.argsort(np.concatenate(order), kind="stable"))


def _solve_part(
    method: str,
    deps: Dependencies,
    rows: baselines.Rows,
    origin: Origin,
    seed: int,
    progress: Report | None,
) -> Dependencies | None:
    """Solve targets of one share."""
    most = max(1, int(deps.n_terms.max(initial=1)))
    if method == "pursuit":
        path = rows.blocks.paths(progress, max_terms=most, method="pursuit", weights=rows.sizes())
        return baselines.as_many(path, deps.n_terms, refit=True)
    if method in ("lasso", "refitted") and deps.method == "pursuit":
        path = rows.blocks.paths(progress, max_terms=most, l2=origin.l2, positive=origin.positive)
        return baselines.as_many(path, deps.n_terms, refit=method == "refitted")
    if method == "lasso":
        return _lasso(deps, rows, origin)
    if method == "refitted":
        return baselines.refitted(deps, rows)
    if method == "all":
        return baselines.all_others(deps, rows)
    if method == "correlation":
        choice = baselines.by_correlation(deps.n_terms, rows)
    else:
        choice = baselines.at_random(deps.n_terms, rows, seed)
    return baselines.refitted(deps, rows, choice)


def _lasso(deps: Dependencies, rows: baselines.Rows, origin: Origin) -> Dependencies | None:
    """Lasso solutions of refitted ones, if they have the same terms."""
    paths = rows.blocks.paths(
        max_terms=rows.n_sources, min_lambda=deps.lam, l2=origin.l2, positive=origin.positive
    )
    again = paths.at(lam=deps.lam)
    differing = (again.coef != 0).astype(np.int8) - (deps.coef != 0).astype(np.int8)
    return again if differing.count_nonzero() == 0 else None


def _other_focus(
    deps: Dependencies, fit: Moments, origin: Origin, focus: float, progress: Report | None
) -> Dependencies:
    """As many terms of the Lasso with another focus, least squares."""
    there, shares = focused(fit, replace(_allowing(deps, fit, origin), focus=None), deps.targets, focus)
    path = Blocks.of(fit, there, deps.targets, focus=shares).paths(
        progress,
        max_terms=max(1, int(deps.n_terms.max(initial=1))),
        l2=origin.l2,
        positive=origin.positive,
    )
    return baselines.as_many(path, deps.n_terms, refit=True)


def _of_one_share(deps: Dependencies) -> list[Places]:
    """Positions of targets whose focus is one number, or 0."""
    if deps.focus is None:
        return [np.arange(deps.n_targets)]
    shares = np.unique(deps.focus[deps.focus > 0.0])
    if len(shares) < 2:
        return [np.arange(deps.n_targets)]
    return [np.flatnonzero(deps.focus == share) for share in np.unique(deps.focus)]


def _rows(deps: Dependencies, fit: Moments, origin: Origin) -> baselines.Rows:
    """Fit moments of the targets, without the sources that were not allowed to explain them."""
    return baselines.Rows(Blocks.of(fit, _allowing(deps, fit, origin), deps.targets, focus=deps.focus))


def _allowing(deps: Dependencies, fit: Moments, origin: Origin) -> Origin:
    """Return the origin with the sources that the dependencies have."""
    own = excluded(fit, origin, deps.targets)
    if not isinstance(own, str) and own is not None and own.multiply(deps.coef).nnz:
        return replace(origin, allow_same=True)  # their origin is not known, and they have such terms
    return origin


def class_means(deps: Dependencies, fit: Moments, origin: Origin) -> ClassMeans | None:
    """Means of the targets' logits over the classes of their own model, where the moments know classes."""
    if fit.classes is None:
        return None
    model = origin.target_model
    overall = fit.mean(model)[deps.targets]
    means = fit.class_means(model, by=model)[:, deps.targets]
    empty = fit.class_counts(by=model) == 0
    return ClassMeans(np.where(empty[:, np.newaxis], overall, means), overall)


def _needed(means: ClassMeans | None, samples: Samples | None) -> ClassMeans:
    if samples is None:
        raise ValueError('methods has "class mean", which decides samples; give logits')
    if means is None:
        raise ValueError(
            'methods has "class mean", and the moments know no classes; accumulate them with classes'
        )
    return means


def _named(progress: TitledReport, method: str) -> Report:
    return lambda done, total: progress(method, done, total)
