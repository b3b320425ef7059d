"""Logits, hidden states, labels and the names of samples on disk, for what moments cannot tell."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

import numpy as np

from covlasso._base.arrays import Array, Places
from covlasso._base.ranks import Group
from covlasso.moments import Split, held_out, write_keys

Precision = Literal["float16", "float32"]
Saved = Literal["logits", "states"]
_SINGULAR: dict[Saved, str] = {"logits": "logit", "states": "hidden state"}
_LARGEST = {"float16": 65504.0, "float32": float(np.finfo(np.float32).max)}


class LogitWriter:
    """Files beside ``out``, row r of all of them one sample, in the order of the data.

    ``STEM.logits.MODEL.npy`` (samples, categories) and ``STEM.states.MODEL.npy`` (samples, d), whichever are
    wanted; ``STEM.labels.npy`` (samples,) int64, -1 where there is no label; ``STEM.held_out.npy`` (samples,)
    bool; ``STEM.samples.txt`` and ``STEM.keys.txt``, a line per sample, which `read_keys` reads. Until
    `finish` the parts of all ranks are in ``*.part`` files, which are cut to the last saved state when the
    run goes on.

    Parameters
    ----------
    out : Path
        The file of the moments; STEM is its path without the suffix.
    names : sequence of str
        The models.
    group : Group
        The ranks; all must see the same folder.
    wanted : mapping from "logits" or "states" to "float16" or "float32"
        Which rows are kept, logits or the hidden states before the last layer, and how precisely.
    """

    def __init__(self, out: Path, names: Sequence[str], group: Group, wanted: Mapping[Saved, Precision]):
        for rows, precision in wanted.items():
            if precision not in _LARGEST:
                raise ValueError(f"the precision of {rows} is {precision!r}; float16 or float32 is expected")
        self.wanted = dict(wanted)
        self._stem, self._group = out.with_suffix(""), group
        self._names = list(names)
        self._open: dict[str, IO[bytes]] = {}
        if len({_safe(name) for name in names}) < len(self._names):
            raise ValueError(f"the models {self._names} give equal file names; name them otherwise")

    def begin(self, sizes: Mapping[str, int] | None) -> None:
        """Open the parts: new ones, or cut to what `sizes` said when the state was saved."""
        for kind in self._kinds():
            path = self._part(kind, self._group.rank)
            if sizes is None:
                self._open[kind] = path.open("wb")
                continue
            if not path.exists() or path.stat().st_size < sizes[kind]:
                raise ValueError(
                    f"{path} of the unfinished run is gone or cut; delete its state to begin anew"
                )
            self._open[kind] = path.open("r+b")
            self._open[kind].truncate(sizes[kind])
            self._open[kind].seek(sizes[kind])

    def sizes(self) -> dict[str, int]:
        """Bytes of every part, after writing them out: what a state keeps."""
        for file in self._open.values():
            with _named(file):
                file.flush()
                os.fsync(file.fileno())
        return {kind: file.tell() for kind, file in self._open.items()}

    def update(
        self,
        rows: Mapping[Saved, Mapping[str, Array]],
        positions: Sequence[int],
        labels: Sequence[int],
        samples: Sequence[str],
        keys: Sequence[str],
    ) -> None:
        """Append some samples: rows of every wanted kind and model.

        Raises
        ------
        ValueError
            A number is beyond the range of the precision.
        """
        for kind, precision in self.wanted.items():
            for name, array in rows[kind].items():
                largest = np.abs(array).max(initial=0.0)
                if largest > _LARGEST[precision]:
                    raise ValueError(
                        f"model {name!r} has a {_SINGULAR[kind]} of size {largest:g}, which {precision} "
                        f"cannot hold; keep the {kind} in float32"
                    )
                self._write(_stem_of(kind, name), np.ascontiguousarray(array, dtype=precision).data)
        lines = zip(map(int, positions), map(int, labels), samples, keys, strict=True)
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        self._write("rows", text.encode("utf-8", "surrogatepass"))  # as json.loads decodes it

    def close(self) -> None:
        """Close the parts, to go on later."""
        for file in self._open.values():
            with _named(file):
                file.close()
        self._open = {}

    def finish(self, widths: Mapping[Saved, Mapping[str, int]], split: Split) -> None:
        """Put the parts of all ranks together, on rank 0; every rank must have closed its own."""
        ranks = range(self._group.size)
        rows = [self._rows(rank) for rank in ranks]
        index = np.array([row[0] for part in rows for row in part], dtype=np.int64)
        order = np.argsort(index, kind="stable")
        for kind in self.wanted:
            for name in self._names:
                counts, place = [len(part) for part in rows], np.argsort(order, kind="stable")
                self._join(kind, name, widths[kind][name], counts, place)
        ordered = [row for part in rows for row in part]
        ordered = [ordered[k] for k in order]
        keys = [row[3] for row in ordered]
        np.save(self._file("labels.npy"), np.array([row[1] for row in ordered], dtype=np.int64))
        np.save(self._file("held_out.npy"), held_out(keys, split.held_out))
        write_keys([row[2] for row in ordered], self._file("samples.txt"))
        write_keys(keys, self._file("keys.txt"))

    def remove_parts(self) -> None:
        """Delete this rank's parts, after `finish`."""
        for kind in self._kinds():
            self._part(kind, self._group.rank).unlink(missing_ok=True)

    def _write(self, kind: str, data: bytes | memoryview) -> None:
        with _named(self._open[kind]):
            self._open[kind].write(data)

    def _join(self, kind: Saved, name: str, width: int, counts: Sequence[int], place: Places) -> None:
        """Write the rows of one model; row r of the parts goes to row ``place[r]``."""
        precision = self.wanted[kind]
        target = self._file(f"{_stem_of(kind, name)}.npy")
        temporary = target.with_name(target.name + ".tmp")
        total = np.lib.format.open_memmap(temporary, mode="w+", dtype=precision, shape=(sum(counts), width))
        start = 0
        for rank, count in enumerate(counts):
            if count:
                path = self._part(_stem_of(kind, name), rank)
                part = np.memmap(path, precision, "r", shape=(count, width))
                total[place[start : start + count]] = part
            start += count
        total.flush()
        temporary.replace(target)

    def _rows(self, rank: int) -> list[tuple[int, int, str, str]]:
        path = self._part("rows", rank)
        try:
            with path.open("rb") as file:
                return [tuple(json.loads(line)) for line in file]
        except FileNotFoundError as cause:
            raise ValueError(
                f"{path} of rank {rank} is not to be seen here; all ranks need one folder"
            ) from cause

    def _kinds(self) -> list[str]:
        """Name the parts of a rank."""
        return [*(_stem_of(kind, name) for kind in self.wanted for name in self._names), "rows"]

    def _part(self, kind: str, rank: int) -> Path:
        return self._file(f"{kind}.{rank}.part")

    def _file(self, kind: str) -> Path:
        return self._stem.with_name(f"{self._stem.name}.{kind}")


@contextmanager
def _named(file: IO[bytes]) -> Iterator[None]:
    """Say which file it is that the disk is too full for."""
    try:
        yield
    except OSError as cause:
        raise OSError(cause.errno, cause.strerror, str(file.name)) from cause


def _stem_of(kind: Saved, name: str) -> str:
    """Name the file of one model's rows, without its ending."""
    return f"{kind}.{_safe(name)}"


def _safe(name: str) -> str:
    """Make a name fit for a file."""
    return re.sub(r"[^\w.+-]", "_", name)
