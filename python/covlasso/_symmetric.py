"""Symmetric accumulators in LAPACK's rectangular full packed format: n (n + 1) / 2 numbers, level 3 updates.

One triangle is all there is, so a matrix unpacked from it is symmetric to the last bit. scipy.linalg is
imported on use: it would double the time of ``import covlasso``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

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
