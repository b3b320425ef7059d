"""The forms b'Gb and c_i'b of sparse rows b, from those entries of the moments that they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

if TYPE_CHECKING:
    from covlasso.factored import FactoredGram

Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]
Matrix = npt.NDArray[Any]

_BLOCK = 1 << 20  # entries of the Gram gathered at a time


def quadratic(coef: scipy.sparse.csr_array, gram: Matrix | FactoredGram) -> Float64:
    """Return b'Gb for every row b of ``coef``; it is |F'b|^2 where G = F F'."""
    if not isinstance(gram, np.ndarray):
        projected = coef @ gram.factor
        return np.asarray(np.einsum("tr,tr->t", projected, projected))
    p = coef.shape[1]
    terms = np.diff(coef.indptr)
    result = np.zeros(len(terms))
    few = terms <= p // 8  # else a whole row of G is read faster than its entries are gathered
    for width in np.unique(terms[few]):
        rows = np.flatnonzero(terms == width)
        step = max(1, _BLOCK // max(1, int(width) ** 2))
        for start in range(0, len(rows), step):
            result[rows[start : start + step]] = _gathered(coef, gram, rows[start : start + step], int(width))
    many = np.flatnonzero(~few)
    step = max(1, _BLOCK // p)
    for start in range(0, len(many), step):
        part = coef[many[start : start + step]]
        result[many[start : start + step]] = np.asarray(part.multiply(part @ gram).sum(axis=1)).ravel()
    return result


def _gathered(coef: scipy.sparse.csr_array, gram: Matrix, rows: npt.NDArray[np.intp], width: int) -> Float64:
    """Return b'Gb for rows of ``width`` terms each."""
    entries = coef.indptr[rows][:, np.newaxis] + np.arange(width)
    index, value = coef.indices[entries], coef.data[entries]
    block = gram[index[:, :, np.newaxis], index[:, np.newaxis, :]].astype(np.float64)
    return np.asarray(np.einsum("ti,tij,tj->t", value, block, value, optimize=True))


def linear(
    coef: scipy.sparse.csr_array, gram: Matrix | FactoredGram, cross: Matrix | None, targets: Int32
) -> Float64:
    """Return c_i'b for every row b of ``coef``, with c_i row i of ``cross``, or of G where that is None."""
    rows = gram if cross is None else cross
    if not isinstance(rows, np.ndarray):
        return np.asarray(np.einsum("tr,tr->t", coef @ rows.factor, rows.factor[targets]))
    position = np.repeat(np.arange(len(targets)), np.diff(coef.indptr))
    products = coef.data * rows[targets[position], coef.indices]
    return np.bincount(position, weights=products, minlength=len(targets)).astype(np.float64)
