"""Moments of logits that are on disk, and how often they name the right category."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from covlasso._base.arrays import Array, Bool, Int64
from covlasso._base.checks import check_labels
from covlasso._base.progress import TitledReport
from covlasso.logits.head_files import check_states
from covlasso.logits.labels import TopOne
from covlasso.logits.logit_file import LogitFile
from covlasso.moments import (
    Accumulator,
    ClassChoice,
    LinearHead,
    Split,
    SplitMoments,
    WantedClasses,
    choose_classes,
    held_out,
)


class FileMoments(NamedTuple):
    """Moments of logits on disk.

    Attributes
    ----------
    moments : SplitMoments
        Of all rows.
    top1 : dict from "fit" or "held_out" to TopOne, or None
        How often labels were found, where there are any.
    """

    moments: SplitMoments
    top1: dict[str, TopOne] | None


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
    labels: Int64 | None = None,
    batch_size: int = 1024,
    report: TitledReport | None = None,
    classes: WantedClasses = "auto",
    on_classes: Callable[[ClassChoice], object] | None = None,
    row_centred: bool = False,
    heads: Mapping[str, LinearHead] | None = None,
) -> FileMoments:
    """Accumulate the joint moments of logits that are read in pieces, or of hidden states before a head.

    Parameters
    ----------
    files : mapping from model name to LogitFile
        Row r of all of them is the same input. Of a model with a head: its hidden states, (rows, features).
    split : Split
        How the rows are divided.
    keys : sequence of str, optional
        What each row is cut from; by default each row is a group of its own, named by its number.
    class_names : sequence of str, optional
        Names of the categories of all models; by default those that a file has.
    labels : (rows,) integers, optional
        Category of each row, -1 where it is not known: right answers are counted.
    batch_size : int
        Rows read at a time. The result does not depend on it.
    report : callable, optional
        Called with (title, rows done, rows in all).
    classes : {"auto", "labels", "decisions"} or None, default "auto"
        Sums by class that are kept beside, as of `Moments`; "auto": by decisions where they take at most
        256 MB in all parts together, or at most a quarter of the joint sums.
    on_classes : callable, optional
        Called with the `ClassChoice` before their memory is taken.
    row_centred : bool, default False
        Of logits less their mean over the categories of their model, as of `Moments`.
    heads : mapping from model name to LinearHead, optional
        The last layers of models whose files have hidden states (`read_head`).

    Returns
    -------
    FileMoments

    Raises
    ------
    TypeError, ValueError
        Numbers of rows differ, hidden states do not fit their head, a label is no category, a file is
        damaged, a logit is not finite, a part gets no row, or there are no labels for ``classes="labels"``.
    """
    n_rows = _n_rows(files)
    heads = dict(heads or {})
    for name, head in heads.items():
        check_states(files[name], head)
    sizes = {name: heads[name].categories if name in heads else file.shape[1] for name, file in files.items()}
    if keys is not None:
        _check_keys(keys, n_rows)
    top1 = None
    if labels is not None:
        labels = check_labels(labels, n_rows, {f"model {name!r}": size for name, size in sizes.items()})
        top1 = {"fit": TopOne(), "held_out": TopOne()}
    elif classes == "labels":
        raise ValueError('classes="labels" needs labels; give the category of each row, -1 for none')
    total = _accumulator(files, sizes, heads, split, class_names, classes, on_classes, row_centred)
    done = 0
    try:
        for blocks in zip(*(file.blocks(batch_size) for file in files.values()), strict=True):
            batch = dict(zip(files, blocks, strict=True))
            stop = done + len(blocks[0])
            group = keys[done:stop] if keys is not None else [str(row) for row in range(done, stop)]
            known = None if labels is None else labels[done:stop]
            total.update(batch, group, known if total.classes == "labels" else None)
            if known is not None and top1 is not None:
                _count(top1, batch, heads, known, held_out(group, split.held_out))
            done = stop
            if report is not None:
                report("rows", done, n_rows)
    except KeyboardInterrupt as interruption:
        raise KeyboardInterrupt(
            f"interrupted after {done} of {n_rows} rows; nothing is written"
        ) from interruption
    return FileMoments(total.result(), top1)


def _n_rows(files: Mapping[str, LogitFile]) -> int:
    """Return the number of rows, which is that of all files."""
    rows = {file.where: file.shape[0] for file in files.values()}
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{where} has {count} rows" for where, count in rows.items())
        raise ValueError(f"{counts}; row r of all files must be the same input")
    return next(iter(rows.values()))


def _accumulator(
    files: Mapping[str, LogitFile],
    sizes: Mapping[str, int],
    heads: Mapping[str, LinearHead],
    split: Split,
    class_names: Sequence[str] | None,
    classes: WantedClasses,
    on_classes: Callable[[ClassChoice], object] | None,
    row_centred: bool,
) -> Accumulator:
    """Return an empty accumulator, of the classes that were wanted, or are cheap."""
    columns = {name: file.shape[1] for name, file in files.items()}
    choice = choose_classes(classes, sizes, columns, split)
    if on_classes is not None:
        on_classes(choice)
    own = {
        name: file.class_names
        for name, file in files.items()
        if file.class_names is not None and name not in heads
    }
    names = own if class_names is None else class_names
    return Accumulator(list(files), names, heads, split=split, classes=choice.kind, row_centred=row_centred)


def _check_keys(keys: Sequence[str], n_rows: int) -> None:
    if len(keys) != n_rows:
        raise ValueError(f"there are {len(keys)} groups for {n_rows} rows of logits; one per row is expected")


def _count(
    top1: Mapping[str, TopOne],
    batch: Mapping[str, Array],
    heads: Mapping[str, LinearHead],
    labels: Int64,
    held: Bool,
) -> None:
    decided = {
        name: heads[name].decisions(rows.astype(np.float64)) if name in heads else rows.argmax(axis=1)
        for name, rows in batch.items()
    }
    for half, side in (("fit", ~held), ("held_out", held)):
        known = side & (labels >= 0)
        correct = {name: int((place == labels)[known].sum()) for name, place in decided.items()}
        top1[half].merge(correct, int(known.sum()))
