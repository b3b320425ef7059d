"""How well dependencies hold: errors, R^2 and correlations from moments, decisions from logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from covlasso._optional import needed
from covlasso._pairs import Halves, halves
from covlasso._prediction import Prediction, prediction_of
from covlasso._problem import check_vector
from covlasso._quadratic import linear, quadratic
from covlasso._samples import Rows, Samples
from covlasso.decisions import EPS, Decisions, checked_eps, decisions
from covlasso.dependencies import Dependencies
from covlasso.moments import Moments

if TYPE_CHECKING:
    import pandas as pd

    from covlasso.factored import FactoredGram

Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Quality:
    """How well dependencies hold on one set of samples, one entry per target, from its moments.

    With the residual r = f_i - a - b'g, where a is the intercept (0 unless means were taken off):

    Attributes
    ----------
    count : int
        Number of samples.
    error : array
        E[r^2].
    r2 : array
        1 - E[r^2] / E[f_i^2]: *not* centred, as the paper's problem; NaN for a logit that is always 0.
    r2_centred : array
        1 - E[r^2] / Var(f_i): the usual R^2, against the mean on these samples; NaN for a constant logit.
    correlation : array
        Pearson's correlation of predicted and true logit, both centred: it forgives a wrong scale and offset,
        which R^2 does not. NaN where one of them is constant.
    """

    count: int
    error: Float64
    r2: Float64
    r2_centred: Float64
    correlation: Float64


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
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
    """

    targets: Int32
    target_names: tuple[str, ...] | None
    n_terms: npt.NDArray[np.int64]
    fit: Quality | None
    held_out: Quality | None
    decisions: Decisions | None

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
        and ``held_out_``, and ``optimism``; those of `Decisions` with the prefix ``logits_``, where
        ``within_0.5`` and ``markov_0.5`` belong to eps = 0.5.
        """
        columns: dict[str, Any] = {"target": self.targets}
        if self.target_names is not None:
            columns["target_name"] = list(self.target_names)
        columns["n_terms"] = self.n_terms
        for prefix, quality in (("fit", self.fit), ("held_out", self.held_out)):
            if quality is not None:
                columns |= {f"{prefix}_{name}": getattr(quality, name) for name in FIGURES}
        if self.fit is not None and self.held_out is not None:
            columns["optimism"] = self.optimism
        if self.decisions is not None:
            columns |= {f"logits_{name}": values for name, values in self.decisions.columns().items()}
        return columns

    def to_frame(self) -> pd.DataFrame:
        """One row per target, with the `columns`.

        Raises
        ------
        ImportError
            pandas is not installed.
        """
        frame: pd.DataFrame = needed("pandas").DataFrame(self.columns())
        return frame

    def __repr__(self) -> str:
        """Say the medians of R^2, and what is there."""
        parts = [f"{len(self.targets)} targets"]
        for name, quality in (("fit", self.fit), ("held out", self.held_out)):
            if quality is not None:
                parts.append(f"median R^2 {name} {np.nanmedian(quality.r2):.3f}")
        if self.decisions is not None:
            parts.append(repr(self.decisions))
        return f"Evaluation({', '.join(parts)})"


FIGURES = ("error", "r2", "r2_centred", "correlation")


def evaluate(
    deps: Dependencies,
    moments: Moments | Halves | None = None,
    *,
    logits: npt.NDArray[Any] | Rows | None = None,
    source_logits: npt.NDArray[Any] | Rows | None = None,
    labels: npt.ArrayLike | None = None,
    rows: npt.ArrayLike | None = None,
    eps: Sequence[float] = EPS,
    target: str | None = None,
    source: str | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Evaluation:
    """Measure how well dependencies hold, for all targets at once.

    From moments, in closed form: error, R^2 and correlation, see `Quality`. From logits, in one pass whatever
    the number of targets: how often the error is small, beside Markov's bound, and what becomes of decisions
    when logit i is *replaced* by its dependency, see `Decisions` (Feng et al., CVPR 2023, arXiv 2211.12339,
    replace logits in the same way to show that a dependency holds).

    Parameters
    ----------
    deps : Dependencies
        Their `Origin` says which models and which moments they are of. Dependencies of covariances or
        correlations are turned into predictions of the logits as they are, with the means and deviations of
        the fit moments.
    moments : Moments, SplitMoments, or pair with ``fit`` and ``held_out``
        Moments that were not split count as held out.
    logits : (samples, n) float array, or file of `covlasso.logits.open_logits`, optional
        Held-out logits of the targets' network; may be memory-mapped, is read in chunks (twice).
    source_logits : (samples, p) float array, or such a file, optional
        Logits of the sources' network on the same inputs; needed between two networks only.
    labels : (samples,) int array, optional
        True categories, -1 where not known. By default the network's own decisions: then precision, recall
        and top-1 say how far replaced logits agree with it.
    rows : (samples,) bool array, optional
        Which samples to look at; leave out those that the dependencies were found on. By default all.
    eps : sequence of float, default (0.1, 0.2, 0.5, 1.0)
        Thresholds of the error, in units of the logit's root mean square on the samples.
    target, source : str, optional
        Models of targets and sources, where ``deps`` have no origin. By default the only model.
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
    fit, held_out = (None, None) if moments is None else halves(moments)
    prediction = prediction_of(deps, fit, fit or held_out, target, source)
    found = None
    if logits is not None:
        samples = Samples(logits, source_logits, labels, rows)
        samples.check(deps.n_sources, deps.targets, prediction.intra)
        terms = prediction.coef, prediction.intercept, prediction.targets
        found = decisions(*terms, samples, checked_eps(eps), progress)
    return Evaluation(
        targets=deps.targets,
        target_names=deps.target_names,
        n_terms=deps.n_terms,
        fit=None if fit is None else quality(prediction, fit),
        held_out=None if held_out is None else quality(prediction, held_out),
        decisions=found,
    )


def quality(prediction: Prediction, moments: Moments) -> Quality:
    """Measure on moments: E[r^2] = Var(r) + E[r]^2, from covariances, so that large means do not cancel."""
    prediction.check(moments)
    target, source = prediction.target_model, prediction.source_model
    coef, targets = prediction.coef, prediction.targets
    gram = moments.gram(source, "covariance")
    cross = None if prediction.intra else moments.covariance(target, source)
    predicted = quadratic(coef, gram)
    shared = linear(coef, gram, cross, targets)
    variance = moments.energy(target, "covariance")[targets]
    mean = moments.mean(target)[targets]
    bias = mean - prediction.intercept - coef @ moments.mean(source)
    error = np.maximum(predicted - 2.0 * shared + variance, 0.0) + bias**2
    with np.errstate(divide="ignore", invalid="ignore"):
        return Quality(
            count=moments.count,
            error=error,
            r2=1.0 - error / (variance + mean**2),
            r2_centred=1.0 - error / variance,
            correlation=shared / np.sqrt(predicted * variance),
        )


def held_out_error(
    deps: Dependencies,
    gram: npt.NDArray[Any] | FactoredGram,
    cross: npt.NDArray[Any] | None = None,
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
    total = check_moments(gram, cross, energy, deps.n_sources, deps.targets, deps.intra)
    coef = deps.coef
    return quadratic(coef, gram) - 2.0 * linear(coef, gram, cross, deps.targets) + total


def check_moments(gram: Any, cross: Any, energy: Any, n_sources: int, targets: Int32, intra: bool) -> Float64:
    """Check other moments of the same categories; returns e_i of every target."""
    if isinstance(gram, np.ndarray) or not hasattr(gram, "factor"):
        _check_shape(gram, "gram", n_sources, n_sources)
    elif gram.shape[0] != n_sources:
        raise ValueError(f"gram has shape {gram.shape}; ({n_sources}, {n_sources}) is expected")
    if intra:
        if cross is not None or energy is not None:
            raise ValueError(
                "these dependencies are within one network; give gram only, no cross and no energy"
            )
        diagonal = np.diagonal(gram) if isinstance(gram, np.ndarray) else gram.diagonal()
        return np.asarray(diagonal[targets], dtype=np.float64)
    if cross is None or energy is None:
        raise ValueError("these dependencies are between two networks; give cross and energy too")
    _check_shape(cross, "cross", int(targets.max()) + 1, n_sources)
    return check_vector(energy, "energy", len(cross))[targets]


def _check_shape(matrix: Any, name: str, rows: int, columns: int) -> None:
    if not isinstance(matrix, np.ndarray) or matrix.dtype not in (np.float32, np.float64):
        found = matrix.dtype if isinstance(matrix, np.ndarray) else type(matrix).__name__
        raise TypeError(f"{name} is {found}; a numpy array of float32 or float64 is expected")
    fits = matrix.ndim == 2 and matrix.shape[1] == columns
    if not fits or (matrix.shape[0] < rows if name == "cross" else matrix.shape[0] != rows):
        least = "at least " if name == "cross" else ""
        raise ValueError(f"{name} has shape {matrix.shape}; ({least}{rows}, {columns}) is expected")
