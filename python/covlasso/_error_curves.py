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
from covlasso._quadratic import Matrix, linear, quadratic
from covlasso.dependencies import Dependencies
from covlasso.moments import Kind, Moments

if TYPE_CHECKING:
    from covlasso.factored import FactoredGram
    from covlasso.solution_path import Path

Float64 = npt.NDArray[np.float64]


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
    if refit:
        return _refitted_curves(path, other, report)
    ends = path.at(lam=path.lambda_end).coef
    curves = []
    for t, category in enumerate(path.targets.tolist()):
        curves.append(_curve(path, t, category, ends, other))
        report()
    return curves


def _curve(
    path: Path, t: int, category: int, ends: scipy.sparse.csr_array, other: Other
) -> PiecewiseQuadratic:
    """Error of one target: b is linear between its knots, so the error is quadratic.

    Only what b needs is read: H on the union of its supports.
    """
    knots, coef = _finite_knots(path, t, category, ends)
    support = np.unique(coef.indices)
    b = coef[:, support].toarray()
    step = np.diff(b, axis=0)
    if isinstance(other.gram, np.ndarray):
        h = other.gram[np.ix_(support, support)].astype(np.float64)
        value, bend = np.einsum("ki,ki->k", b @ h, b), np.einsum("ki,ki->k", step @ h, step)
        row = (other.gram if other.cross is None else other.cross)[category, support].astype(np.float64)
    else:
        factor = other.gram.factor[support]
        value, bend = np.square(b @ factor).sum(axis=1), np.square(step @ factor).sum(axis=1)
        row = factor @ other.gram.factor[category] if other.cross is None else other.cross[category, support]
    value += other.energy[t] - 2.0 * (b @ row)
    return _piecewise.of_knots(knots, value, bend)


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


def _refitted_curves(path: Path, other: Other, report: Callable[[], None]) -> list[PiecewiseQuadratic]:
    """Error after a refit: constant on every piece, where the support does not change."""
    n = path.n_targets
    knots = [_piece_ends(path, t, category) for t, category in enumerate(path.targets.tolist())]
    pieces = np.array([len(lam) - 1 for lam in knots])
    errors = np.full((n, max(1, int(pieces.max(initial=0)))), np.nan)
    for k in range(errors.shape[1]):
        at = np.array([0.5 * (lam[k] + lam[k + 1]) if k < m else lam[-1]
                       for lam, m in zip(knots, pieces, strict=True)])  # fmt: skip
        errors[:, k] = _error(path.at(lam=at, refit=True), other)
    above = _error(path.at(lam=np.array([lam[0] for lam in knots]), refit=True), other)
    for _ in range(n):
        report()
    return [
        _piecewise.of_steps(lam, errors[t, : len(lam) - 1], float(above[t])) for t, lam in enumerate(knots)
    ]


def _piece_ends(path: Path, t: int, category: int) -> Float64:
    """Lambdas where the support of one path may change, strictly falling, its end included."""
    lam = path.knots(category).lam
    ends = np.concatenate([path.lambda_max[t : t + 1], lam[np.isfinite(lam)], path.lambda_end[t : t + 1]])
    return np.unique(np.minimum(ends, path.lambda_max[t]))[::-1]


def _error(deps: Dependencies, other: Other) -> Float64:
    return (
        quadratic(deps.coef, other.gram)
        - 2.0 * linear(deps.coef, other.gram, other.cross, deps.targets)
        + other.energy
    )
