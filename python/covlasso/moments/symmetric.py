"""A symmetric sum of products, half stored, updated at the rate of dsyrk.

scipy.linalg is imported on use: it would double the time of ``import covlasso``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from covlasso._base.arrays import Float64, Places
from covlasso.gram import PANEL, mirror


class SymmetricSum:
    """A symmetric n x n matrix in panels: columns [k PANEL, (k + 1) PANEL) from their diagonal tile down.

    Of a diagonal tile the lower triangle counts; `mirror` makes the upper one equal to it, and has to be
    called before anything is read. So what is read is symmetric to the last bit; n (n + PANEL) / 2 numbers
    are stored.
    """

    def __init__(self, n: int):
        self.n = n
        self._panels = [np.zeros((n - start, min(PANEL, n - start))) for start in range(0, n, PANEL)]

    @classmethod
    def from_dense(cls, matrix: Float64) -> SymmetricSum:
        """Keep a symmetric matrix."""
        total = cls(len(matrix))
        for columns, panel in total._placed():
            panel[:] = matrix[columns.start :, columns]
        return total

    @classmethod
    def from_triangle(cls, triangle: Float64, n: int) -> SymmetricSum:
        """Inverse of `to_triangle`."""
        total = cls(n)
        for row, here in total._runs():
            row[:] = triangle[here]
        return total

    def to_triangle(self) -> Float64:
        """Return the lower triangle by rows, as ``numpy.tril_indices`` counts: any reader understands it."""
        triangle = np.empty(self.n * (self.n + 1) // 2)
        for row, here in self._runs():
            triangle[here] = row
        return triangle

    def copy(self) -> SymmetricSum:
        """Return a copy."""
        twin = SymmetricSum(0)
        twin.n, twin._panels = self.n, [panel.copy() for panel in self._panels]
        return twin

    def add_products(self, rows: Float64) -> None:
        """Add ``rows' rows`` to the lower triangle, for C-ordered ``rows`` (k, n)."""
        from scipy.linalg.blas import dgemm, dsyrk

        for columns, panel in self._placed():
            width = panel.shape[1]
            own = rows[:, columns].T
            tile, below = panel[:width], panel[width:]
            # BLAS sees C-ordered arrays as their transposes, and updates them in place.
            dsyrk(1.0, own, 1.0, tile.T, overwrite_c=True)
            if len(below):
                dgemm(1.0, own, rows[:, columns.stop :].T, 1.0, below.T, trans_b=True, overwrite_c=True)

    def add(self, other: SymmetricSum) -> None:
        """Add another such matrix."""
        for panel, more in zip(self._panels, other._panels, strict=True):
            panel += more

    def mirror(self) -> None:
        """Copy the lower triangles of the diagonal tiles to the upper ones."""
        for panel in self._panels:
            mirror(panel[: panel.shape[1]])

    def part(self, rows: slice | Places, columns: slice) -> Float64:
        """Return the given rows of the given columns, C-ordered; slices have a start and a stop."""
        length = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
        result = np.empty((length, columns.stop - columns.start))
        for own, panel in self._placed():
            here = slice(max(own.start, columns.start), min(own.stop, columns.stop))
            if here.start < here.stop:
                to, below = _rows_within(rows, own.start, self.n)
                result[to, _shift(here, columns)] = panel[below, _shift(here, own)]
            right = slice(max(own.stop, columns.start), columns.stop)
            if right.start < right.stop:
                to, beside = _rows_within(rows, own.start, own.stop)
                result[to, _shift(right, columns)] = panel[_shift(right, own), beside].T
        return result

    def diagonal(self) -> Float64:
        """Return the diagonal."""
        return np.concatenate([np.diagonal(panel) for panel in self._panels])

    def _placed(self) -> Iterator[tuple[slice, Float64]]:
        """Panels with their columns."""
        for k, panel in enumerate(self._panels):
            yield slice(k * PANEL, k * PANEL + panel.shape[1]), panel

    def _runs(self) -> Iterator[tuple[Float64, slice]]:
        """Lower triangle row by row, in contiguous runs, with their places in `to_triangle`."""
        for i in range(self.n):
            first = i * (i + 1) // 2
            for columns, panel in self._placed():
                if columns.start <= i:
                    stop = min(columns.stop, i + 1)
                    row = panel[i - columns.start, : stop - columns.start]
                    yield row, slice(first + columns.start, first + stop)


def root(matrix: Float64) -> Float64:
    """Return L (n, rank or 1) with L L' the positive semi-definite matrix: Cholesky, complete pivoting.

    The matrix is scaled to a unit diagonal first, so that LAPACK's tolerance of n eps for the rank does not
    depend on the units of the columns. ``matrix`` is overwritten.
    """
    from scipy.linalg.lapack import dpstrf

    scale = np.sqrt(np.diagonal(matrix))
    divisor = np.where(scale > 0.0, scale, 1.0)
    matrix /= divisor
    matrix /= divisor[:, np.newaxis]
    lower, pivot, rank, _ = dpstrf(matrix.T, lower=True, overwrite_a=True)
    lower = np.tril(lower[:, : max(rank, 1)])  # of the zero matrix one column of zeros
    result = np.empty(lower.shape)
    result[pivot - 1] = lower
    result *= scale[:, np.newaxis]
    return result


def _rows_within(rows: slice | Places, start: int, stop: int) -> tuple[slice | Places, slice | Places]:
    """Return which of ``rows`` are in [start, stop), and how far from ``start`` these are."""
    if isinstance(rows, slice):
        found = slice(max(rows.start, start), max(rows.start, start, min(rows.stop, stop)))
        return _shift(found, rows), slice(found.start - start, found.stop - start)
    chosen = np.flatnonzero((rows >= start) & (rows < stop))
    return chosen, rows[chosen] - start


def _shift(part: slice, whole: slice) -> slice:
    """Place of ``part`` counted from the start of ``whole``."""
    return slice(part.start - whole.start, part.stop - whole.start)
