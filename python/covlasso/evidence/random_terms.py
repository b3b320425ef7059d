"""As many terms at random, found on the same moments and measured on the same others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Bool, Float64, Int32, Int64, Places
from covlasso.dependencies import Dependencies, Origin
from covlasso.evidence.beside import Beside
from covlasso.evidence.prediction import prediction_of
from covlasso.evidence.quality import Quality, means_of, quality
from covlasso.moments import Moments
from covlasso.solver import Blocks, in_gauge, random_coefficients


@dataclass(frozen=True, eq=False)
class RandomTerms:
    """What equations have to beat, one entry per target.

    Every target gets as many terms as its equation has, by least squares on the fit moments; each set of
    sources that it may have is as likely as any other.

    Attributes
    ----------
    draws : int
        How often terms were drawn.
    fit : Quality
        On the moments that they were found on: means over the draws.
    held_out : Quality, or None
        On others.
    least_error : (n_targets,) array
        Smallest error of a draw of other terms than the equation's own, on held-out samples where there are
        any; infinite where no draw has others.
    """

    draws: int
    fit: Quality
    held_out: Quality | None
    least_error: Float64


def random_terms(beside: Beside, held_out: Moments | None, draws: int) -> RandomTerms | None:
    """Draw terms and measure them; None where the moments of the dependencies are not known."""
    if not beside.moments_known:
        return None
    deps, fit, origin = beside.deps, beside.fit, beside.origin
    on_fit = _Means(fit, origin, deps.targets, draws)
    on_held_out = None if held_out is None else _Means(held_out, origin, deps.targets, draws)
    for here, rows in beside.moments():
        part = deps.take(here)
        for coef in random_coefficients(rows.blocks, part.n_terms, draws, beside.seed):
            one = replace(part, coef=coef, refit=True, method="lasso")
            others = _common_terms(part.coef, coef) < part.n_terms
            on_fit.add(here, one, fit, others)
            if on_held_out is not None:
                on_held_out.add(here, one, fit, others)
    judged = on_fit if on_held_out is None else on_held_out
    return RandomTerms(
        draws, on_fit.quality(), None if on_held_out is None else on_held_out.quality(), judged.least_error
    )


def _common_terms(one: scipy.sparse.csr_array, other: scipy.sparse.csr_array) -> Int64:
    """Count, row by row, the terms that both have."""
    return np.asarray((one != 0).multiply(other != 0).sum(axis=1), np.int64)


class _Means:
    """Figures of the draws on some moments."""

    def __init__(self, moments: Moments, origin: Origin, targets: Int32, draws: int):
        moments = in_gauge(moments, origin)
        self._moments, self._origin, self._draws = moments, origin, draws
        self._blocks = Blocks.of(moments, origin, targets, "covariance")
        self._of_models = means_of(moments, origin)
        self._sums = {name: np.zeros(len(targets)) for name in ("error", "r2", "r2_centred", "correlation")}
        self.least_error = np.full(len(targets), np.inf)

    def add(self, here: Places, deps: Dependencies, fit: Moments, others: Bool) -> None:
        """Measure one draw of the targets at the places ``here``; ``others``: it has not their own terms."""
        models = self._origin.target_model, self._origin.source_model
        prediction = prediction_of(deps, fit, fit, *models)
        found = quality(prediction, self._moments, self._blocks.take(here), self._of_models)
        for name, sums in self._sums.items():
            sums[here] += getattr(found, name)
        self.least_error[here] = np.fmin(self.least_error[here], np.where(others, found.error, np.inf))

    def quality(self) -> Quality:
        """Return the means."""
        return Quality(self._moments.count, **{name: sums / self._draws for name, sums in self._sums.items()})
