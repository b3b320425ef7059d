"""Rows of an array that lies in a file as it is in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from covlasso._base.arrays import Array


class RawArray:
    """A matrix of numbers in a file, read by plain reads.

    It is not mapped: where another program cuts a mapped file, the system ends whoever reads it with a bus
    error. Here that is a ValueError.

    Parameters
    ----------
    path : Path
        The file.
    offset : int
        Its byte where the numbers begin.
    dtype : dtype
        Of the numbers, as they lie there.
    shape : (int, int)
        Rows and columns.
    by_columns : bool, default False
        Whether the numbers of a column are beside each other, and not those of a row.
    """

    def __init__(
        self, path: Path, offset: int, dtype: np.dtype[Any], shape: tuple[int, int], by_columns: bool = False
    ):
        self._path, self._offset, self._dtype, self._shape = path, offset, dtype, shape
        self._by_columns = by_columns

    def rows(self, start: int, stop: int) -> Array:
        """Read the rows from ``start`` to before ``stop``.

        Raises
        ------
        ValueError
            The file ends before them.
        """
        height, width = self._shape
        stop = min(stop, height)
        if not self._by_columns:
            found = np.empty((stop - start, width), self._dtype)
            self._read([(found, start * width)])
            return found
        columns = np.empty((width, stop - start), self._dtype)
        self._read([(column, j * height + start) for j, column in enumerate(columns)])
        return columns.T

    def _read(self, pieces: list[tuple[Array, int]]) -> None:
        """Fill arrays with the numbers from some place on."""
        with self._path.open("rb", buffering=0) as file:
            for array, first in pieces:
                file.seek(self._offset + first * self._dtype.itemsize)
                left = array.reshape(-1).view(np.uint8).data
                while left.nbytes:
                    count = file.readinto(left)
                    if not count:
                        end = os.fstat(file.fileno()).st_size
                        raise ValueError(
                            f"{self._path} became shorter while it was read: it ends at byte {end}"
                        )
                    left = left[count:]
