"""Error of a path as a function of its place: of lambda, exactly, and of the number of terms."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Float64
from covlasso._base.progress import Report, Tick
from covlasso.dependencies import Dependencies
from covlasso.evidence import piecewise
from covlasso.evidence.piecewise import PiecewiseQuadratic
from covlasso.solver import Blocks, Path

_SHORTEST = 1e-9  # of its lambda: a shorter piece is rounding, and has no line to follow to lambda = 0


class ByTerms(NamedTuple):
    """R^2 of every target with at most 0, 1, ..., K terms, (K + 1, n_targets); NaN without energy.

    Attributes
    ----------
    fit : array
        On the moments that the paths were found on.
    held_out : array, or None
        On others.
    """

    fit: Float64
    held_out: Float64 | None


def r2_by_terms(
    path: Path,
    terms: int,
    *,
    refit: bool,
    measure: Callable[[Dependencies], Float64] | None = None,
    report: Report | None = None,
) -> ByTerms:
    """R^2 against the number of terms.

    Parameters
    ----------
    path : Path
        Solved paths; where one ends before so many terms, its end counts.
    terms : int
        K.
    refit : bool
        Least squares on the terms found, instead of the Lasso.
    measure : callable, optional
        R^2 of dependencies on other samples, per target.
    report : callable, optional
        Called as report(k, K).
    """
    none = np.where(path.energy > 0, 0.0, np.nan)
    fit, held_out = [none], [none]
    for k in range(1, terms + 1):
        found = path.at(terms=k, refit=refit)
        fit.append(found.r2)
        if measure is not None:
            held_out.append(measure(found))
        if report is not None:
            report(k, terms)
    return ByTerms(np.array(fit), None if measure is None else np.array(held_out))


def error_curves(path: Path, other: Blocks, refit: bool, tick: Tick) -> list[PiecewiseQuadratic]:
    """Error of every target on other moments, as a function of lambda."""
    ends = path.at(lam=path.lambda_end).coef
    curve = _refitted_curve if refit else _lasso_curve
    curves = []
    for t, category in enumerate(path.targets.tolist()):
        knots, coef = _finite_knots(path, t, category, ends)
        curves.append(curve(knots, coef, _Form(other, t, coef)))
        tick()
    return curves


class _Form:
    """b'Hb and b'Hb - 2 h'b + e of one target, on the union of the supports of all its b only."""

    def __init__(self, other: Blocks, t: int, coef: scipy.sparse.csr_array):
        self.support = np.unique(coef.indices)
        self._h = other.block(t, self.support)
        self._row = other.entries(t, self.support)
        self._energy = other.energy[t]

    def quadratic(self, b: Float64) -> Float64:
        """Return b'Hb of every row b (k, support)."""
        return np.asarray(np.einsum("ki,ki->k", b @ self._h, b))

    def error(self, b: Float64) -> Float64:
        """Return b'Hb - 2 h'b + e of every row b."""
        return np.asarray(self.quadratic(b) - 2.0 * (b @ self._row) + self._energy)


def _lasso_curve(knots: Float64, coef: scipy.sparse.csr_array, form: _Form) -> PiecewiseQuadratic:
    """Return a quadratic on every piece, since b is linear in lambda there."""
    b = coef[:, form.support].toarray()
    return piecewise.of_knots(knots, form.error(b), form.quadratic(np.diff(b, axis=0)))


def _refitted_curve(knots: Float64, coef: scipy.sparse.csr_array, form: _Form) -> PiecewiseQuadratic:
    """Return a constant on every piece: least squares on its support is where its line meets lambda = 0."""
    b = coef[:, form.support].toarray()
    length = knots[:-1] - knots[1:]
    long = length > _SHORTEST * knots[:-1]
    ends = np.append(knots[:1], knots[1:][long])
    refitted = b[1:] + np.diff(b, axis=0) * (knots[1:] / np.where(long, length, 1.0))[:, np.newaxis]
    return piecewise.of_steps(ends, form.error(refitted[long]), float(form.error(b[:1])[0]))


def _finite_knots(
    path: Path, t: int, category: int, ends: scipy.sparse.csr_array
) -> tuple[Float64, scipy.sparse.csr_array]:
    """Knots of one path with its end, and the coefficients there.

    Unpenalised sources are there from the start: above lambda_max nothing changes.
    """
    knots = path.knots(category)
    first = int(np.count_nonzero(np.isinf(knots.lam)))
    start = path.lambda_max[t : t + 1]
    lam = np.concatenate([start, knots.lam[first:], path.lambda_end[t : t + 1]])
    top = knots.coef[[max(first - 1, 0)]] if len(knots.lam) else scipy.sparse.csr_array((1, path.n_sources))
    rows = [top, knots.coef[first:], ends[[t]]]
    return np.minimum(lam, start), scipy.sparse.csr_array(scipy.sparse.vstack(rows))
