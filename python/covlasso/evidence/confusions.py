"""Which categories are taken for a category, and which it is taken for, when its logit is replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Int64

_WAITING = 1 << 21  # pairs that wait to be counted: 16 MB


class Confused(NamedTuple):
    """The most frequent confusions of one category, as (category, count), most first.

    Attributes
    ----------
    false_alarms : list of (int, int)
        Categories whose samples are decided as this one.
    misses : list of (int, int)
        What samples of this category are decided as.
    """

    false_alarms: list[tuple[int, int]]
    misses: list[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Confusions:
    """Wrong decisions over labelled samples with logit i replaced, one row per target.

    Attributes
    ----------
    false_alarms : (n_targets, n_categories) sparse int array
        Entry k of row i: samples labelled k that are decided as i.
    misses : (n_targets, n_categories) sparse int array
        Entry k of row i: samples labelled i that are decided as k.
    """

    false_alarms: scipy.sparse.csr_array
    misses: scipy.sparse.csr_array

    def most(self, position: int, top: int = 5) -> Confused:
        """Return the ``top`` most frequent of the target at a position; of equal ones the lower number."""
        return Confused(_most(self.false_alarms, position, top), _most(self.misses, position, top))


class PairCounts:
    """Counts of pairs (row, column), of which only those that occur take memory."""

    def __init__(self, rows: int, columns: int):
        self._shape = rows, columns
        self._codes = np.empty(0, dtype=np.int64)
        self._counts = np.empty(0, dtype=np.int64)
        self._waiting: list[Int64] = []
        self._size = 0

    def add(self, rows: Int64, columns: Int64) -> None:
        """Count one more of each of these pairs."""
        self._waiting.append(rows * self._shape[1] + columns)
        self._size += len(rows)
        if self._size > _WAITING:
            self._settle()

    def array(self) -> scipy.sparse.csr_array:
        """Return the counts so far, rows sorted by column."""
        self._settle()
        where = np.divmod(self._codes, self._shape[1])
        return scipy.sparse.csr_array((self._counts, where), shape=self._shape)

    def _settle(self) -> None:
        found, counts = np.unique(np.concatenate([np.empty(0, np.int64), *self._waiting]), return_counts=True)
        codes, place = np.unique(np.concatenate([self._codes, found]), return_inverse=True)
        total = np.zeros(len(codes), dtype=np.int64)
        np.add.at(total, place, np.concatenate([self._counts, counts]))
        self._codes, self._counts = codes, total
        self._waiting, self._size = [], 0


def _most(counts: scipy.sparse.csr_array, row: int, top: int) -> list[tuple[int, int]]:
    entries = slice(counts.indptr[row], counts.indptr[row + 1])
    category, count = counts.indices[entries], counts.data[entries]
    order = np.lexsort((category, -count))[:top]
    return [(int(category[k]), int(count[k])) for k in order]
