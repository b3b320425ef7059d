"""Error of a path on other samples, as a function of lambda: one piecewise quadratic per target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso import _piecewise
from covlasso._piecewise import PiecewiseQuadratic
from covlasso._quadratic import Matrix
from covlasso.moments import Kind, Moments

if TYPE_CHECKING:
    from covlasso.factored import FactoredGram
    from covlasso.solution_path import Path

Float64 = npt.NDArray[np.float64]

_SHORTEST = 1e-9  # of its lambda: a shorter piece is rounding, and has no line to follow to lambda = 0


@dataclass(frozen=True)
class Other:
    """Moments that the error is measured on: H, rows h_i, and e_i of the targets of a path."""

    gram: Matrix | FactoredGram
    cross: Matrix | None
    energy: Float64


def arrays(moments: Moments, target: str, source: str, moment: Kind) -> tuple[Any, Any, Any]:
    """(gram, cross, energy) as `covlasso.path` takes them; the last two None within one network."""
    gram = moments.gram(source, moment)
    if target == source:
        return gram, None, None
    return gram, getattr(moments, moment)(target, source), moments.energy(target, moment)


def other_of(path: Path, moments: Moments, target: str, source: str, moment: Kind) -> Other:
    if moments.sizes[source] != path.n_sources or moments.sizes[target] <= path.targets.max():
        raise ValueError(
            f"the paths have {path.n_sources} sources and targets up to {path.targets.max()}; {source!r} has "
            f"{moments.sizes[source]} categories and {target!r} has {moments.sizes[target]}"
        )
    gram, cross, _ = arrays(moments, target, source, moment)
    return Other(gram, cross, moments.energy(target, moment)[path.targets])


def error_curves(
    path: Path, other: Other, refit: bool, report: Callable[[], None]
) -> list[PiecewiseQuadratic]:
    """Error of every target on other moments, as a function of lambda."""
    ends = path.at(lam=path.lambda_end).coef
    curve = _refitted_curve if refit else _lasso_curve
    curves = []
    for t, category in enumerate(path.targets.tolist()):
        knots, coef = _finite_knots(path, t, category, ends)
        curves.append(curve(knots, coef, _Form(other, t, category, coef)))
        report()
    return curves


class _Form:
    """b'Hb and b'Hb - 2 h'b + e of one target, on the union of the supports of all its b only."""

    def __init__(self, other: Other, t: int, category: int, coef: scipy.sparse.csr_array):
        self.support = np.unique(coef.indices)
        self._energy = other.energy[t]
        if isinstance(other.gram, np.ndarray):
            self._h = other.gram[np.ix_(self.support, self.support)].astype(np.float64)
            own = (other.gram if other.cross is None else other.cross)[category, self.support]
        else:
            self._h = None
            self._factor = other.gram.factor[self.support]
            own = (
                self._factor @ other.gram.factor[category]
                if other.cross is None
                else other.cross[category, self.support]
            )
        self._row = own.astype(np.float64)

    def quadratic(self, b: Float64) -> Float64:
        """Return b'Hb of every row b (k, support)."""
        if self._h is None:
            return np.asarray(np.square(b @ self._factor).sum(axis=1))
        return np.asarray(np.einsum("ki,ki->k", b @ self._h, b))

    def error(self, b: Float64) -> Float64:
        """Return b'Hb - 2 h'b + e of every row b."""
        return np.asarray(self.quadratic(b) - 2.0 * (b @ self._row) + self._energy)


def _lasso_curve(knots: Float64, coef: scipy.sparse.csr_array, form: _Form) -> PiecewiseQuadratic:
    """Return a quadratic on every piece, since b is linear in lambda there."""
    b = coef[:, form.support].toarray()
    return _piecewise.of_knots(knots, form.error(b), form.quadratic(np.diff(b, axis=0)))


def _refitted_curve(knots: Float64, coef: scipy.sparse.csr_array, form: _Form) -> PiecewiseQuadratic:
    """Return a constant on every piece: least squares on its support is where its line meets lambda = 0."""
    b = coef[:, form.support].toarray()
    length = knots[:-1] - knots[1:]
    long = length > _SHORTEST * knots[:-1]
    ends = np.append(knots[:1], knots[1:][long])
    refitted = b[1:] + np.diff(b, axis=0) * (knots[1:] / np.where(long, length, 1.0))[:, np.newaxis]
    return _piecewise.of_steps(ends, form.error(refitted[long]), float(form.error(b[:1])[0]))


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
