"""Logits on disk: .npy, .safetensors and Parquet files, read a few rows at a time, and .npz, read whole."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Floats
from covlasso._base.checks import check_logits
from covlasso._base.optional import needed
from covlasso.moments import FLOATS

_SUFFIXES = ".npy, .npz, .safetensors or .parquet"


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
    """

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


def open_logits(place: str | os.PathLike[str]) -> LogitFile:
    """Open an array of logits.

    Parameters
    ----------
    place : str or path
        A .npy file; a .npz or .safetensors file with one array, or ``FILE:KEY``; a Parquet file all of whose
        columns are numbers.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is of another format, damaged, or holds something else; the message names it.
    ImportError
        Parquet, and pyarrow is not installed.
    """
    path, key = _split(os.fspath(place))
    suffix = path.suffix.lower()
    if not path.exists():
        raise FileNotFoundError(2, "there is no such file", str(path))
    if key is not None and suffix not in (".npz", ".safetensors"):
        raise ValueError(f"{path} holds one array; leave out :{key}")
    if suffix == ".npy":
        return _Npy(path)
    if suffix == ".npz":
        return _Npz(path, key)
    if suffix == ".safetensors":
        return _Safetensors(path, key)
    if suffix in (".parquet", ".pq"):
        return _Parquet(path)
    raise ValueError(f"{path}: {suffix or 'a file without suffix'} is not read; give {_SUFFIXES}")


class _Npy(LogitFile):
    """Memory-mapped."""

    def __init__(self, path: Path):
        with _explained(path):
            self._array = np.lib.format.open_memmap(path, mode="r")
        self._dtype = _native(str(path), self._array.dtype)
        super().__init__(str(path), self._array.shape)

    def _read(self, rows: int) -> Iterator[Floats]:
        for start in range(0, self.shape[0], rows):
            yield np.asarray(self._array[start : start + rows], dtype=self._dtype)


class _Npz(LogitFile):
    """An array of a zip archive, decompressed whole."""

    def __init__(self, path: Path, key: str | None):
        with _explained(path), zipfile.ZipFile(path) as archive:
            arrays = [name[:-4] for name in archive.namelist() if name.endswith(".npy")]
        chosen = _chosen(path, key, arrays)
        where = f"{path}:{chosen}"
        with _explained(where), np.load(path, allow_pickle=False) as archive:
            array = archive[chosen]  # bytes, where the member is no .npy
            if not isinstance(array, np.ndarray):
                raise ValueError("it holds no array")
        self._array = array.astype(_native(where, array.dtype), copy=False)
        super().__init__(where, array.shape)

    def _read(self, rows: int) -> Iterator[Floats]:
        for start in range(0, self.shape[0], rows):
            yield self._array[start : start + rows]


class _Safetensors(LogitFile):
    """Memory-mapped slices."""

    def __init__(self, path: Path, key: str | None):
        from safetensors import safe_open

        with _explained(path):
            file: Any = safe_open(path, framework="numpy")
        self._key = _chosen(path, key, list(file.keys()))
        where = f"{path}:{self._key}"
        self._slice = file.get_slice(self._key)
        self._bfloat16 = self._slice.get_dtype() == "BF16"
        if not self._bfloat16 and self._slice.get_dtype() not in ("F16", "F32", "F64"):
            raise ValueError(f"{where} is {self._slice.get_dtype()}; F16, BF16, F32 and F64 are taken")
        super().__init__(where, tuple(self._slice.get_shape()))
        if self._bfloat16:
            self._bits = _safetensors_bits(path, self._key, self.shape)

    def _read(self, rows: int) -> Iterator[Floats]:
        for start in range(0, self.shape[0], rows):
            stop = min(start + rows, self.shape[0])
            if self._bfloat16:  # the upper half of a float32
                yield (self._bits[start:stop].astype(np.uint32) << 16).view(np.float32)
            else:
                yield self._slice[start:stop]


class _Parquet(LogitFile):
    """Decoded batch by batch; every column is a category and gives it its name."""

    def __init__(self, path: Path):
        self._path = path
        with _explained(path), self._opened() as file:
            schema, n_rows = file.schema_arrow, file.metadata.num_rows
        types = needed("pyarrow").types
        for column in schema:
            if not (types.is_floating(column.type) or types.is_integer(column.type)):
                raise ValueError(
                    f"{path}: column {column.name!r} is {column.type}; every column must be a number"
                )
        super().__init__(str(path), (n_rows, len(schema)), tuple(schema.names))

    def _read(self, rows: int) -> Iterator[Floats]:
        waiting = np.empty((0, self.shape[1]))  # batches end with their row group: cut them anew
        with _explained(self.where), self._opened() as file:
            for batch in file.iter_batches(batch_size=rows):
                columns = [column.to_numpy(zero_copy_only=False) for column in batch.columns]
                waiting = np.vstack([waiting, np.column_stack(columns).astype(np.float64)])
                while len(waiting) >= rows:
                    yield waiting[:rows]
                    waiting = waiting[rows:]
        if len(waiting):
            yield waiting

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        import importlib

        needed("pyarrow")
        with importlib.import_module("pyarrow.parquet").ParquetFile(self._path, memory_map=True) as file:
            yield file


@contextmanager
def _explained(where: object) -> Iterator[None]:
    """Make one kind of error of what the libraries raise for a damaged or foreign file."""
    from safetensors import SafetensorError

    try:
        yield
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, SafetensorError, KeyError) as cause:
        raise ValueError(f"{where} is damaged, or not what its name says: {cause}") from cause


def _split(place: str) -> tuple[Path, str | None]:
    """Path and key of ``FILE`` or ``FILE:KEY``."""
    file, colon, key = place.rpartition(":")
    if not colon or Path(place).exists() or not Path(file).suffix:
        return Path(place), None
    return Path(file), key


def _chosen(path: Path, key: str | None, arrays: list[str]) -> str:
    """Return the key of the array to read."""
    if key is None and len(arrays) == 1:
        return arrays[0]
    if not arrays:
        raise ValueError(f"{path} holds no array")
    if key not in arrays:
        found = ", ".join(sorted(arrays))
        problem = "holds several arrays" if key is None else f"has no array {key!r}"
        raise ValueError(f"{path} {problem}; give FILE:KEY with one of {found}")
    return key


def _native(where: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Dtype of what is read from a stored array."""
    native = dtype.newbyteorder("=")
    if native not in FLOATS:
        raise ValueError(f"{where} is {dtype}; float16, float32 and float64 are taken")
    return native


def _safetensors_bits(path: Path, key: str, shape: tuple[int, int]) -> npt.NDArray[np.uint16]:
    """Map a tensor of 16-bit numbers whose type numpy does not know.

    The format is the length of the header in 8 bytes, the header in JSON, and the tensors.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        begin = json.loads(file.read(length))[key]["data_offsets"][0]
    return np.memmap(path, np.dtype("<u2"), "r", 8 + length + begin, shape)
