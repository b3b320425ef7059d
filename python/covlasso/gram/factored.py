"""A Gram matrix that is held as its factor: for more categories than an n x n matrix has room for."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Float64, Int32
from covlasso._base.checks import check_matrix
from covlasso._core import FactoredGram as CoreGram
from covlasso.gram.gram import EPS, Eigen, Gram
from covlasso.gram.products import product


class FactoredGram(Gram):
    """G = F F' by its factor F; `covlasso.path` and `covlasso.solve` take it for ``gram``.

    The (n, n) matrix is never formed: n = 150,000 categories with r = 2000 take the 2.4 GB of F in place of
    180 GB. The logits W h + b of a linear head have such a Gram: F = [W b] L, where L L' are the second
    moments of (h, 1). A product with G reads all of F: where G fits into memory, the dense form is faster.

    Parameters
    ----------
    factor : (n, r) float64 array
        F, one row per category, with contiguous rows. It is read in place: leave it unchanged meanwhile. Any
        r >= 1 will do, above n too. Each row is zero or has a length from 1e-75 to 1e75, so that entries of G
        are from 1e-150 to 1e150.

    Raises
    ------
    TypeError, ValueError
        Not such an array, empty, not finite, or a row is too short or too long; the message names the place.

    Examples
    --------
    >>> import numpy as np
    >>> gram = FactoredGram(np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 0.5]]))
    >>> gram.shape, gram.diagonal(), gram.rows([1])
    ((3, 3), array([2.  , 4.  , 0.25]), array([[2., 4., 0.]]))
    """

    def __init__(self, factor: Float64):
        check_matrix(factor, "factor")
        if factor.dtype != np.float64:
            raise TypeError(f"factor is {factor.dtype}; give np.ascontiguousarray(factor, dtype=np.float64)")
        if factor.size == 0:
            raise ValueError(
                f"factor has shape {factor.shape}; at least one row (category) and one column are expected"
            )
        self._factor = factor
        self._core = CoreGram(factor)

    @property
    def factor(self) -> Float64:
        """F, (n, r): the array given."""
        return self._factor

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""
        return (len(self._factor), len(self._factor))

    @property
    def core(self) -> CoreGram:
        """What the core reads."""
        return self._core

    def diagonal(self) -> Float64:
        """G_jj = |F_j|^2 of all categories, (n,)."""
        return self._core.diagonal()

    def rows(self, index: Any) -> Float64:
        """Return rows of G, with the bits that the solver sees.

        Parameters
        ----------
        index : slice, or array of k integers or n booleans
            Which rows, as numpy picks them.

        Returns
        -------
        (k, n) array

        Raises
        ------
        IndexError
            No such row.
        """
        picked = np.arange(len(self._factor), dtype=np.int32)[index]
        return self._core.rows(np.ascontiguousarray(np.atleast_1d(picked)))

    @property
    def rank_bound(self) -> int:
        """The smaller of n and r."""
        n, r = self._factor.shape
        return int(min(n, r))

    @property
    def rounding(self) -> float:
        """Unit of float64."""
        return EPS

    def entries(self, row: int, columns: Any) -> Float64:
        """Return G(row, j) for all j in ``columns``."""
        return np.asarray(self._factor[columns] @ self._factor[row])

    def block(self, support: Any) -> Float64:
        """Return G on some categories, (k, k)."""
        factor = self._factor[support]
        return np.asarray(factor @ factor.T)

    def dense(self) -> Float64:
        """All of G, (n, n)."""
        return product(self._factor)

    def quadratic(self, coef: scipy.sparse.csr_array) -> Float64:
        """|F'b|^2 of every row b of ``coef``."""
        projected = coef @ self._factor
        return np.asarray(np.einsum("tr,tr->t", projected, projected))

    def linear(self, coef: scipy.sparse.csr_array, targets: Int32) -> Float64:
        """F_i F'b of every row b of ``coef``."""
        return np.asarray(np.einsum("tr,tr->t", coef @ self._factor, self._factor[targets]))

    def eigen(self) -> Eigen:
        """Squares of the singular values of F and its left singular vectors."""
        n, r = self._factor.shape
        vectors, singular, _ = np.linalg.svd(self._factor, full_matrices=False)
        values = np.zeros(n)
        values[: len(singular)] = singular**2
        return Eigen(values, vectors, (max(n, r) * EPS) ** 2)  # of squares of singular values

    def __repr__(self) -> str:
        """Say how large it is."""
        return "FactoredGram({} categories, factor with {} columns)".format(*self._factor.shape)
