"""How well dependencies found on one set of samples hold on another."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso._problem import check_vector
from covlasso.dependencies import Dependencies

Float64 = npt.NDArray[np.float64]

_BLOCK = 1 << 20  # entries of the Gram gathered at a time


def held_out_error(
    deps: Dependencies,
    gram: npt.NDArray[Any],
    cross: npt.NDArray[Any] | None = None,
    energy: npt.ArrayLike | None = None,
) -> Float64:
    """Mean squared error b'Gb - 2 c_i'b + e_i of every dependency on other moments.

    Parameters
    ----------
    deps : Dependencies
        Coefficients b of every target.
    gram : (p, p) array
        G = E[g g'] of the sources on the other samples, float32 or float64.
    cross : (n, p) array, optional
        Rows c_i = E[f_i g]; needed, with ``energy``, for dependencies between two networks. Within one
        network c_i is row i of ``gram`` and e_i its diagonal entry.
    energy : (n,) array, optional
        e_i = E[f_i^2].

    Returns
    -------
    error : (n_targets,) array
        Over e_i, and taken from 1, it is the held-out R^2 (uncentred, as `Dependencies.r2`).

    Raises
    ------
    TypeError, ValueError
        A shape or dtype is wrong, or ``cross`` and ``energy`` are missing or not wanted.
    """
    p = deps.n_sources
    _check_shape(gram, "gram", p, p)
    if deps.intra:
        if cross is not None or energy is not None:
            raise ValueError(
                "these dependencies are within one network; give gram only, no cross and no energy"
            )
        rows, total = gram, np.diagonal(gram).astype(np.float64)
    else:
        if cross is None or energy is None:
            raise ValueError("these dependencies are between two networks; give cross and energy too")
        _check_shape(cross, "cross", int(deps.targets.max()) + 1, p)
        rows, total = cross, check_vector(energy, "energy", len(cross))
    coef = deps.coef
    position = np.repeat(np.arange(deps.n_targets), np.diff(coef.indptr))
    products = coef.data * rows[deps.targets[position], coef.indices]
    linear = np.bincount(position, weights=products, minlength=deps.n_targets)
    result: Float64 = _quadratic(coef, gram) - 2.0 * linear + total[deps.targets]
    return result


def _quadratic(coef: Any, gram: npt.NDArray[Any]) -> Float64:
    """Return b'Gb for every row b of ``coef``, from the entries of G on the supports only."""
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


def _check_shape(matrix: Any, name: str, rows: int, columns: int) -> None:
    if not isinstance(matrix, np.ndarray) or matrix.dtype not in (np.float32, np.float64):
        found = matrix.dtype if isinstance(matrix, np.ndarray) else type(matrix).__name__
        raise TypeError(f"{name} is {found}; a numpy array of float32 or float64 is expected")
    fits = matrix.ndim == 2 and matrix.shape[1] == columns
    if not fits or (matrix.shape[0] < rows if name == "cross" else matrix.shape[0] != rows):
        least = "at least " if name == "cross" else ""
        raise ValueError(f"{name} has shape {matrix.shape}; ({least}{rows}, {columns}) is expected")
