"""Moments of logits that are on disk, and how often they name the right category."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from covlasso._moment_input import Floats
from covlasso.accumulate import Accumulator
from covlasso.logits import LogitFile
from covlasso.split import Split, held_out
from covlasso.split_moments import SplitMoments

Report = Callable[[str, int, int], object]


class Labels:
    """The right category of every row, below 0 where it is not known, and how often models find it.

    Attributes
    ----------
    labelled : dict from "fit" or "held_out" to int
        Rows with a label, of those counted.
    correct : dict from "fit" or "held_out" to dict from model name to int
        Rows of which the largest logit is that of the label; the first of equal ones counts.
    """

    def __init__(self, values: npt.NDArray[np.integer]):
        self.values = values
        self.labelled = {"fit": 0, "held_out": 0}
        self.correct: dict[str, dict[str, int]] = {"fit": {}, "held_out": {}}

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Labels:
        """Read a .npy vector of integers.

        Raises
        ------
        ValueError
            The file is none; the message names it.
        """
        try:
            values = np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as cause:
            raise ValueError(f"{path} is not a readable .npy file: {cause}") from cause
        if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in "iu":
            raise ValueError(f"{path} does not hold a vector of integers; one label per row is expected")
        return cls(values)

    def check(self, n_rows: int, categories: Mapping[str, int]) -> None:
        """Check the labels against the logits.

        Raises
        ------
        ValueError
            There are more or fewer labels than rows, or a label is no category of a model.
        """
        _check_length("labels", len(self.values), n_rows)
        row = int(np.argmax(self.values))
        for name, n in categories.items():
            if self.values[row] >= n:
                raise ValueError(f"label {self.values[row]} of row {row}: model {name!r} has {n} categories")

    def count(self, batch: Mapping[str, Floats], start: int, held: npt.NDArray[np.bool_]) -> None:
        """Count the rows from ``start`` on, of which ``held`` are held out."""
        labels = self.values[start : start + len(held)]
        for half, side in (("fit", ~held), ("held_out", held)):
            chosen = side & (labels >= 0)
            self.labelled[half] += int(chosen.sum())
            for name, rows in batch.items():
                right = rows[chosen].argmax(axis=1) == labels[chosen]
                self.correct[half][name] = self.correct[half].get(name, 0) + int(right.sum())


def model_names(files: Sequence[str], names: Sequence[str] | None) -> list[str]:
    """Return one name per file: the given ones, or the files' own without suffix and folder.

    Raises
    ------
    ValueError
        There are more or fewer names than files, or two are equal.
    """
    chosen = [Path(file).name.split(".")[0] for file in files] if names is None else list(names)
    if len(chosen) != len(files):
        raise ValueError(
            f"there are {len(chosen)} names ({', '.join(chosen)}) for {len(files)} files of logits"
        )
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"the names {', '.join(chosen)} are not different; give --names, one per file")
    return chosen


def moments_of_files(
    files: Mapping[str, LogitFile],
    split: Split,
    keys: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    labels: Labels | None = None,
    batch_size: int = 1024,
    report: Report | None = None,
) -> SplitMoments:
    """Accumulate the joint moments of logits that are read in pieces.

    Parameters
    ----------
    files : mapping from model name to LogitFile
        Row r of all of them is the same input.
    split : Split
        How the rows are divided.
    keys : sequence of str, optional
        What each row is cut from; by default each row is a group of its own, named by its number.
    class_names : sequence of str, optional
        Names of the categories of all models; by default those that a file has.
    labels : Labels, optional
        Where to count the right answers.
    batch_size : int
        Rows read at a time. The result does not depend on it.
    report : callable, optional
        Called with (title, rows done, rows in all).

    Raises
    ------
    ValueError
        Numbers of rows differ, a file is damaged, a logit is not finite, or a part gets no row.
    """
    rows = {file.where: file.shape[0] for file in files.values()}
    n_rows = next(iter(rows.values()))
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{where} has {count} rows" for where, count in rows.items())
        raise ValueError(f"{counts}; row r of all files must be the same input")
    if keys is not None:
        _check_length("groups", len(keys), n_rows)
    if labels is not None:
        labels.check(n_rows, {name: file.shape[1] for name, file in files.items()})
    own = {name: file.class_names for name, file in files.items() if file.class_names is not None}
    total = Accumulator(list(files), own if class_names is None else class_names, split=split)
    done = 0
    try:
        for blocks in zip(*(file.blocks(batch_size) for file in files.values()), strict=True):
            batch = dict(zip(files, blocks, strict=True))
            stop = done + len(blocks[0])
            group = keys[done:stop] if keys is not None else [str(row) for row in range(done, stop)]
            total.add(batch, group)
            if labels is not None:
                labels.count(batch, done, held_out(group, split.held_out))
            done = stop
            if report is not None:
                report("rows", done, n_rows)
    except KeyboardInterrupt as interruption:
        raise KeyboardInterrupt(
            f"interrupted after {done} of {n_rows} rows; nothing is written"
        ) from interruption
    return total.result()


def _check_length(what: str, found: int, n_rows: int) -> None:
    if found != n_rows:
        raise ValueError(f"there are {found} {what} for {n_rows} rows of logits; one per row is expected")
