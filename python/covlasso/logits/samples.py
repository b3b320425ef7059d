"""Logits of one or two networks on the same inputs, read a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from covlasso._base.arrays import Array, Bool, Float64, Int32, Int64
from covlasso._base.checks import UNKNOWN, check_flag, check_labels, first_bad, host_logits
from covlasso._base.commands import array_digest

_CHUNK = 1 << 20  # logits looked at together: 8 MB in double
_ROWS = 128  # samples looked at together: with a thousand categories they stay in a core's cache


class Rows(Protocol):
    """Rows of logits that can be read again: `covlasso.logits.open_logits` makes them of files."""

    shape: tuple[int, int]

    def blocks(self, rows: int) -> Iterator[Array]:
        """Yield all rows in order, ``rows`` at a time, every entry finite."""


class Chunk(NamedTuple):
    """A few samples, in double; of one network ``source`` is ``target``."""

    target: Float64
    source: Float64
    label: Int64 | None


class Samples:
    """Logits of the targets' network and of the sources', with labels.

    Parameters
    ----------
    logits, source_logits : (samples, n) array, or Rows
        Row r of both is the same input; ``source_logits`` is None within one network.
    labels : (samples,) integers, optional
        -1: not known.
    keep : (samples,) booleans, optional
        Rows to look at.
    row_centred : bool, default False
        Take off each row's mean over the categories of its network.
    """

    def __init__(
        self,
        logits: Any,
        source_logits: Any = None,
        labels: Any = None,
        keep: Any = None,
        row_centred: bool = False,
    ):
        self._row_centred = check_flag(row_centred, "row_centred")
        self._target = _rows(logits, "logits")
        self._source = None if source_logits is None else _rows(source_logits, "source_logits")
        n = self._target.shape[0]
        if self._source is not None and self._source.shape[0] != n:
            raise ValueError(
                f"logits has {n} rows and source_logits {self._source.shape[0]}; row r of both is input r"
            )
        if self.categories < 2:
            raise ValueError("logits has a single category; decisions need at least two")
        self._label = None if labels is None else check_labels(labels, n, {"logits": self.categories})
        self._keep = None if keep is None else _checked_keep(keep, n)
        self._count = n if self._keep is None else int(self._keep.sum())
        if (
            self._label is not None
            and (self._label[slice(None) if keep is None else self._keep] == UNKNOWN).all()
        ):
            raise ValueError(
                "labels are all -1 (not known); leave them out to compare with the own decisions"
            )

    def __len__(self) -> int:
        """Count the samples."""
        return self._count

    @property
    def categories(self) -> int:
        """Number of logits of the targets' network."""
        return self._target.shape[1]

    @property
    def labelled(self) -> bool:
        """Whether labels are given."""
        return self._label is not None

    def in_gauge(self, row_centred: bool) -> Samples:
        """Return the same samples, row-centred where they shall be."""
        if not row_centred or self._row_centred:
            return self
        twin = copy(self)
        twin._row_centred = True
        return twin

    def check(self, n_sources: int, targets: Int32, intra: bool) -> None:
        """Refuse logits that are not those of the dependencies' networks."""
        if intra and self._source is not None:
            raise ValueError("these dependencies are within one network; give logits only, no source_logits")
        if not intra and self._source is None:
            raise ValueError("these dependencies are between two networks; give source_logits too")
        name, source = ("logits", self._target) if self._source is None else ("source_logits", self._source)
        if source.shape[1] != n_sources:
            raise ValueError(f"{name} has {source.shape[1]} categories; there are {n_sources} sources")
        if self.categories <= targets.max():
            raise ValueError(
                f"logits has {self.categories} categories; target {targets.max()} is none of them"
            )

    def digest(self) -> str:
        """Hash of all samples, which reads them once."""
        parts = (part for chunk in self.chunks() for part in chunk if part is not None)
        return array_digest(parts)

    def chunks(self) -> Iterator[Chunk]:
        """Yield all samples in order, some at a time.

        How many depends on the numbers of categories alone (at most 128), so that sums over chunks have the
        same bits whatever the rows lie among.
        """
        width = self.categories if self._source is None else max(self.categories, self._source.shape[1])
        size = min(_ROWS, max(1, _CHUNK // width))
        label = self._label if self._label is None or self._keep is None else self._label[self._keep]
        sources = None if self._source is None else _kept(self._source, self._keep, size)
        start = 0
        for target in _kept(self._target, self._keep, size):
            stop = start + len(target)
            source = target if sources is None else next(sources)
            for rows in () if not self._row_centred else (target,) if source is target else (target, source):
                rows -= rows.mean(axis=1, keepdims=True)
            yield Chunk(target, source, None if label is None else label[start:stop])
            start = stop


def _kept(rows: Rows, keep: Bool | None, size: int) -> Iterator[Float64]:
    """Rows that are kept, in double, ``size`` at a time."""
    waiting: list[Array] = []
    start = count = 0
    for block in rows.blocks(size):
        kept = block if keep is None else block[keep[start : start + len(block)]]
        start += len(block)
        waiting.append(kept)
        count += len(kept)
        if count >= size:
            joined = np.concatenate(waiting) if len(waiting) > 1 else kept
            whole = count - count % size
            for first in range(0, whole, size):
                yield joined[first : first + size].astype(np.float64)
            waiting, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(waiting).astype(np.float64)


class _ArrayRows:
    """Rows of an array, which may be memory-mapped."""

    def __init__(self, values: Array, name: str):
        self._values, self._name = values, name
        self.shape = (values.shape[0], values.shape[1])

    def blocks(self, rows: int) -> Iterator[Array]:
        for start in range(0, self.shape[0], rows):
            _check_whole(self._values, self._name)
            block = np.asarray(self._values[start : start + rows])
            place = first_bad(block)
            if place is not None:
                row, column = place
                where = f"{self._name}[{start + row}, {column}]"
                raise ValueError(f"{where} is {block[place]}; every logit must be finite")
            yield block


def _check_whole(values: Array, name: str) -> None:
    """Refuse a mapped file that was cut: to touch what it lacks would end the process with a bus error."""
    if not isinstance(values, np.memmap) or values.filename is None:
        return
    whole = values
    while isinstance(whole.base, np.memmap):
        whole = whole.base
    size = Path(values.filename).stat().st_size
    if size < whole.offset + whole.nbytes:
        raise ValueError(
            f"{name}: {values.filename} became shorter while it was read, it has {size} bytes of "
            f"{whole.offset + whole.nbytes}"
        )


def _rows(value: Any, name: str) -> Rows:
    if hasattr(value, "blocks"):
        rows: Rows = value
        return rows
    array = host_logits(value, name) if not isinstance(value, np.memmap) else value
    if array.ndim != 2 or len(array) == 0:
        raise ValueError(f"{name} has shape {array.shape}; (samples, categories) is expected")
    return _ArrayRows(array, name)


def _checked_keep(keep: Any, count: int) -> Bool:
    array = np.asarray(keep)
    if array.dtype != np.bool_ or array.shape != (count,):
        raise ValueError(f"rows is {array.dtype} {array.shape}; ({count},) booleans are expected")
    if not array.any():
        raise ValueError("rows keeps no row; at least one is needed")
    return array
