"""One face for a Gram, however it is held: what Python asks of G = E[g g'] wherever it is needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Float64, Int32, Matrix, Places
from covlasso._base.checks import check_finite, check_matrix

EPS = float(np.finfo(np.float64).eps)
_BLOCK = 1 << 20  # entries of the Gram gathered at a time


class Eigen(NamedTuple):
    """G = V diag(values) V', up to directions in which it is 0.

    Attributes
    ----------
    values : (n,) array
        Eigenvalues, falling; those of rounding may be below 0.
    vectors : (n, k) array
        The first k eigenvectors, k = n or `Gram.rank_bound`: the other eigenvalues are 0.
    rounding : float
        Share of the largest eigenvalue that rounding alone can make of 0.
    """

    values: Float64
    vectors: Float64
    rounding: float


class Gram(ABC):
    """A symmetric positive semi-definite (p, p) matrix; every result is float64 and new memory.

    A new form of Gram, on the processors: this class with its members below, `as_gram` if it is not made by
    name, and a ``covlasso::Gram`` in C++ as its ``core``.
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(p, p)."""

    @property
    @abstractmethod
    def rank_bound(self) -> int:
        """What the rank cannot exceed; an eigendecomposition costs p^2 times as much."""

    @property
    @abstractmethod
    def rounding(self) -> float:
        """Relative precision of the entries as they are stored."""

    @property
    @abstractmethod
    def core(self) -> Any:
        """What the core reads in place."""

    @abstractmethod
    def diagonal(self) -> Float64:
        """G_jj of all categories, (p,)."""

    @abstractmethod
    def rows(self, index: Any) -> Float64:
        """Return rows of G, (k, p), picked by a slice, k integers or p booleans."""

    @abstractmethod
    def entries(self, row: int, columns: Any) -> Float64:
        """Return G(row, j) for all j in ``columns``."""

    @abstractmethod
    def block(self, support: Any) -> Float64:
        """Return G on some categories, (k, k)."""

    @abstractmethod
    def dense(self) -> Float64:
        """All of G, (p, p)."""

    @abstractmethod
    def quadratic(self, coef: scipy.sparse.csr_array) -> Float64:
        """Return b'Gb of every row b of ``coef``."""

    @abstractmethod
    def linear(self, coef: scipy.sparse.csr_array, targets: Int32) -> Float64:
        """G_i b of every row b of ``coef``, where i is the entry of ``targets`` that belongs to it."""

    @abstractmethod
    def eigen(self) -> Eigen:
        """Eigenvalues and eigenvectors."""


class DenseGram(Gram):
    """A Gram in memory, read where it is.

    Parameters
    ----------
    matrix : (p, p) array
        float32 or float64 with contiguous rows.
    name : str, default "gram"
        What messages call it.

    Raises
    ------
    TypeError, ValueError
        It is no such matrix, or not square.
    """

    def __init__(self, matrix: Matrix, name: str = "gram"):
        check_matrix(matrix, name)
        if matrix.shape[0] != matrix.shape[1] or matrix.size == 0:
            raise ValueError(
                f"{name} has shape {matrix.shape}; a square matrix of at least one category is expected"
            )
        self._matrix = matrix
        self._name = name

    @property
    def shape(self) -> tuple[int, int]:
        """(p, p)."""
        return (len(self._matrix), len(self._matrix))

    @property
    def rank_bound(self) -> int:
        """The number p of categories."""
        return len(self._matrix)

    @property
    def rounding(self) -> float:
        """Unit of the dtype."""
        return float(np.finfo(self._matrix.dtype).eps)

    @property
    def core(self) -> Matrix:
        """The array."""
        return self._matrix

    def diagonal(self) -> Float64:
        """G_jj of all categories, (p,)."""
        return np.diagonal(self._matrix).astype(np.float64)

    def rows(self, index: Any) -> Float64:
        """Return rows of G, (k, p)."""
        return np.atleast_2d(self._matrix[index]).astype(np.float64)

    def entries(self, row: int, columns: Any) -> Float64:
        """Return G(row, j) for all j in ``columns``."""
        return np.asarray(self._matrix[row, columns], dtype=np.float64)

    def block(self, support: Any) -> Float64:
        """Return G on some categories, (k, k)."""
        return self._matrix[np.ix_(support, support)].astype(np.float64)

    def dense(self) -> Float64:
        """All of G, (p, p)."""
        return self._matrix.astype(np.float64)

    def quadratic(self, coef: scipy.sparse.csr_array) -> Float64:
        """Return b'Gb of every row b of ``coef``, from those entries of G that it needs."""
        p = coef.shape[1]
        terms = np.diff(coef.indptr)
        result = np.zeros(len(terms))
        few = terms <= p // 8  # else a whole row of G is read faster than its entries are gathered
        for width in np.unique(terms[few]):
            rows = np.flatnonzero(terms == width)
            step = max(1, _BLOCK // max(1, int(width) ** 2))
            for start in range(0, len(rows), step):
                result[rows[start : start + step]] = self._gathered(
                    coef, rows[start : start + step], int(width)
                )
        many = np.flatnonzero(~few)
        step = max(1, _BLOCK // p)
        for start in range(0, len(many), step):
            part = coef[many[start : start + step]]
            result[many[start : start + step]] = np.asarray(
                part.multiply(part @ self._matrix).sum(axis=1)
            ).ravel()
        return result

    def linear(self, coef: scipy.sparse.csr_array, targets: Int32) -> Float64:
        """G_i b of every row b of ``coef``."""
        return rows_times(self._matrix, targets, coef)

    def eigen(self) -> Eigen:
        """Eigenvalues and all eigenvectors.

        Raises
        ------
        ValueError
            An entry is not finite.
        """
        check_finite(self._matrix, self._name)
        rising, vectors = np.linalg.eigh(self.dense())
        return Eigen(rising[::-1], vectors[:, ::-1], len(rising) * self.rounding)

    def _gathered(self, coef: scipy.sparse.csr_array, rows: Places, width: int) -> Float64:
        """Return b'Gb for rows of ``width`` terms each."""
        entries = coef.indptr[rows][:, np.newaxis] + np.arange(width)
        index, value = coef.indices[entries], coef.data[entries]
        block = self._matrix[index[:, :, np.newaxis], index[:, np.newaxis, :]].astype(np.float64)
        return np.asarray(np.einsum("ti,tij,tj->t", value, block, value, optimize=True))


def as_gram(gram: Matrix | Gram, name: str = "gram") -> Gram:
    """Return the face of a Gram: of an array in memory, or what is one already.

    Raises
    ------
    TypeError, ValueError
        It is none: see `DenseGram`.
    """
    return gram if isinstance(gram, Gram) else DenseGram(gram, name)


def rows_times(rows: Matrix, index: Int32 | Places, coef: scipy.sparse.csr_array) -> Float64:
    """Return r'b of every row b of ``coef``, where r is the row of ``rows`` that ``index`` names for it."""
    position = np.repeat(np.arange(len(index)), np.diff(coef.indptr))
    products = coef.data * rows[index[position], coef.indices]
    return np.bincount(position, weights=products, minlength=len(index)).astype(np.float64)
