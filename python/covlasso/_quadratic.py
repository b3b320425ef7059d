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
    terms = np.diff(coef.indptr)
    width = int(terms.max(initial=0))
    result = np.zeros(len(terms))
    step = max(1, _BLOCK // max(1, width * width))
    for start in range(0, len(terms), step):
        stop = min(start + step, len(terms))
        used = np.arange(width) < terms[start:stop, np.newaxis]
        entries = slice(coef.indptr[start], coef.indptr[stop])
        index = np.zeros(used.shape, dtype=np.intp)
        value = np.zeros(used.shape)
        index[used], value[used] = coef.indices[entries], coef.data[entries]
        block = gram[index[:, :, np.newaxis], index[:, np.newaxis, :]].astype(np.float64)
        result[start:stop] = np.einsum("ti,tij,tj->t", value, block, value, optimize=True)
    return result


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
