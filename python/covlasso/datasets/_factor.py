"""The stored form of a second moment: an integer factor, so that what is loaded is exactly what was meant.

A symmetric positive semi-definite E (n x n) is stored as E ~ D L L' D, where L is lower triangular with
integer entries below 2^23 in size and D = diag(2^x_0, ..., 2^x_{n-1}). Row i of L has a norm of at most about
2^22, so every sum in L L' stays below 2^53: the product is computed in float64 without any rounding, in
whatever order, and scaling by powers of two adds none. The loaded matrix is therefore, to the last bit and on
every machine, symmetric, positive semi-definite, and inside |E_ij| <= sqrt(E_ii E_jj).

The entries of L, column by column, are mapped to 0, 1, 2, ... (0, -1, 1, -2, 2, ...; so that small ones have
small codes) and split into three planes of bytes; the nearly constant high plane is what the compression of a
wheel removes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Planes = npt.NDArray[np.uint8]
Exponents = npt.NDArray[np.int8]

_STRIP = 512


def pack(factor: npt.NDArray[np.int64]) -> Planes:
    """Byte planes (3, n (n + 1) / 2) of a lower triangular integer matrix with entries in [-2^23, 2^23)."""
    column_by_column = factor.T[np.triu(np.ones(factor.shape, dtype=bool))]
    code = np.where(column_by_column >= 0, 2 * column_by_column, -2 * column_by_column - 1)
    if code.size and int(code.max()) >= 1 << 24:
        raise ValueError(
            f"factor: an entry of size {np.abs(factor).max()} does not fit 24 bits; use a wider step"
        )
    return np.stack([(code >> shift & 0xFF).astype(np.uint8) for shift in (0, 8, 16)])


def unpack(planes: Planes, n: int) -> npt.NDArray[np.float64]:
    """Restore the transposed factor L' (n x n, upper triangular) of ``pack``, as float64."""
    code = planes[0].astype(np.int32)
    code |= planes[1].astype(np.int32) << 8
    code |= planes[2].astype(np.int32) << 16
    transposed = np.zeros((n, n))
    transposed[np.triu(np.ones((n, n), dtype=bool))] = (code >> 1) ^ -(code & 1)
    return transposed


def factor(planes: Planes, exponents: Exponents) -> npt.NDArray[np.float64]:
    """Compute L'D (n x n, upper triangular), the transposed factor of `product`, exact in float64."""
    transposed = unpack(planes, len(exponents))
    transposed *= np.exp2(exponents.astype(np.float64))
    return transposed


def product(planes: Planes, exponents: Exponents) -> npt.NDArray[np.float64]:
    """Compute the matrix D L L' D that ``planes`` (L) and ``exponents`` (x) stand for, exact in float64."""
    return square(factor(planes, exponents))


def square(transposed: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Compute the matrix whose transposed `factor` this is: scaled by powers of two, as exact as without."""
    second_moment = np.zeros(transposed.shape)
    for first in range(0, len(transposed), _STRIP):  # rows are zero before the diagonal: a third of the work
        rows = transposed[first : first + _STRIP, first:]
        second_moment[first:, first:] += rows.T @ rows
    return second_moment
