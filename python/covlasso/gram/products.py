"""Products F F' of a factor with itself, symmetric to the last bit."""

from __future__ import annotations

import numpy as np

from covlasso._base.arrays import Float64

PANEL = 2048  # columns: enough for the full rate of BLAS, few enough to waste little above the diagonal
_STRIP = 256  # rows mirrored at a time: both strips stay in cache


def product(factor: Float64) -> Float64:
    """``factor factor'`` for C-ordered (n, r), symmetric to the last bit.

    By panels of columns: OpenBLAS's dsyrk was seen to crash on all of n = 21,841, r = 768 at once.
    """
    n = len(factor)
    full = np.empty((n, n))
    for start in range(0, n, PANEL):
        own = factor[start : start + PANEL]
        full[start:, start : start + PANEL] = factor[start:] @ own.T
    mirror(full)
    return full


def mirror(square: Float64) -> None:
    """Make the upper triangle equal to the lower one."""
    for start in range(0, len(square), _STRIP):
        stop = start + _STRIP
        block = square[start:stop, start:stop]
        block[:] = np.tril(block) + np.tril(block, -1).T
        square[start:stop, stop:] = square[stop:, start:stop].T
