"""Logits on disk: .npy, .safetensors and Parquet files, read a few rows at a time, and .npz, read whole."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from covlasso._base.arrays import Floats
from covlasso._base.storage import refuse_own_file
from covlasso.logits.logit_file import LogitFile, explained
from covlasso.logits.parquet import open_parquet
from covlasso.logits.raw import RawArray
from covlasso.moments import FLOATS

_STORED = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": "<u2"}  # as numpy reads them
_PARQUET = (".parquet", ".pq")
_SUFFIXES = ".npy, .npz, .safetensors or .parquet"


def open_logits(place: str | os.PathLike[str]) -> LogitFile:
    """Open an array of logits.

    Parameters
    ----------
    place : str or path
        A .npy file; a .npz or .safetensors file with one array, or ``FILE:KEY``; a Parquet file with a column
        of numbers per category, or with one column of lists (``FILE:KEY`` where there are others).

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
    if key is not None and suffix not in (".npz", ".safetensors", *_PARQUET):
        raise ValueError(f"{path} holds one array; leave out :{key}")
    if suffix == ".npy":
        return _Npy(path)
    if suffix == ".npz":
        return _Npz(path, key)
    if suffix == ".safetensors":
        return _Safetensors(path, key)
    if suffix in _PARQUET:
        return open_parquet(path, key)
    raise ValueError(f"{path}: {suffix or 'a file without suffix'} is not read; give {_SUFFIXES}")


class _Npy(LogitFile):
    """Read block by block."""

    def __init__(self, path: Path):
        with explained(path):
            mapped = np.lib.format.open_memmap(path, mode="r")  # for its header, and to check the length
        self._dtype = _native(str(path), mapped.dtype)
        super().__init__(str(path), mapped.shape)
        self._array = RawArray(path, mapped.offset, mapped.dtype, self.shape, not mapped.flags.c_contiguous)

    def _read(self, rows: int) -> Iterator[Floats]:
        for start in range(0, self.shape[0], rows):
            yield self._array.rows(start, start + rows).astype(self._dtype, copy=False)


class _Npz(LogitFile):
    """An array of a zip archive, decompressed whole."""

    def __init__(self, path: Path, key: str | None):
        with explained(path), zipfile.ZipFile(path) as archive:
            arrays = [name[:-4] for name in archive.namelist() if name.endswith(".npy")]
        chosen = _chosen(path, key, arrays)
        where = f"{path}:{chosen}"
        with explained(where), np.load(path, allow_pickle=False) as archive:
            array = archive[chosen]  # bytes, where the member is no .npy
            if not isinstance(array, np.ndarray):
                raise ValueError("it holds no array")
        self._array = array.astype(_native(where, array.dtype), copy=False)
        super().__init__(where, array.shape)

    def _read(self, rows: int) -> Iterator[Floats]:
        for start in range(0, self.shape[0], rows):
            yield self._array[start : start + rows]


class _Safetensors(LogitFile):
    """Read block by block."""

    def __init__(self, path: Path, key: str | None):
        from safetensors import safe_open

        with explained(path):
            file: Any = safe_open(path, framework="numpy")
        refuse_own_file(path, file.metadata())
        chosen = _chosen(path, key, list(file.keys()))
        tensor = file.get_slice(chosen)
        where = f"{path}:{chosen}"
        if tensor.get_dtype() not in _STORED:
            raise ValueError(f"{where} is {tensor.get_dtype()}; F16, BF16, F32 and F64 are taken")
        super().__init__(where, tuple(tensor.get_shape()))
        self._bfloat16 = tensor.get_dtype() == "BF16"
        dtype = np.dtype(_STORED[tensor.get_dtype()])
        self._array = RawArray(path, _place_of_tensor(path, chosen), dtype, self.shape)

    def _read(self, rows: int) -> Iterator[Floats]:
        for start in range(0, self.shape[0], rows):
            block = self._array.rows(start, start + rows)
            if self._bfloat16:  # the upper half of a float32
                block = (block.astype(np.uint32) << 16).view(np.float32)
            yield block.astype(block.dtype.newbyteorder("="), copy=False)


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
        hint = "; if these are bfloat16, save them as float32" if dtype.kind == "V" else ""
        raise ValueError(f"{where} is {dtype}; float16, float32 and float64 are taken{hint}")
    return native


def _place_of_tensor(path: Path, key: str) -> int:
    """Byte of a safetensors file where a tensor begins.

    The format is the length of the header in 8 bytes, the header in JSON, and the tensors.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        begin: int = json.loads(file.read(length))[key]["data_offsets"][0]
    return 8 + length + begin
