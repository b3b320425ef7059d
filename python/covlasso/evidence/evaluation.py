"""How well dependencies hold: errors, R^2 and correlations from moments, decisions from logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Array, Bool, Float64, Int32, Int64, Matrix
from covlasso._base.checks import check_count, check_matrix, check_vector
from covlasso._base.digits import r2_text
from covlasso._base.frames import Tabular
from covlasso._base.progress import Report
from covlasso.dependencies import Dependencies, Origin
from covlasso.evidence.beside import Beside
from covlasso.evidence.decisions import EPS, Decisions, checked_eps, decisions
from covlasso.evidence.prediction import Prediction, Predictor, is_fit, origin_of, prediction_of
from covlasso.evidence.quality import Quality, means_of, quality
from covlasso.evidence.random_terms import RandomTerms, random_terms
from covlasso.gram import Gram
from covlasso.logits import Rows, Samples
from covlasso.moments import Halves, Moments, halves
from covlasso.solver import DRAWS, Blocks, in_gauge


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Tabular):
    """What `evaluate` found; all arrays have one entry per target.

    Attributes
    ----------
    targets : (n_targets,) int32 array
        Categories explained.
    target_names : tuple of str, or None
        Their names.
    n_terms : (n_targets,) array
        Number of terms of each dependency.
    fit : Quality, or None
        On the samples that the dependencies were found on: it flatters.
    held_out : Quality, or None
        On other samples.
    decisions : Decisions, or None
        Tails and decisions, where logits were given.
    random : RandomTerms, or None
        What as many terms at random give on the same moments, where there is a fit part to find them on.
    """

    targets: Int32
    target_names: tuple[str, ...] | None
    n_terms: Int64
    fit: Quality | None
    held_out: Quality | None
    decisions: Decisions | None
    random: RandomTerms | None = None

    @property
    def explained(self) -> Bool | None:
        """Whether each equation beats chance, (n_targets,): its error is below that of every random draw.

        On held-out samples where there are any. Where the terms mean nothing that happens in one of
        ``random.draws`` + 1 cases, more often where there are fewer sets of terms than draws. A draw of the
        equation's own terms does not count; where all draws are of these, nothing is beaten. None without
        `random`.
        """
        measured = self.fit if self.held_out is None else self.held_out
        if self.random is None or measured is None:
            return None
        least = self.random.least_error
        return np.asarray((measured.error < least) & np.isfinite(least))

    @property
    def optimism(self) -> Float64:
        """How much R^2 flatters in-sample, ``fit.r2 - held_out.r2``, per target.

        Raises
        ------
        ValueError
            One of the two sets of samples is missing.
        """
        if self.fit is None or self.held_out is None:
            raise ValueError("optimism compares two sets of samples; give moments with fit and held_out")
        return self.fit.r2 - self.held_out.r2

    def columns(self) -> dict[str, Any]:
        """Every figure per target by name.

        ``target``, ``target_name`` where known, ``n_terms``; those of `Quality` with the prefixes ``fit_``
        and ``held_out_``, and so ``random_r2`` and ``random_r2_centred`` of as many terms at random;
        ``optimism`` and ``explained``; those of `Decisions` with the prefix ``logits_``, see
        `Decisions.columns`.
        """
        columns: dict[str, Any] = {"target": self.targets}
        if self.target_names is not None:
            columns["target_name"] = list(self.target_names)
        columns["n_terms"] = self.n_terms
        for prefix, measured in (("fit", self.fit), ("held_out", self.held_out)):
            if measured is not None:
                columns |= {f"{prefix}_{name}": getattr(measured, name) for name in FIGURES}
                drawn = None if self.random is None else getattr(self.random, prefix)
                if drawn is not None:
                    columns[f"{prefix}_random_r2"] = drawn.r2
                    columns[f"{prefix}_random_r2_centred"] = drawn.r2_centred
        if self.fit is not None and self.held_out is not None:
            columns["optimism"] = self.optimism
        if self.explained is not None:
            columns["explained"] = self.explained
        if self.decisions is not None:
            columns |= {f"logits_{name}": values for name, values in self.decisions.columns().items()}
        return columns

    def __repr__(self) -> str:
        """Say the medians of R^2 with what they stand beside, and what is there."""
        parts = [f"{len(self.targets)} targets"]
        for name in ("fit", "held_out"):
            measured = getattr(self, name)
            if measured is None:
                continue
            figures = [
                f"median R^2 {name.replace('_', ' ')} {_median_text(measured.r2)}",
                f"about the mean {_median_text(measured.r2_centred)}",
            ]
            drawn = None if self.random is None else getattr(self.random, name)
            if drawn is not None:
                figures.append(f"random terms {_median_text(drawn.r2)}")
            parts.append("; ".join(figures))
        if self.explained is not None:
            parts.append(f"{np.count_nonzero(self.explained)} beat random terms")
        if self.decisions is not None:
            parts.append(repr(self.decisions))
        return f"Evaluation({', '.join(parts)})"


FIGURES = ("error", "r2", "r2_centred", "correlation")


def _median_text(values: Float64) -> str:
    return r2_text(float(np.nanmedian(values)))


def evaluate(
    deps: Dependencies,
    moments: Moments | Halves | None = None,
    *,
    logits: Array | Rows | None = None,
    source_logits: Array | Rows | None = None,
    labels: npt.ArrayLike | None = None,
    rows: npt.ArrayLike | None = None,
    eps: Sequence[float] = EPS,
    target: str | None = None,
    source: str | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Report | None = None,
) -> Evaluation:
    """Measure how well dependencies hold, for all targets at once.

    From moments, in closed form: error, R^2 and correlation, see `Quality`, beside those of as many terms at
    random, see `RandomTerms`. From logits, in one pass whatever
    the number of targets: how often the error is small, beside Markov's bound, and what becomes of decisions
    when logit i, or all logits at once, are *replaced* by dependencies, see `Decisions` (Feng et al., CVPR
    2023, arXiv 2211.12339, replace logits in the same way to show that a dependency holds).

    Parameters
    ----------
    deps : Dependencies
        Their `Origin` says which models and which moments they are of. Dependencies of covariances or
        correlations are turned into predictions of the logits as they are, with the means and deviations of
        the fit moments.
    moments : Moments, SplitMoments, or pair with ``fit`` and ``held_out``
        Moments that were not split are the fit part if the dependencies were found on them (their energies
        say so), else held out.
    logits : (samples, n) float array, or file of `covlasso.logits.open_logits`, optional
        Held-out logits of the targets' network; may be memory-mapped, is read in chunks (twice).
    source_logits : (samples, p) float array, or such a file, optional
        Logits of the sources' network on the same inputs; needed between two networks only.
    labels : (samples,) int array, optional
        True categories, -1 where not known. By default the network's own decisions: then recall, false
        alarms, F1 and top-1 say how far replaced logits agree with it.
    rows : (samples,) bool array, optional
        Which samples to look at; leave out those that the dependencies were found on. By default all.
    eps : sequence of float, default (0.1, 0.2, 0.5, 1.0)
        Thresholds of the error, in units of the logit's root mean square on the samples.
    target, source : str, optional
        Models of targets and sources, where ``deps`` have no origin. By default the only model.
    draws : int, default 20
        How often as many terms are drawn at random, to be found on the fit moments; 0: not at all.
    seed : int, default 0
        Of the draws.
    progress : callable, optional
        Called as progress(done, total) while logits are read.

    Returns
    -------
    Evaluation

    Raises
    ------
    TypeError, ValueError
        Neither moments nor logits are given; they do not fit the dependencies; a logit is not finite; or
        means are needed and there are no fit moments.
    """
    if moments is None and logits is None:
        raise ValueError("give moments, logits, or both")
    if logits is None and any(one is not None for one in (source_logits, labels, rows)):
        raise ValueError("source_logits, labels and rows are for logits; give these too")
    fit, held_out = None, None
    if moments is not None:
        fit, held_out = halves(moments, lambda whole: is_fit(deps, whole, target, source))
    samples = None if logits is None else Samples(logits, source_logits, labels, rows)
    one = prediction_of(deps, fit, fit or held_out, target, source)
    samples = None if samples is None else samples.in_gauge(one.origin.row_centred)
    drawn = None
    if fit is not None and check_count(draws, "draws", least=0):
        beside = Beside(deps, fit, origin_of(deps, fit, target, source), seed)
        drawn = random_terms(beside, held_out, draws)
    found = evaluations(deps, {"": deps}, {"": one}, fit, held_out, samples, checked_eps(eps), progress)[""]
    return replace(found, random=drawn)


def evaluations(
    first: Dependencies,
    deps: Mapping[str, Dependencies],
    predictors: Mapping[str, Predictor],
    fit: Moments | None,
    held_out: Moments | None,
    samples: Samples | None,
    eps: Float64,
    progress: Report | None = None,
) -> dict[str, Evaluation]:
    """Evaluate several on the same samples, with one pass over the logits for all of them.

    Parameters
    ----------
    first : Dependencies
        Targets and sources are theirs.
    deps : mapping from name to Dependencies
        Of the same targets and sources.
    predictors : mapping from name to Predictor
        What is measured: of each of ``deps`` its `Prediction`; others have no terms, and figures from logits
        only.
    fit, held_out : Moments, or None
        Measured on for ``deps``.
    samples : Samples, or None
        Logits, row-centred where the dependencies are of such.
    eps : (k,) array
        As in `evaluate`.
    progress : callable, optional
        Called as progress(done, total) while logits are read.
    """
    found: list[Decisions | None] = [None] * len(predictors)
    if samples is not None:
        samples.check(first.n_sources, first.targets, first.intra)
        found = [*decisions(list(predictors.values()), first.targets, samples, eps, progress)]
    result = {}
    for (name, predictor), made in zip(predictors.items(), found, strict=True):
        result[name] = Evaluation(
            targets=first.targets,
            target_names=first.target_names,
            n_terms=deps[name].n_terms if name in deps else np.zeros(first.n_targets, dtype=np.int64),
            fit=_quality_on(fit, predictor),
            held_out=_quality_on(held_out, predictor),
            decisions=made,
        )
    return result


def _quality_on(moments: Moments | None, predictor: Predictor) -> Quality | None:
    """Measure on moments, where there are any and the predictor is an equation."""
    if moments is None or not isinstance(predictor, Prediction):
        return None
    return quality(predictor, moments)


def held_out_r2(
    moments: Moments, fit: Moments, origin: Origin, targets: Int32
) -> Callable[[Dependencies], Float64]:
    """Make what measures R^2 on other samples, of the same kind as `Dependencies.r2`: centred if these are.

    Parameters
    ----------
    moments : Moments
        Of the other samples.
    fit : Moments
        That the dependencies were found on: means and deviations are theirs.
    origin : Origin
        Of the dependencies.
    targets : (n_targets,) int32 array
        Their targets.
    """
    moments = in_gauge(moments, origin)
    blocks = Blocks.of(moments, origin, targets, "covariance")
    means = means_of(moments, origin)

    def measure(deps: Dependencies) -> Float64:
        prediction = prediction_of(deps, fit, fit, origin.target_model, origin.source_model)
        return quality(prediction, moments, blocks, means).of_kind(origin.kind)

    return measure


def held_out_error(
    deps: Dependencies,
    gram: Matrix | Gram,
    cross: Matrix | None = None,
    energy: npt.ArrayLike | None = None,
) -> Float64:
    """Mean squared error b'Gb - 2 c_i'b + e_i of every dependency on other moments.

    Parameters
    ----------
    deps : Dependencies
        Coefficients b of every target.
    gram : (p, p) array, or FactoredGram
        G = E[g g'] of the sources on the other samples, float32 or float64.
    cross : (n, p) array, optional
        Rows c_i = E[f_i g]; needed, with ``energy``, for dependencies between two networks. Within one
        network c_i is row i of ``gram`` and e_i its diagonal entry.
    energy : (n,) array, optional
        e_i = E[f_i^2].

    Returns
    -------
    error : (n_targets,) array
        Over e_i, and taken from 1, it is the held-out R^2 (uncentred, as `Dependencies.r2`).

    Raises
    ------
    TypeError, ValueError
        A shape or dtype is wrong, or ``cross`` and ``energy`` are missing or not wanted.
    """
    return checked_blocks(gram, cross, energy, deps.n_sources, deps.targets, deps.intra).error(deps.coef)


def checked_blocks(gram: Any, cross: Any, energy: Any, n_sources: int, targets: Int32, intra: bool) -> Blocks:
    """Moments of other samples, given as arrays; refuses those of other categories."""
    shape = getattr(gram, "shape", (n_sources, n_sources))
    if shape != (n_sources, n_sources):
        raise ValueError(f"gram has shape {shape}; ({n_sources}, {n_sources}) is expected")
    if intra:
        if cross is not None or energy is not None:
            raise ValueError(
                "these dependencies are within one network; give gram only, no cross and no energy"
            )
        return Blocks.of_arrays(gram, None, None, targets)
    if cross is None or energy is None:
        raise ValueError("these dependencies are between two networks; give cross and energy too")
    check_matrix(cross, "cross")
    least = int(targets.max()) + 1
    if cross.shape[1] != n_sources or len(cross) < least:
        raise ValueError(f"cross has shape {cross.shape}; (at least {least}, {n_sources}) is expected")
    return Blocks.of_arrays(gram, cross, check_vector(energy, "energy", len(cross)), targets)
