"""A Gram matrix that is held as its factor: for more categories than an n x n matrix has room for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso import _core
from covlasso._matrix import check_matrix

Float64 = npt.NDArray[np.float64]


class FactoredGram:
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
        self._core = _core.FactoredGram(factor)

    @property
    def factor(self) -> Float64:
        """F, (n, r): the array given."""
        return self._factor

    @property
    def shape(self) -> tuple[int, int]:
        """(n, n)."""
        return (len(self._factor), len(self._factor))

    @property
    def core(self) -> _core.FactoredGram:
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

    def __repr__(self) -> str:
        """Say how large it is."""
        return "FactoredGram({} categories, factor with {} columns)".format(*self._factor.shape)
