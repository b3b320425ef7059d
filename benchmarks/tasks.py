"""What is asked of a solver, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import sparse

Solutions: TypeAlias = list[tuple[np.ndarray, sparse.csr_array]]
"""Per point of the path: lambda (paper's scale) and coefficients of every target, (m,) and (m, n)."""


@dataclass(frozen=True)
class Terms:
    """The exact path of each target, to the point just before term `count` + 1 would enter."""

    count: int = 50

    @property
    def name(self) -> str:
        """What the table calls the task."""
        return f"path to {self.count} terms"


@dataclass(frozen=True)
class Grid:
    """Solutions at given lambdas: `lam` is (points, n), one falling grid per target, in the paper's scale."""

    lam: np.ndarray

    @property
    def name(self) -> str:
        """What the table calls the task."""
        common = "common " if self.common else ""
        return f"{common}grid of {len(self.lam)} lambdas"

    @property
    def common(self) -> bool:
        """Whether all targets share one grid."""
        return bool((self.lam == self.lam[:, :1]).all())


Task: TypeAlias = Terms | Grid


def lambda_max(gram: np.ndarray) -> np.ndarray:
    """2 max_j |C_ij|, j != i, for each i: from there on up the solution is zero."""
    largest = np.empty(len(gram))
    for i, row in enumerate(gram):
        row = np.abs(row)
        row[i] = 0.0
        largest[i] = 2 * row.max()
    return largest


def own_grid(gram: np.ndarray, points: int = 20, ratio: float = 0.1) -> Grid:
    """Per target `points` lambdas from its lambda_max down to `ratio` of it, even in the logarithm."""
    return Grid(np.geomspace(1, ratio, points)[:, None] * lambda_max(gram))


def common_grid(gram: np.ndarray, points: int = 20, ratio: float = 0.1) -> Grid:
    """The same from the largest lambda_max of all, for every target: the default grid of huge.mb."""
    top = lambda_max(gram).max()
    return Grid(np.repeat(np.geomspace(top, ratio * top, points)[:, None], len(gram), axis=1))


def spread(n: int, count: int) -> np.ndarray:
    """`count` targets of n (all of them where there are fewer), equally spaced."""
    return np.unique(np.linspace(0, n - 1, min(count, n)).round().astype(np.int64))


def without_self(gram: np.ndarray, targets: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """For each target i: i and c = C_i, c_i = 0, while row and column i of `gram` are zero off the diagonal.

    So the target takes no part, at the price of 2n writes and no copy of C. `gram` is whole again afterwards.
    """
    for i in targets:
        row = gram[i].copy()
        c = row.copy()
        c[i] = 0.0
        gram[i], gram[:, i] = 0.0, 0.0
        gram[i, i] = row[i]
        try:
            yield int(i), c
        finally:
            gram[i], gram[:, i] = row, row
