"""Symmetric accumulators in LAPACK's rectangular full packed format: n (n + 1) / 2 numbers, level 3 updates.

One triangle is all there is, so a matrix unpacked from it is symmetric to the last bit. scipy.linalg is
imported on use: it would double the time of ``import covlasso``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Index = npt.NDArray[np.intp]

MAX_SIZE = 65_535  # LAPACK counts the n (n + 1) / 2 entries in 32 bits
_STRIP = 256  # rows mirrored at a time: both strips stay in cache


def zeros(n: int) -> Float64:
    """Return the packed n x n zero matrix."""
    return np.zeros(n * (n + 1) // 2)


def add_products(packed: Float64, rows: Float64, scale: float = 1.0) -> Float64:
    """``scale * packed + rows' rows``; in place where scale is 1."""
    from scipy.linalg.lapack import dsfrk

    k, n = rows.shape
    result: Float64 = dsfrk(n, k, 1.0, rows.T, scale, packed, overwrite_c=scale == 1.0)
    return result


def pack(matrix: Float64) -> Float64:
    """Packed form of a C-ordered symmetric matrix."""
    from scipy.linalg.lapack import dtrttf

    packed: Float64 = dtrttf(matrix.T)[0]
    return packed


def unpack(packed: Float64, n: int) -> Float64:
    """Return the full (n, n) matrix, C-ordered."""
    from scipy.linalg.lapack import dtfttr

    full: Float64 = dtfttr(n, packed)[0].T  # C-ordered, lower triangle
    for start in range(0, n, _STRIP):
        stop = min(start + _STRIP, n)
        block = full[start:stop, start:stop]
        block[:] = np.tril(block) + np.tril(block, -1).T
        full[start:stop, stop:] = full[stop:, start:stop].T
    return full


def rows(packed: Float64, n: int, index: slice | npt.NDArray[np.integer]) -> Float64:
    """Return the rows ``index`` of the full matrix."""
    chosen = np.arange(n)[index]
    column = np.arange(n)
    result = np.empty((len(chosen), n))
    for row, i in zip(result, chosen, strict=True):
        row[:] = packed[_position(np.minimum(i, column), np.maximum(i, column), n)]
    return result


def diagonal(packed: Float64, n: int) -> Float64:
    """Return the diagonal of the matrix."""
    i = np.arange(n)
    entries: Float64 = packed[_position(i, i, n)]
    return entries


def product(factor: Float64) -> Float64:
    """``factor factor'``, C-ordered, symmetric to the last bit."""
    n = len(factor)
    return unpack(add_products(zeros(n), factor.T), n)


def root(packed: Float64, n: int) -> Float64:
    """Return L (n, rank) with L L' the positive semi-definite matrix, by Cholesky with complete pivoting.

    The matrix is scaled to a unit diagonal first, so that LAPACK's tolerance of n eps for the rank does not
    depend on the units of the columns.
    """
    from scipy.linalg.lapack import dpstrf

    scale = np.sqrt(diagonal(packed, n))
    scaled = unpack(packed, n)
    divisor = np.where(scale > 0.0, scale, 1.0)
    scaled /= divisor
    scaled /= divisor[:, np.newaxis]
    lower, pivot, rank, _ = dpstrf(scaled.T, lower=1, overwrite_a=1)
    result = np.empty((n, rank))
    result[pivot - 1] = np.tril(lower[:, :rank])
    result *= scale[:, np.newaxis]
    return result


def to_triangle(packed: Float64, n: int) -> Float64:
    """Return the lower triangle by rows, as ``numpy.tril_indices`` counts: any reader understands it."""
    from scipy.linalg.lapack import dtfttp

    triangle: Float64 = dtfttp(n, packed)[0]
    return triangle


def from_triangle(triangle: Float64, n: int) -> Float64:
    """Inverse of `to_triangle`."""
    from scipy.linalg.lapack import dtpttf

    packed: Float64 = dtpttf(n, triangle)[0]
    return packed


def _position(i: Index, j: Index, n: int) -> Index:
    """Return where entry (i, j), i <= j, is.

    The format is an array of columns: columns n // 2 and up of the upper triangle, and below them
    the columns before, transposed.
    """
    half = n // 2
    height = n + 1 - n % 2
    before = half + 1 + j + height * i
    return np.where(j >= half, i + height * (j - half), before)
