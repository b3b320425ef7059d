"""One eigendecomposition of a Gram, which solves all least-squares problems on it, singular or not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from covlasso._base.arrays import Float64, Int32, Matrix
from covlasso._base.checks import check_number
from covlasso.gram.gram import EPS, Gram, as_gram

_INDEFINITE = float(np.sqrt(EPS))  # of the largest eigenvalue: beyond what rounding can do
_BLOCK = 1 << 24  # coefficients held together: 128 MB


class Spectral:
    """G = V diag(values) V' over the eigenvalues above the tolerance; the others count as 0.

    Attributes
    ----------
    eigenvalues : (n,) array
        All of them, falling; those of rounding may be below 0.
    tolerance : float
        Largest eigenvalue that counts as 0.
    values, vectors : (r,) array, (n, r) array
        Those above it.
    null : (n,) array
        N_ii of the projector N = I - V V' on the null space.
    exact : (n,) bool array
        Whether a combination of the other categories equals category i: N_ii > 0, beyond rounding.
    """

    def __init__(self, gram: Matrix | Gram, tolerance: float | None = None):
        self.eigenvalues, vectors, rounding = as_gram(gram).eigen()
        n = len(self.eigenvalues)
        share = rounding if tolerance is None else check_number(tolerance, "tolerance")
        self.tolerance = share * max(float(self.eigenvalues[0]), 0.0)
        if self.eigenvalues[-1] < -_INDEFINITE * abs(self.eigenvalues[0]):
            raise ValueError(
                f"gram has the eigenvalue {self.eigenvalues[-1]:.3g}, so it is no second moment; "
                "moments of logits are positive semi-definite"
            )
        rank = int(np.count_nonzero(self.eigenvalues > self.tolerance))
        self.values, self.vectors = self.eigenvalues[:rank].copy(), np.ascontiguousarray(vectors[:, :rank])
        rest = vectors[:, rank:n]
        inside = np.square(self.vectors).sum(axis=1)
        outside = np.square(rest).sum(axis=1)
        complete = vectors.shape[1] >= n
        self.null: Float64 = outside if complete else np.maximum(1.0 - inside, 0.0)
        self.exact = self.null > 10.0 * n * EPS

    @property
    def n(self) -> int:
        """Number of categories."""
        return len(self.eigenvalues)

    @property
    def rank(self) -> int:
        """Number of eigenvalues above the tolerance."""
        return len(self.values)

    def inverse_diagonal(self) -> Float64:
        """Diagonal of the pseudo-inverse, (n,)."""
        return np.asarray(np.square(self.vectors) @ (1.0 / self.values))

    def leading_rows(self, rows: Int32) -> Float64:
        """Rows of N where the category is explained exactly, of G^+ elsewhere: they take it out."""
        of_null = -(self.vectors[rows] @ self.vectors.T)
        of_null[np.arange(len(rows)), rows] = self.null[rows]
        of_inverse = (self.vectors[rows] / self.values) @ self.vectors.T
        return np.asarray(np.where(self.exact[rows][:, np.newaxis], of_null, of_inverse))

    def solve(self, cross: Matrix) -> Float64:
        """G^+ c for every row c of ``cross``: the least-squares solution of least norm."""
        return np.asarray((cross.astype(np.float64) @ self.vectors / self.values) @ self.vectors.T)


def full_solutions(spectral: Spectral, cross: Matrix | None, own: Int32) -> Iterator[tuple[slice, Float64]]:
    """Least squares of every target on all sources but ``own`` (-1: on all): blocks of rows, coefficients.

    ``cross`` has a row per target, or is None within one network, where ``own`` are the targets themselves.
    There, with K = G^+ (or, where category i is explained exactly, K = N, the projector on the
    null space), b = -K_i / K_ii off the diagonal. Between two networks, with a = G^+ c, leaving source i out
    gives b = a - K_i a_i / K_ii. Both minimise b'Gb - 2 c'b over all b with b_i = 0.
    """
    size = max(1, _BLOCK // spectral.n)
    for start in range(0, len(own), size):
        block = slice(start, min(start + size, len(own)))
        left_out = np.maximum(own[block], 0)
        place = np.arange(len(left_out))
        away = spectral.leading_rows(left_out)
        with np.errstate(divide="ignore", invalid="ignore"):
            away /= away[place, left_out][:, np.newaxis]
        away[~np.isfinite(away)] = 0.0  # a source that is always 0
        if cross is None:
            coef = -away
        else:
            coef = spectral.solve(cross[block])
            coef -= np.where(own[block] >= 0, coef[place, left_out], 0.0)[:, np.newaxis] * away
        excluded = own[block] >= 0
        coef[place[excluded], left_out[excluded]] = 0.0
        yield block, coef
