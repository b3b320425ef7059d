"""The checks of matrices that the core reads in place."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_matrix(value: Any, name: str) -> None:
    """Refuse all but a float32 or float64 matrix with contiguous rows, which the core reads in place."""
    remedy = f"give np.ascontiguousarray({name}, dtype=np.float64)"
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must be a numpy array, got {type(value).__name__}; {remedy}")
    check_dtype(value.dtype, name, remedy)
    if value.ndim == 2 and value.shape[0] == value.shape[1] and value.flags.f_contiguous:
        remedy += f", or {name}.T, which costs nothing, if it is symmetric"
    check_rows(value.shape, value.strides, value.itemsize, value.flags.aligned, name, remedy)


def check_dtype(dtype: np.dtype[Any], name: str, remedy: str) -> None:
    """Refuse all but float32 and float64 in the byte order of this machine."""
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"{name} is {dtype}; float32 and float64 are read in place, so {remedy}")


def check_rows(
    shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int, aligned: bool, name: str, remedy: str
) -> None:
    """Refuse all but two dimensions with contiguous rows that do not overlap; strides in bytes."""
    if len(shape) != 2:
        raise ValueError(f"{name} has shape {shape}; two dimensions are expected")
    rows, columns = shape
    row, column = strides
    contiguous = columns <= 1 or column == itemsize
    whole = rows <= 1 or (row >= columns * itemsize and row % itemsize == 0)
    if rows and columns and not (contiguous and whole and aligned):
        raise ValueError(f"the rows of {name} are not contiguous in memory (strides {strides}); {remedy}")
