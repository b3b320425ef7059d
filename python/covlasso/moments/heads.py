"""The linear last layer of a classifier, from which the moments of all logits follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso._base.arrays import Array, Float64, Int64
from covlasso._base.checks import check_finite

FLOATS = (np.float16, np.float32, np.float64)
_STRIP = 4096  # logits of a sample, or rows of W in float64, that are held at a time
_TILE = 48  # rows: a multiple of the tiles of all kernels


@dataclass(frozen=True, eq=False)
class LinearHead:
    """Logits f = W h + b of a layer with n categories on d features h.

    `Moments` of such a model keep d (d + 1) / 2 numbers instead of n (n + 1) / 2.

    Parameters
    ----------
    weight : (n, d) array
        W, float16, float32 or float64; copied and stored as it is, computed with in float64.
    bias : (n,) array, optional
        b; none means 0.

    Raises
    ------
    TypeError, ValueError
        Another dtype or shape, or an entry that is not finite.
    """

    weight: Array
    bias: Array | None = None

    def __post_init__(self) -> None:
        """Check the arrays and copy them."""
        object.__setattr__(self, "weight", _checked(self.weight, "weight", 2))
        if self.bias is not None:
            object.__setattr__(self, "bias", _checked(self.bias, "bias", 1))
            if len(self.bias) != len(self.weight):
                raise ValueError(
                    f"bias has {len(self.bias)} entries and weight has {len(self.weight)} rows; "
                    "both count categories"
                )

    @property
    def categories(self) -> int:
        """Number n of logits."""
        return int(self.weight.shape[0])

    @property
    def features(self) -> int:
        """Number d of inputs."""
        return int(self.weight.shape[1])

    def rows(self, rows: Any = slice(None)) -> Float64:
        """W in float64; only the given rows."""
        double: Float64 = self.weight[rows].astype(np.float64, copy=False)
        return double

    def arrays(self) -> list[Array]:
        """Return what the head is made of: W, and b where there is one."""
        return [self.weight] if self.bias is None else [self.weight, self.bias]

    def times(self, matrix: Float64, rows: Any = slice(None), out: Float64 | None = None) -> Float64:
        """W X in float64 for X (d, k); only the given rows of W, of which no more than a strip is copied."""
        chosen = np.arange(self.categories)[rows]
        found: Float64 = np.empty((len(chosen), *matrix.shape[1:])) if out is None else out
        for start in range(0, len(chosen), _STRIP):
            strip = slice(start, start + _STRIP)
            found[strip] = self.rows(chosen[strip]) @ matrix
        return found

    def of_rows(self, features: Float64, columns: Any = slice(None)) -> Float64:
        """W h of every row h of (k, d), (k, n) in float64, without the bias; only the given categories.

        A row has the same bits whatever rows stand beside it: products of matrices treat what is left over
        after whole tiles in another order, so that there is nothing left over.
        """
        k = len(features)
        whole = np.zeros((-(-k // _TILE) * _TILE, self.features))
        whole[:k] = features
        chosen = np.arange(self.categories)[columns]
        found = np.empty((k, len(chosen)))
        for start in range(0, len(chosen), _STRIP):
            strip = slice(start, start + _STRIP)
            found[:, strip] = (whole @ self.rows(chosen[strip]).T)[:k]
        return found

    def __call__(self, features: Float64) -> Float64:
        """W h + b of one input h (d,), in float64."""
        logits = self.times(features)
        return logits if self.bias is None else logits + self.bias

    def logits(self, features: Float64, rows: Any = slice(None)) -> Float64:
        """(W h + b)' of every row h of (k, d), (n, k) in float64; only the given categories."""
        logits = self.times(features.T, rows)
        return logits if self.bias is None else logits + self.bias[rows, np.newaxis]

    def decisions(self, features: Float64) -> Int64:
        """Category of the largest entry of W h + b, the first of equal ones, for each row h of (k, d)."""
        best, place = np.full(len(features), -np.inf), np.zeros(len(features), dtype=np.int64)
        for start in range(0, self.categories, _STRIP):
            strip = slice(start, start + _STRIP)
            logits = self.logits(features, strip)
            here = logits.argmax(axis=0)
            top = logits[here, np.arange(len(features))]
            better = top > best
            best[better], place[better] = top[better], start + here[better]
        return place

    def combined(
        self, coef: scipy.sparse.sparray | npt.ArrayLike, intercept: npt.ArrayLike | None = None
    ) -> LinearHead:
        """Head of the logits B f + a: weight B W and bias B b + a, exactly what combining the logits gives.

        Parameters
        ----------
        coef : (m, n) array or scipy sparse array
            B, for example the coefficients of `Dependencies`.
        intercept : (m,) array, optional
            a; none means 0.

        Returns
        -------
        LinearHead
            m categories on the same features, computed in float64 and rounded to the dtype of the weight;
            without a bias where both are none.

        Raises
        ------
        ValueError
            ``coef`` or ``intercept`` has another shape, or an entry that is not finite.
        """
        matrix = scipy.sparse.csr_array(coef, dtype=np.float64)
        if matrix.shape[1:] != (self.categories,) or matrix.shape[0] == 0:
            raise ValueError(
                f"coef has shape {matrix.shape}; (new categories, {self.categories}) is expected: one column "
                "per category of the head"
            )
        dtype = self.weight.dtype
        weight = (matrix @ self.rows()).astype(dtype)
        if intercept is None and self.bias is None:
            return LinearHead(weight)
        bias = np.zeros(matrix.shape[0]) if self.bias is None else matrix @ self.bias.astype(np.float64)
        if intercept is not None:
            added = np.asarray(intercept, dtype=np.float64)
            if added.shape != bias.shape:
                raise ValueError(f"intercept has shape {added.shape}; {bias.shape} is expected")
            bias = bias + added
        return LinearHead(weight, bias.astype(dtype))

    def with_mean(self) -> LinearHead:
        """Head of one logit more, the mean over the categories, in float64."""
        weight = self.rows()
        weight = np.vstack([weight, weight.mean(axis=0)])
        if self.bias is None:
            return LinearHead(weight)
        bias = self.bias.astype(np.float64)
        return LinearHead(weight, np.append(bias, bias.mean()))

    def __eq__(self, other: object) -> bool:
        """Whether dtypes and all entries are equal."""
        if not isinstance(other, LinearHead):
            return NotImplemented
        if not _equal(self.weight, other.weight):
            return False
        if self.bias is None or other.bias is None:
            return self.bias is other.bias
        return _equal(self.bias, other.bias)

    __hash__ = None  # type: ignore[assignment]  # compared by content, which is an array

    def __repr__(self) -> str:
        """Say the shape: the entries are too many to show."""
        bias = "" if self.bias is None else " with bias"
        return f"LinearHead({self.categories} x {self.features} {self.weight.dtype}{bias})"


class RowCentredHead(LinearHead):
    """Logits of a head less their mean over the categories: P (W h + b) with P = I - 1 1' / n, in float64.

    P W is W, which is shared, less its mean row: nothing as large as W is held besides.

    Parameters
    ----------
    head : LinearHead
        That of the logits as they are.
    """

    _whole: LinearHead
    _mean: Float64

    def __init__(self, head: LinearHead):
        bias = None if head.bias is None else head.bias.astype(np.float64)
        object.__setattr__(self, "_whole", head)
        object.__setattr__(self, "_mean", head.weight.mean(axis=0, dtype=np.float64))
        object.__setattr__(self, "bias", None if bias is None else bias - bias.mean())

    @property
    def weight(self) -> Array:
        """P W, (n, d), made anew for every caller."""
        return self.rows()

    @property
    def categories(self) -> int:
        """Number n of logits."""
        return self._whole.categories

    @property
    def features(self) -> int:
        """Number d of inputs."""
        return self._whole.features

    def rows(self, rows: Any = slice(None)) -> Float64:
        """P W; only the given rows."""
        double: Float64 = self._whole.weight[rows].astype(np.float64)
        double -= self._mean
        return double

    def arrays(self) -> list[Array]:
        """Return what the head is made of: W as it is, its mean row, and the bias."""
        return [*self._whole.arrays(), self._mean]


def _checked(array: Any, name: str, ndim: int) -> Array:
    """Return a copy that nobody changes: moments of earlier samples hold for these weights only."""
    if not isinstance(array, np.ndarray) or array.dtype not in FLOATS:
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{name} is {found}; a numpy array of float16, float32 or float64 is expected")
    if array.ndim != ndim or 0 in array.shape:
        expected = "(categories, features)" if ndim == 2 else "(categories,)"
        raise ValueError(f"{name} has shape {array.shape}, expected {expected}")
    check_finite(array, name)
    copy = np.array(array, order="C")
    copy.setflags(write=False)
    return copy


def _equal(a: Array, b: Array) -> bool:
    return a.dtype == b.dtype and np.array_equal(a, b)
