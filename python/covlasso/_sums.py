"""Counts, means and centred sums of products of several blocks of columns, accumulated in float64."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso import _symmetric

Float64 = npt.NDArray[np.float64]

BLOCK = 1024  # samples multiplied at a time


class JointSums:
    """Means m_a and centred sums S_ab = sum over samples of (z_a - m_a)(z_b - m_b)' of blocks z_a, z_b, ...

    Samples wait until there are BLOCK of them and are then added by the rule of Chan, Golub and LeVeque
    (1983): k samples with mean m' add their own centred sums and count k / (count + k) (m' - m)(m' - m)'.
    Nothing cancels, so covariances of columns with large means are as accurate as second moments. How the
    samples were cut into batches plays no part: the same samples in the same order give the same bits.
    """

    def __init__(self, sizes: Mapping[str, int]):
        self.sizes = dict(sizes)
        self.added = 0  # samples in the sums
        self.waiting = 0  # samples in the first rows of _rows
        self._mean = {name: np.zeros(n) for name, n in self.sizes.items()}
        self._within = {name: _symmetric.zeros(n) for name, n in self.sizes.items()}  # S_aa, packed
        self._across = {
            (a, b): np.zeros((self.sizes[a], self.sizes[b])) for a, b in combinations(self.sizes, 2)
        }
        self._rows: dict[str, Float64] = {}  # the samples that wait, and one more row to fill

    @property
    def count(self) -> int:
        """Number of samples."""
        return self.added + self.waiting

    def append(self, batch: Mapping[str, npt.NDArray[Any]]) -> None:
        """Add samples: one array (k, n) of finite numbers per block."""
        length = len(next(iter(batch.values())))
        start = 0
        while start < length:
            stop = min(length, start + BLOCK - self.waiting)
            self._wait({name: rows[start:stop] for name, rows in batch.items()}, stop - start)
            if self.waiting == BLOCK:
                self.close()
            start = stop

    def close(self) -> None:
        """Add the samples that wait, without waiting for more."""
        if self.waiting:
            k, self.waiting = self.waiting, 0
            mean = {name: _centre(rows[:k]) for name, rows in self._rows.items()}
            self._add(k, mean, {name: rows[: k + 1] for name, rows in self._rows.items()})

    def closed(self) -> JointSums:
        """Return these sums with no sample waiting: themselves, or a copy."""
        return self if self.waiting == 0 else self.copy()

    def copy(self) -> JointSums:
        """Return a closed copy."""
        twin = JointSums({})
        twin.sizes, twin.added = self.sizes, self.added
        twin._mean = dict(self._mean)  # replaced, never changed in place
        twin._within = {name: block.copy() for name, block in self._within.items()}
        twin._across = {pair: block.copy() for pair, block in self._across.items()}
        twin.waiting = self.waiting
        twin._rows = {name: rows[: self.waiting + 1].copy() for name, rows in self._rows.items()}
        twin.close()
        twin._rows = {}
        return twin

    def merge(self, other: JointSums) -> None:
        """Add the samples of ``other``; both are closed first, ``other`` as a copy."""
        self.close()
        other = other.copy() if other is self else other.closed()
        if other.added == 0:
            return
        shift = {name: np.empty((1, n)) for name, n in self.sizes.items()}
        self._add(other.added, other._mean, shift)
        for name in self._within:
            self._within[name] += other._within[name]
        for a, b in self._across:
            self._across[a, b] += other.across(a, b)

    def mean(self, name: str) -> Float64:
        """m_a (n_a,) of closed sums."""
        return self._mean[name]

    def within(self, name: str) -> Float64:
        """S_aa of closed sums, packed as in `_symmetric`."""
        return self._within[name]

    def across(self, a: str, b: str) -> Float64:
        """S_ab (n_a, n_b) of closed sums, of two different blocks in either order."""
        return self._across[a, b] if (a, b) in self._across else self._across[b, a].T

    def put(self, name: str, mean: Float64, within: Float64) -> None:
        """Set the mean and the packed sums of one block."""
        self._mean[name], self._within[name] = mean, within

    def put_across(self, a: str, b: str, across: Float64) -> None:
        """Set the sums of two blocks, in the order of ``sizes``."""
        self._across[a, b] = across

    def waiting_rows(self, name: str) -> Float64:
        """Return the samples that wait, (waiting, n)."""
        return self._rows[name][: self.waiting] if self.waiting else np.empty((0, self.sizes[name]))

    def _wait(self, batch: Mapping[str, npt.NDArray[Any]], added: int) -> None:
        if not self._rows:
            self._rows = {name: np.empty((BLOCK + 1, n)) for name, n in self.sizes.items()}
        for name, rows in batch.items():
            self._rows[name][self.waiting : self.waiting + added] = rows
        self.waiting += added

    def _add(self, added: int, mean: Mapping[str, Float64], rows: Mapping[str, Float64]) -> None:
        """Add ``added`` samples with these means, centred, in all rows but the last, set to the shift."""
        total = self.added + added
        for name in self.sizes:
            shift = mean[name] - self._mean[name]
            rows[name][-1] = np.sqrt(self.added * (added / total)) * shift
            self._within[name] = _symmetric.add_products(self._within[name], rows[name])
            self._mean[name] = self._mean[name] + shift * (added / total)
        for a, b in self._across:
            self._across[a, b] = _add_cross(self._across[a, b], rows[a], rows[b])
        self.added = total


def _centre(rows: Float64) -> Float64:
    """Subtract the mean of the rows in place, and return it.

    The first row is subtracted before the mean is taken, so that constant columns have no variance at all.
    """
    first = rows[0].copy()
    rows -= first
    offset = rows.mean(axis=0)
    rows -= offset
    mean: Float64 = first + offset
    return mean


def _add_cross(total: Float64, rows_a: Float64, rows_b: Float64) -> Float64:
    """``total + rows_a' rows_b`` in place: BLAS sees the C-ordered sum as its transpose."""
    from scipy.linalg.blas import dgemm

    result: Float64 = dgemm(1.0, rows_b.T, rows_a.T, 1.0, total.T, trans_b=True, overwrite_c=True).T
    return result
