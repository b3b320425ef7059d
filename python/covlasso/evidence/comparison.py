"""Dependencies beside what they have to beat, measured on the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy.typing as npt

from covlasso._base.arrays import Array
from covlasso._base.checks import check_count
from covlasso._base.progress import Report, TitledReport
from covlasso.dependencies import Dependencies, Origin
from covlasso.evidence.beside import METHODS, Beside
from covlasso.evidence.decisions import EPS, checked_eps
from covlasso.evidence.evaluation import Evaluation, evaluations
from covlasso.evidence.prediction import ClassMeans, Predictor, is_fit, origin_of, prediction_of
from covlasso.evidence.random_terms import random_terms
from covlasso.logits import Rows, Samples
from covlasso.moments import Halves, Moments, halves
from covlasso.solver import DRAWS, in_gauge


def compare_methods(
    deps: Dependencies,
    moments: Halves,
    *,
    methods: Sequence[str] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    target: str | None = None,
    source: str | None = None,
    progress: TitledReport | None = None,
    logits: Array | Rows | None = None,
    source_logits: Array | Rows | None = None,
    labels: npt.ArrayLike | None = None,
    rows: npt.ArrayLike | None = None,
    eps: Sequence[float] = EPS,
    own_samples: Samples | None = None,
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
        - "random": as many terms at random, least squares: figures from moments are means over ``draws``,
          those from logits are of one choice, each target's its own;
        - "all": least squares on all other categories;
        - "all samples": as many terms of the Lasso without focus, least squares; for dependencies with one;
        - "own samples": as many terms of the Lasso on own samples only (focus 1), least squares: those of
          ``own_samples``, as in the paper's figure, or what the class means of the fit moments say of them;
        - "class mean": no equation but the mean logit of the sample's class, by its label or the network's
          decision; for logits only, and fit moments that know classes. Between networks it reaches the recall
          that is due to a category and its level alone, not to how the logit varies.

        All but the last three have the focus of ``deps``. The network itself is ``decisions.network`` of all.
    draws : int, default 20
        How often terms are drawn at random; every `Evaluation.random` is of these.
    seed : int, default 0
        Of the draws.
    target, source : str, optional
        As in `covlasso.evaluate`.
    progress : callable, optional
        Called as progress(method, done, total).
    logits, source_logits, labels, rows, eps
        As in `covlasso.evaluate`; logits are read once for all methods.
    own_samples : Samples, optional
        Logits of the samples that the fit moments are of (``covlasso.logits.Samples``), for "own samples",
        and for baselines of dependencies that were found on own samples.

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
    samples = None if logits is None else Samples(logits, source_logits, labels, rows, origin.row_centred)
    means = class_means(deps, fit, origin)
    beside = Beside(deps, fit, origin, seed, own_samples)
    if methods is None:
        methods = beside.possible(logits=samples is not None)
    found: dict[str, Dependencies] = {}
    predictors: dict[str, Predictor] = {}
    for method in methods:
        if method == "class mean":
            predictors[method] = _needed(means, samples)
            continue
        one = beside.solve(method, None if progress is None else _named(progress, method))
        if one is not None:
            found[method] = one
            predictors[method] = prediction_of(one, fit, fit, target, source)
    told = None if progress is None else _named(progress, "logits")
    drawn = random_terms(beside, held_out, check_count(draws, "draws"))
    measured = evaluations(deps, found, predictors, fit, held_out, samples, checked_eps(eps), told)
    for method, evaluation in measured.items():
        measured[method] = replace(evaluation, random=drawn)
    if drawn is not None and "random" in measured:
        measured["random"] = replace(measured["random"], fit=drawn.fit, held_out=drawn.held_out)
    return measured


def class_means(deps: Dependencies, fit: Moments, origin: Origin) -> ClassMeans | None:
    """Means of the targets' logits over the classes of their own model, where the moments know classes."""
    if fit.classes is None:
        return None
    model, fit = origin.target_model, in_gauge(fit, origin)
    means, overall = fit.class_columns(model, by=model)
    if model in fit.heads:
        return ClassMeans(means, overall, partial(fit.heads[model].logits, rows=deps.targets))
    return ClassMeans(means[:, deps.targets], overall[deps.targets])


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
