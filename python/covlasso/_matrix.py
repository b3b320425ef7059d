"""The check of matrices that the core reads in place."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_matrix(value: Any, name: str) -> None:
    """Refuse all but a float32 or float64 matrix with contiguous rows, which the core reads in place."""
    remedy = f"give np.ascontiguousarray({name}, dtype=np.float64)"
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must be a numpy array, got {type(value).__name__}; {remedy}")
    if value.dtype not in (np.float32, np.float64):
        raise TypeError(f"{name} is {value.dtype}; float32 and float64 are read in place, so {remedy}")
    if value.ndim != 2:
        raise ValueError(f"{name} has shape {value.shape}; two dimensions are expected")
    row, column = value.strides
    size, (rows, columns) = value.itemsize, value.shape
    contiguous = columns <= 1 or column == size
    whole = rows <= 1 or (row >= columns * size and row % size == 0)
    if value.size and not (contiguous and whole and value.flags.aligned):
        turned = rows == columns and value.flags.f_contiguous
        free = f", or {name}.T, which costs nothing, if it is symmetric" if turned else ""
        raise ValueError(
            f"the rows of {name} are not contiguous in memory (strides {value.strides}); {remedy}{free}"
        )
