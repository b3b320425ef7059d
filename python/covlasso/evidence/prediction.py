"""Dependencies as predictions of the logits as they are, whatever moments they were found from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Float64, Int32, Int64
from covlasso.dependencies import Dependencies, Origin
from covlasso.moments import Focus, Moments
from covlasso.solver import (
    SAME,
    blocks_of,
    check_sizes,
    differing,
    energy_of,
    found_on,
    in_gauge,
    pair_of,
)

_DENSE = 0.25  # share of coefficients from which a product with all of them is faster


class Predictor(Protocol):
    """What says a number in the place of every target's logit."""

    def of(self, source: Float64, label: Int64) -> Float64:
        """Predict some samples.

        Parameters
        ----------
        source : (p, samples) array
            Logits of the sources.
        label : (samples,) array
            Categories of the samples, -1 where not known.

        Returns
        -------
        (n_targets, samples) array
        """


@dataclass(frozen=True, eq=False)
class Prediction:
    """Coefficients and intercept on logits as they are: f_i ~ intercept_i + coef_i g."""

    coef: scipy.sparse.csr_array
    intercept: Float64
    targets: Int32
    origin: Origin

    def of(self, source: Float64, label: Int64) -> Float64:  # noqa: ARG002
        """Predict from the sources' logits (p, samples); labels are not looked at."""
        predicted: Float64 = self._rows @ source
        predicted += self.intercept[:, np.newaxis]
        return predicted

    @cached_property
    def _rows(self) -> scipy.sparse.csr_array | Float64:
        dense = self.coef.nnz > _DENSE * self.coef.shape[0] * self.coef.shape[1]
        return self.coef.toarray() if dense else self.coef


class ClassMeans:
    """A predictor that knows the class of a sample and nothing else: the mean logits of that class.

    The control of dependencies between networks: what it reaches is due to the class and its level alone.

    Parameters
    ----------
    means : (n_classes, d) array
        Mean logits of the targets over the samples of each class, or what ``logits`` makes them of.
    overall : (d,) array
        Their means over all samples, said where the class is not known.
    logits : callable, optional
        Makes the targets' logits (n_targets, k) of rows (k, d): a head, so that the logits of all
        classes are never held.
    """

    def __init__(self, means: Float64, overall: Float64, logits: Callable[[Float64], Float64] | None = None):
        self._means, self._logits = np.vstack([means, overall]), logits

    def of(self, source: Float64, label: Int64) -> Float64:  # noqa: ARG002
        """Predict from the labels; -1 is the last row."""
        rows = self._means[label]
        return np.ascontiguousarray(rows.T) if self._logits is None else self._logits(rows)


def prediction_of(
    deps: Dependencies, fit: Moments | None, known: Moments | None, target: str | None, source: str | None
) -> Prediction:
    """Dependencies on logits as they are, whatever moments they are of."""
    origin = origin_of(deps, known, target, source)
    fit = None if fit is None else in_gauge(fit, origin)
    coef, intercept = deps.coef, np.zeros(deps.n_targets)
    if origin.kind != "second_moment":
        if fit is None:
            raise ValueError(
                f"these dependencies are of a {origin.kind}; give moments with a fit part, for the means"
            )
        if origin.kind == "correlation":
            coef = _unscaled(coef, deps.targets, fit, origin)
        intercept = fit.mean(origin.target_model)[deps.targets] - coef @ fit.mean(origin.source_model)
        intercept += _shift_by_focus(deps, coef, fit, origin)
    return Prediction(coef, intercept, deps.targets, origin)


def origin_of(deps: Dependencies, moments: Moments | None, target: str | None, source: str | None) -> Origin:
    """Where dependencies are from: their own word, else the models named, else the only model."""
    if deps.origin is not None:
        for argument, given, known in (
            ("target", target, deps.origin.target_model),
            ("source", source, deps.origin.source_model),
        ):
            if given is not None and given != known:
                raise ValueError(
                    f"{argument} is {given!r}, but these dependencies are of the model {known!r}"
                )
        return deps.origin
    if moments is None:
        return Origin(target or "target", source or ("target" if deps.intra else "source"))
    origin = Origin(*pair_of(moments, target, source), row_centred=moments.row_centred)
    if deps.intra != (origin.target_model == origin.source_model):
        kind = "within one network" if deps.intra else "between two networks"
        raise ValueError(f"these dependencies are {kind}; name target and source accordingly")
    return origin


def is_fit(deps: Dependencies, moments: Moments, target: str | None, source: str | None) -> bool:
    """Whether dependencies were found on these moments: by energies; where all are 1, by errors."""
    origin = origin_of(deps, moments, target, source)
    if not found_on(moments, origin, deps.targets, deps.energy, deps.focus):
        return False
    if origin.kind != "correlation":
        return True
    for here, blocks in blocks_of(in_gauge(moments, origin), origin, deps.targets, deps.focus):
        part = deps.take(here)
        error = blocks.error(part.coef)
        if not (np.abs(error - part.error) <= SAME * np.maximum(part.energy, SAME)).all():
            return False
    return True


def check_found_on(deps: Dependencies, origin: Origin, fit: Moments) -> None:
    """Refuse moments whose sizes, energies or (of a correlation) errors are not those of the dependencies."""
    check_sizes(fit, origin, deps.targets, deps.n_sources)
    if is_fit(deps, fit, origin.target_model, origin.source_model):
        return
    others = differing(fit, origin, deps.targets, deps.energy, deps.focus)
    if len(others) == 0:
        raise ValueError(
            f"dependencies {origin.title} have other errors in these moments; "
            "give the moments they were found from"
        )
    t = others[0]
    energy = energy_of(fit, origin, deps.targets, deps.focus)[t]
    raise ValueError(
        f"dependencies {origin.title}: category {deps.targets[t]} has energy {deps.energy[t]:.6g}, but "
        f"{energy:.6g} in the moments; give the moments they were found from"
    )


def _shift_by_focus(
    deps: Dependencies, coef: scipy.sparse.csr_array, fit: Moments, origin: Origin
) -> Float64:
    """Return what a share alpha of own samples adds to the intercepts: means are m + alpha d_i."""
    shift = np.zeros(deps.n_targets)
    focus = np.zeros(deps.n_targets) if deps.focus is None else deps.focus
    for alpha in np.unique(focus[focus > 0.0]):
        here = np.flatnonzero(focus == alpha)
        view = Focus(fit, origin.target_model, origin.source_model, origin.kind, float(alpha))
        of_target, of_sources = view.means(deps.targets[here])
        shift[here] = of_target - np.asarray(coef[here].multiply(of_sources).sum(axis=1)).ravel()
    return shift


def _unscaled(
    coef: scipy.sparse.csr_array, targets: Int32, fit: Moments, origin: Origin
) -> scipy.sparse.csr_array:
    """Coefficients of standardised logits as those of logits: b_ij s_i / s_j; 0 of a constant source."""
    of_target = np.sqrt(fit.energy(origin.target_model, "covariance"))[targets]
    of_source = np.sqrt(fit.energy(origin.source_model, "covariance"))
    position = np.repeat(np.arange(len(targets)), np.diff(coef.indptr))
    by = of_source[coef.indices]
    data = np.divide(coef.data * of_target[position], by, out=np.zeros_like(by), where=by > 0.0)
    return scipy.sparse.csr_array((data, coef.indices, coef.indptr), shape=coef.shape)
