"""Piecewise quadratics of lambda: the error of a path on other samples, its minimum, its sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from covlasso._base.arrays import Float64


@dataclass(frozen=True, eq=False)
class PiecewiseQuadratic:
    """q(lambda) on pieces between falling knots; constant above the first knot and below the last.

    On the piece from knots[k] down to knots[k + 1], a share t of the way::

        q = (1 - t) upper[k] + t lower[k] - t (1 - t) bend[k]

    Attributes
    ----------
    knots : (k + 1,) array
        Strictly falling.
    upper, lower : (k,) arrays
        Values at the ends of each piece.
    bend : (k,) array
        Curvature; at least 0.
    above : float
        Value at the first knot and above it.
    """

    knots: Float64
    upper: Float64
    lower: Float64
    bend: Float64
    above: float

    def __call__(self, lam: float) -> float:
        """Value at one lambda; at a knot that of the piece above it."""
        if lam >= self.knots[0]:
            return self.above
        k = int(np.searchsorted(-self.knots, -lam)) - 1
        if k >= len(self.upper):
            return float(self.lower[-1]) if len(self.lower) else self.above
        t = (self.knots[k] - lam) / (self.knots[k] - self.knots[k + 1])
        return float((1 - t) * self.upper[k] + t * self.lower[k] - t * (1 - t) * self.bend[k])

    def minimum(self, least: float = 0.0) -> tuple[float, float]:
        """(lambda, value) of the minimum over lambda >= least; of equal ones the largest lambda.

        On a piece of constant value it is the middle.
        """
        t, value = self._lowest(least)
        if len(value) == 0 or self.above <= value.min():
            return float(self.knots[0]), self.above
        k = int(np.argmin(value))
        return max(self._place(k, t[k]), least), float(value[k])

    def first_below(self, level: float) -> float | None:
        """Return the largest lambda with q <= level, or None; in the middle of a piece of constant value."""
        if self.above <= level:
            return float(self.knots[0])
        t, value = self._lowest(0.0)
        reached = np.flatnonzero(value <= level)
        if len(reached) == 0:
            return None
        k = int(reached[0])
        if self.upper[k] <= level:
            return self._place(k, 0.0)
        # The smaller root of rest + slope t + bend t^2; slope < 0, since the piece falls to the level.
        slope, rest = self.lower[k] - self.upper[k] - self.bend[k], self.upper[k] - level
        root = np.sqrt(max(slope * slope - 4.0 * self.bend[k] * rest, 0.0))
        return self._place(k, min(2.0 * rest / (root - slope), t[k]))

    def _lowest(self, least: float) -> tuple[Float64, Float64]:
        """Where each piece that reaches above ``least`` is lowest (share of the way), and its value there."""
        n = int(np.count_nonzero(self.knots[:-1] > least))
        high, low = self.knots[:n], self.knots[1 : n + 1]
        upper, lower, bend = self.upper[:n], self.lower[:n], self.bend[:n]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (upper - lower + bend) / (2.0 * bend)
        t = np.where(bend > 0.0, t, (lower < upper).astype(np.float64))
        t = np.clip(t, 0.0, np.minimum(1.0, (high - least) / (high - low)))
        return t, upper - t * (upper - lower) - t * (1.0 - t) * bend

    def _place(self, k: int, t: float) -> float:
        """Lambda a share t down piece k."""
        high, low = float(self.knots[k]), float(self.knots[k + 1])
        if self.upper[k] == self.lower[k] and self.bend[k] == 0.0:
            return 0.5 * (high + low)
        return low if t >= 1.0 else high - t * (high - low)


def of_knots(knots: Float64, value: Float64, bend: Float64) -> PiecewiseQuadratic:
    """Join knots (not rising) by quadratics; pieces of no length are left out."""
    long = np.diff(knots) < 0.0
    kept = np.append(long, True)
    return PiecewiseQuadratic(
        np.append(knots[:1], knots[1:][long]) if long.any() else knots[kept],
        value[:-1][long],
        value[1:][long],
        bend[long],
        float(value[0]),
    )


def of_steps(knots: Float64, value: Float64, above: float) -> PiecewiseQuadratic:
    """Make a function that is constant on every piece between falling knots."""
    return PiecewiseQuadratic(knots, value, value, np.zeros(len(value)), above)


def mean_of(functions: Sequence[PiecewiseQuadratic]) -> PiecewiseQuadratic:
    """Mean of piecewise quadratics, exact up to rounding: again one, on the knots of all.

    Every piece is a polynomial in lambda; where it begins its coefficients are added to running sums, and
    where it ends they are taken off again.
    """
    begin = np.concatenate([f.knots[:-1] for f in functions])
    end = np.concatenate([f.knots[1:] for f in functions])
    lam = np.concatenate([begin, end, [f.knots[-1] for f in functions], [f.knots[0] for f in functions]])
    change = np.concatenate([
        polynomials := np.concatenate([_polynomials(f) for f in functions]),
        -polynomials,
        [[f.lower[-1] if len(f.lower) else f.above, 0.0, 0.0] for f in functions],
        [[-f.above, 0.0, 0.0] for f in functions],
    ])  # fmt: skip
    order = np.argsort(-lam, kind="stable")
    above = sum(f.above for f in functions)
    total = np.cumsum(change[order], axis=0) + np.array([above, 0.0, 0.0])
    falling = lam[order]
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)  # the last change at each lambda
    knots, total = falling[last], total[last] / len(functions)
    high, low, piece = knots[:-1], knots[1:], total[:-1]
    upper, lower = _values(piece, high), _values(piece, low)
    bend = np.maximum(piece[:, 2], 0.0) * (high - low) ** 2
    return PiecewiseQuadratic(knots, upper, lower, bend, above / len(functions))


def _polynomials(f: PiecewiseQuadratic) -> Float64:
    """Coefficients of 1, lambda, lambda^2 of every piece, (k, 3)."""
    high, length = f.knots[:-1], f.knots[:-1] - f.knots[1:]
    slope = (f.upper - f.lower + f.bend) / length  # d q / d lambda at the upper end
    curve = f.bend / length**2
    constant = f.upper - slope * high + curve * high**2
    return np.column_stack([constant, slope - 2.0 * curve * high, curve])


def _values(polynomials: Float64, lam: Float64) -> Float64:
    return polynomials[:, 0] + lam * (polynomials[:, 1] + lam * polynomials[:, 2])
