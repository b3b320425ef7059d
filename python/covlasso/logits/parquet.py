"""Logits in Parquet files: a column per category, or one column of lists."""

from __future__ import annotations

import importlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from covlasso._base.arrays import Floats
from covlasso._base.optional import needed
from covlasso.logits.logit_file import LogitFile, explained


def open_parquet(path: Path, key: str | None) -> LogitFile:
    """Open a Parquet file.

    Parameters
    ----------
    path : Path
        The file.
    key : str, optional
        The column of lists to read. By default every column is a category, but for an index that pandas put
        there, or the only column holds lists.

    Raises
    ------
    ValueError
        It is no Parquet file, or a column is neither; the message names it and the remedy.
    """
    with explained(path), _opened(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    if key is not None and key not in schema.names:
        raise ValueError(f"{path} has no column {key!r}; its columns are {', '.join(schema.names)}")
    index = _index_of_pandas(schema)
    columns = [schema.field(key)] if key is not None else [c for c in schema if c.name not in index]
    lists = [column for column in columns if _is_list_of_numbers(column.type)]
    if key is not None and not lists:
        raise ValueError(
            f"{path}: column {key!r} is {columns[0].type}, no lists of numbers; leave out :{key}"
        )
    if lists and len(columns) > 1:
        raise ValueError(
            f"{path}: column {lists[0].name!r} holds lists and is not the only one; give "
            f"{path}:{lists[0].name} to read it alone"
        )
    if lists:
        return _Lists(path, rows, lists[0].name)
    _check_numbers(path, columns)
    found = _Columns(path, rows, [column.name for column in columns])
    found.left_out = index
    return found


class _Parquet(LogitFile):
    """Decoded batch by batch."""

    def __init__(
        self, path: Path, shape: tuple[int, int], columns: Sequence[str], names: tuple[str, ...] | None
    ):
        self._path, self._columns = path, list(columns)
        super().__init__(str(path), shape, names)

    def _read(self, rows: int) -> Iterator[Floats]:
        waiting = np.empty((0, self.shape[1]))  # batches end with their row group: cut them anew
        start = 0
        with explained(self.where), _opened(self._path) as file:
            for batch in file.iter_batches(batch_size=rows, columns=self._columns):
                waiting = np.vstack([waiting, self._matrix(batch, start)])
                start += batch.num_rows
                while len(waiting) >= rows:
                    yield waiting[:rows]
                    waiting = waiting[rows:]
        if len(waiting):
            yield waiting

    @abstractmethod
    def _matrix(self, batch: Any, _start: int) -> Floats:
        """Logits of a batch whose first row is ``_start``."""


class _Columns(_Parquet):
    """Every column is a category and gives it its name."""

    def __init__(self, path: Path, rows: int, names: Sequence[str]):
        super().__init__(path, (rows, len(names)), names, tuple(names))

    def _matrix(self, batch: Any, _start: int) -> Floats:
        columns = [column.to_numpy(zero_copy_only=False) for column in batch.columns]
        return np.column_stack(columns).astype(np.float64)


class _Lists(_Parquet):
    """Every row is a list, as long as the first one."""

    def __init__(self, path: Path, rows: int, column: str):
        with explained(path), _opened(path) as file:
            first = next(file.iter_batches(batch_size=1, columns=[column]), None)
        width = 0 if first is None or first.column(0).null_count else len(first.column(0)[0])
        super().__init__(path, (rows, width), [column], None)

    def _matrix(self, batch: Any, _start: int) -> Floats:
        lists = batch.column(0)
        lengths = np.array([-1 if one is None else one for one in _lengths(lists)])
        wrong = np.flatnonzero(lengths != self.shape[1])
        if wrong.size:
            row = int(wrong[0])
            has = "is missing" if lengths[row] < 0 else f"has {lengths[row]} numbers"
            raise ValueError(f"row {_start + row} {has}, and the first one {self.shape[1]}")
        values: Floats = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
        return values.reshape(-1, self.shape[1])


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    needed("pyarrow")
    with importlib.import_module("pyarrow.parquet").ParquetFile(path) as file:
        yield file


def _lengths(lists: Any) -> list[int | None]:
    """Length of every list; None where there is none."""
    found: list[int | None] = importlib.import_module("pyarrow.compute").list_value_length(lists).to_pylist()
    return found


def _index_of_pandas(schema: Any) -> tuple[str, ...]:
    """Columns that hold an index: pandas says so in the file's metadata."""
    described = schema.pandas_metadata or {}
    names = [name for name in described.get("index_columns", ()) if isinstance(name, str)]
    return tuple(name for name in names if name in schema.names)


def _is_list_of_numbers(kind: Any) -> bool:
    types = needed("pyarrow").types
    if not (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        return False
    return bool(types.is_floating(kind.value_type) or types.is_integer(kind.value_type))


def _check_numbers(path: Path, columns: Sequence[Any]) -> None:
    """Refuse columns that are not numbers, and whole numbers beside others: labels, or numbers of rows."""
    types = needed("pyarrow").types
    floating = [types.is_floating(column.type) for column in columns]
    for column, is_float in zip(columns, floating, strict=True):
        if not is_float and not types.is_integer(column.type):
            raise ValueError(
                f"{path}: column {column.name!r} is {column.type}; every column must be a number"
            )
        if not is_float and any(floating):
            raise ValueError(
                f"{path}: column {column.name!r} is {column.type} beside floating ones, labels perhaps; "
                "drop it from the file, or convert it to float if it holds logits"
            )
