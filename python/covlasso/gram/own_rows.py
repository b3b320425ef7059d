"""Observations that count for single targets only: what they add to the moments of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso._base.arrays import Float64, Int64
from covlasso._base.checks import check_length, check_matrix, check_vector

_BLOCK = 1 << 20  # products at a time


@dataclass(frozen=True, eq=False)
class OwnRows:
    """Rows V_i of every target i: its problem has G + V_i'V_i, c_i + V_i'u_i and e_i + u_i'u_i.

    They are weighted: an observation x that shall count as much as a share a of all samples is sqrt(a) x.

    Parameters
    ----------
    rows : (k, p) float64 array
        One below the other, read in place.
    response : (m,) array, optional
        u: what the targets themselves are in their rows, target by target; given exactly when ``cross`` is,
        otherwise u_i is column i of V_i.
    offset : (n_targets + 1,) int array, optional
        The target at position t has offset[t + 1] - offset[t] rows. By default each has one.
    first : (n_targets,) int array, optional
        Where they begin, so that targets may share rows. By default at row offset[t].

    Raises
    ------
    TypeError, ValueError
        An array has another dtype or shape, or offsets fall.

    Examples
    --------
    >>> rows = np.array([[1.0, 2.0], [0.0, 3.0], [1.0, 0.0]])
    >>> OwnRows(rows, offset=[0, 1, 3]).counts
    array([1, 2])
    """

    rows: Float64
    response: npt.ArrayLike | None = None
    offset: npt.ArrayLike | None = None
    first: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        """Check types and shapes; the core checks the numbers."""
        check_matrix(self.rows, "own rows")
        if self.rows.dtype != np.float64:
            raise TypeError(
                f"own rows are {self.rows.dtype}; float64 is expected, give rows.astype(np.float64)"
            )
        if len(self.offsets) == 0 or self.offsets[0] != 0 or (self.counts < 0).any():
            raise ValueError(
                "own offset must begin with 0 and never fall: target t has offset[t + 1] - offset[t]"
            )
        beyond = (self.firsts < 0) | (self.firsts + self.counts > len(self.rows))
        if beyond.any():
            t = int(np.argmax(beyond))
            raise ValueError(
                f"own rows {self.firsts[t]} to {self.firsts[t] + self.counts[t]} of the target at position "
                f"{t} are beyond the {len(self.rows)} given"
            )
        if self.response is not None:
            check_vector(self.response, "own response", int(self.offsets[-1]))

    @cached_property
    def offsets(self) -> Int64:
        """``offset``, or its default, (n_targets + 1,)."""
        return np.arange(len(self.rows) + 1) if self.offset is None else _integers(self.offset, "own offset")

    @cached_property
    def firsts(self) -> Int64:
        """``first``, or its default, (n_targets,)."""
        if self.first is None:
            return self.offsets[:-1]
        first = _integers(self.first, "own first")
        check_length(first.shape, "own first", self.n_targets)
        return first

    @property
    def n_targets(self) -> int:
        """Number of targets."""
        return len(self.offsets) - 1

    @property
    def counts(self) -> Int64:
        """Number of rows of every target, (n_targets,)."""
        return np.diff(self.offsets)

    def of(self, t: int) -> Float64:
        """V of the target at position t, (m, p)."""
        start = int(self.firsts[t])
        return self.rows[start : start + int(self.offsets[t + 1] - self.offsets[t])]

    def responses(self, targets: Any) -> Float64:
        """Return u of all targets, one behind the other, (m,); within one network they are these columns."""
        if self.response is not None:
            return np.asarray(self.response, dtype=np.float64)
        return np.asarray(self.rows[self._row_of_entry, np.repeat(targets, self.counts)])

    def times(self, coef: scipy.sparse.csr_array) -> Float64:
        """V_i b of every row b of ``coef``, one behind the other, (m,)."""
        row = self._row_of_entry
        result = np.zeros(len(row))
        position = np.repeat(np.arange(self.n_targets), self.counts)
        step = max(1, _BLOCK // max(1, int(np.diff(coef.indptr).max(initial=1))))
        for start in range(0, len(row), step):
            here = slice(start, start + step)
            part = coef[position[here]]
            entry = np.repeat(np.arange(part.shape[0]), np.diff(part.indptr))
            products = part.data * self.rows[row[here][entry], part.indices]
            result[here] = np.bincount(entry, weights=products, minlength=part.shape[0])
        return result

    def summed(self, values: Float64) -> Float64:
        """Add one number per entry up over the entries of every target, (n_targets,)."""
        position = np.repeat(np.arange(self.n_targets), self.counts)
        return np.bincount(position, weights=values, minlength=self.n_targets).astype(np.float64)

    @property
    def _row_of_entry(self) -> Int64:
        """Row of ``rows`` that every entry is, target by target, (m,)."""
        within = np.arange(self.offsets[-1]) - np.repeat(self.offsets[:-1], self.counts)
        rows: Int64 = np.repeat(self.firsts, self.counts) + within
        return rows


def _integers(value: npt.ArrayLike, name: str) -> Int64:
    array = np.asarray(value)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(f"{name} is {array.dtype} {array.shape}; a vector of integers is expected")
    return np.ascontiguousarray(array, dtype=np.int64)
