"""What an array of logits on disk is, whatever its format."""

from __future__ import annotations

import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from covlasso._base.arrays import Floats
from covlasso._base.checks import check_logits


class LogitFile(ABC):
    """An array (rows, categories) of float16, float32, float64 or bfloat16 in a file.

    Attributes
    ----------
    where : str
        The file, and the array in it.
    shape : (int, int)
        Rows and categories.
    class_names : tuple of str or None
        Names of the columns, where the file has them.
    left_out : tuple of str
        Columns of the file that are no categories.
    """

    left_out: tuple[str, ...] = ()

    def __init__(self, where: str, shape: tuple[int, ...], class_names: tuple[str, ...] | None = None):
        if len(shape) != 2 or 0 in shape:
            raise ValueError(
                f"{where} has shape {tuple(shape)}; (rows, categories) is expected, none of them 0"
            )
        self.where = where
        self.shape = (int(shape[0]), int(shape[1]))
        self.class_names = class_names

    def blocks(self, rows: int) -> Iterator[Floats]:
        """Yield all rows in order, ``rows`` at a time.

        Raises
        ------
        ValueError
            The file is damaged, or a logit is not finite or beyond 2^500; the message names the place.
        """
        start = 0
        for block in self._read(rows):
            check_logits(block, f"{self.where} has", start)
            yield block
            start += len(block)

    @abstractmethod
    def _read(self, rows: int) -> Iterator[Floats]:
        """All rows in order, ``rows`` at a time, in native byte order."""


@contextmanager
def explained(where: object) -> Iterator[None]:
    """Make one kind of error of what the libraries raise for a damaged or foreign file."""
    from safetensors import SafetensorError

    try:
        yield
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, SafetensorError, KeyError) as cause:
        raise ValueError(f"{where} is damaged, or not what its name says: {cause}") from cause
