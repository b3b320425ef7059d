"""Pictures, each read and decoded once for all models."""

from __future__ import annotations

import copy
import errno
import os
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from timm.data import ImageDataset, create_dataset
from torch.utils.data import DataLoader, Dataset, IterableDataset

from covlasso._base.errors import one_line
from covlasso._base.ranks import Group
from covlasso.moments import by_folder, by_pattern
from covlasso.timm.keywords import dataset_arguments
from covlasso.timm.models import LoadedModel
from covlasso.timm.roots import open_root
from covlasso.torch import Batch, digest

# what PIL raises for pictures that are not what they should be
_BROKEN = (OSError, EOFError, SyntaxError, ValueError, OverflowError, struct.error, zlib.error)
_THIS_FILE_ONLY = (
    None, errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ELOOP, errno.ENOTDIR,
)  # fmt: skip


class Sample(NamedTuple):
    """One picture: a tensor for each distinct transform, or the reason why there is none."""

    position: int
    tensors: list[torch.Tensor]
    target: int
    unreadable: str | None = None


class Collated(NamedTuple):
    """Some pictures: the tensors of each distinct transform, and which could not be read."""

    tensors: list[torch.Tensor]
    targets: torch.Tensor
    positions: list[int]
    unreadable: list[tuple[int, str]]


class Pictures(Dataset[Sample]):  # type: ignore[misc]
    """Pictures of a timm data set, in the order of their names.

    Attributes
    ----------
    names : list of str
        Paths below the root, or numbers where the data set has no paths.
    folders : list of str
        Labels of the data set: names of folders, in the order of its targets; empty where it has none.
    labels : list of int, optional
        Category of the models for each target; None: there are no labels.
    source : mapping
        What the data set was opened with, and a hash of its classes.
    notes : list of str
        What lies there and is left out, a line for each kind.
    """

    def __init__(
        self,
        dataset: Any,
        models: Sequence[LoadedModel],
        source: Mapping[str, str] | None = None,
        notes: Sequence[str] = (),
    ):
        self.notes = [_in_utf8(note) for note in notes]
        self._dataset, self._reader = dataset, getattr(dataset, "reader", None)
        self._transforms = _distinct(models)
        names = _names(self._reader, len(dataset))
        self._order = sorted(range(len(names)), key=names.__getitem__)
        self.names = [names[k] for k in self._order]
        known = _classes(dataset)
        self.folders = [_in_utf8(name) for name in sorted(known, key=known.__getitem__)]
        self.labels: list[int] | None = None
        classes = digest(f"{target} {name}" for name, target in known.items())
        self.source = {**(source or {}), "classes": classes}

    @property
    def targets(self) -> list[int] | None:
        """Targets of the data set, in the order of the names, where its reader knows them without reading."""
        known = getattr(self._reader, "targets", None)  # of tar files
        if known is None:
            known = [sample[1] for sample in getattr(self._reader, "samples", ())]
        if len(known) != len(self.names) or not np.issubdtype(np.asarray(known).dtype, np.integer):
            return None
        return [int(known[k]) for k in self._order]

    def labelled(self, labels: list[int] | None) -> Pictures:
        """Return the same pictures with a category of the models for each target."""
        twin = copy.copy(self)
        twin.labels = labels
        return twin

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.names)

    def __getitem__(self, position: int) -> Sample:
        """Read one picture and apply all transforms."""
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", module="PIL")  # of pictures that are odd, but can be read
                picture, target = self._read(self._order[position])
                modes = {mode: picture.convert(mode) for mode, _ in self._transforms}
                tensors = [transform(modes[mode]) for mode, transform in self._transforms]
        except (*_BROKEN, Image.DecompressionBombError) as cause:
            if isinstance(cause, OSError) and cause.errno not in _THIS_FILE_ONLY:
                raise
            return Sample(position, [], -1, one_line(cause))
        return Sample(position, tensors, self._label(target))

    def _label(self, target: int | None) -> int:
        if self.labels is None or target is None or not 0 <= target < len(self.labels):
            return -1
        return self.labels[target]

    def _read(self, index: int) -> tuple[Image.Image, int | None]:
        if self._reader is None:
            picture, target = self._dataset[index]
            return picture, target
        file, target, *_ = self._reader[index]
        try:
            picture = Image.open(file)
            picture.load()
        finally:
            if hasattr(file, "close"):
                file.close()
        return picture, target


class PictureLoader:
    """Batches of pictures, from any one on.

    Parameters
    ----------
    pictures : Pictures
        The pictures.
    models : sequence of LoadedModel
        Whose transforms they were opened with.
    keys : sequence of str
        What each picture is cut from.
    batch_size, workers : int
        Pictures per batch, and processes that decode them.
    pin_mem : bool
        Page-locked memory, for GPUs.
    group : Group
        Rank r of R takes pictures r, r + R, r + 2 R, ...
    """

    def __init__(
        self,
        pictures: Pictures,
        models: Sequence[LoadedModel],
        keys: Sequence[str],
        batch_size: int,
        workers: int = 4,
        pin_mem: bool = False,
        group: Group | None = None,
    ):
        group = group or Group()
        self._pictures, self._keys, self._workers, self._pin = pictures, keys, workers, pin_mem
        self._place = _places(models)
        mine = range(group.rank, len(pictures), group.size)
        self.count = len(mine)
        self._batches = [list(mine[k : k + batch_size]) for k in range(0, len(mine), batch_size)]

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        """Give all batches."""
        return iter(self.batches(0))

    def batches(self, start: int) -> Iterator[Batch]:
        """Give all batches but the first ``start``, which are not read."""
        loader = DataLoader(
            self._pictures,
            batch_sampler=self._batches[start:],
            num_workers=max(0, min(self._workers, len(self._batches) - start)),
            collate_fn=_collate,
            pin_memory=self._pin,
        )
        try:
            yield from map(self._named, loader)
        except (OSError, RuntimeError) as cause:  # a worker was killed, a disk is gone
            reason = one_line(cause, -1)  # the worker's traceback stands before it
            raise RuntimeError(f"pictures can no longer be read: {reason}") from cause

    def _named(self, collated: Collated) -> Batch:
        tensors, targets, positions, unreadable = collated
        names = self._pictures.names
        inputs = {model: tensors[k] for model, k in self._place.items()} if tensors else torch.empty(0)
        return Batch(
            inputs,
            targets,
            [names[k] for k in positions],
            [self._keys[k] for k in positions],
            positions,
            [(names[k], reason) for k, reason in unreadable],
        )


def open_pictures(
    root: Path | None,
    models: Sequence[LoadedModel],
    dataset: str = "",
    split: str = "validation",
    class_map: str = "",
    data_kwargs: Mapping[str, Any] | None = None,
) -> Pictures:
    """Open what ``timm.data.create_dataset`` opens.

    Parameters
    ----------
    root : Path
        A folder of pictures, a tar file, a folder of tar files, or the root of ``dataset``.
    models : sequence of LoadedModel
        Whose transforms are applied.
    dataset : str, optional
        Type and name of the data set, such as "torch/cifar10".
    split : str, default "validation"
        Split of the data set; a folder of that name below the root is taken where there is one, unless it is
        the default and folders beside it, not called like splits, have pictures: then all of them are read.
    class_map : str, optional
        A file with the category of each folder.
    data_kwargs : mapping, optional
        Named as in timm's ``validate.py``: ``input_key`` (of a folder: file types, such as ".png;.jpg"; of
        "hfds/...": column of the pictures), ``target_key`` (of "hfds/...": column of the labels),
        ``dataset_download`` (of "torch/...": whether it may be downloaded).

    Raises
    ------
    KeywordError
        A key of ``data_kwargs`` that is not known, or that such data do not have; a wrong value.
    ValueError
        The root cannot be read, has no picture, or is a data set that only streams.
    """
    given = data_kwargs or {}
    more, notes = dataset_arguments(given, dataset, False), []
    if root is not None and not dataset:
        found = open_root(
            root, split, class_map, str(more["input_key"]).split(";") if "input_key" in more else ()
        )
        dataset_arguments(given, dataset, found.in_tar)
        opened, notes = ImageDataset(str(found.root), found.reader), found.notes
    else:
        opened = _open_dataset(dataset, root, split, class_map, more)
    if isinstance(opened, IterableDataset):
        raise ValueError(
            f"data set {dataset!r} can only be streamed, so a run could not go on in the middle; give a "
            "folder or tar files, or your own loader to covlasso.torch.extract"
        )
    more.pop("download", None)  # decides about nothing
    return Pictures(opened, models, {"dataset": dataset, "split": split, **more}, notes)


def _open_dataset(
    dataset: str, root: Path | None, split: str, class_map: str, more: Mapping[str, Any]
) -> Any:
    place = str(root) if root is not None else None
    try:
        return create_dataset(
            dataset, root=place, split=split, class_map=class_map, input_img_mode=None, **more
        )
    except Exception as cause:
        raise ValueError(f"data {root or dataset} cannot be opened: {one_line(cause)}") from cause


def group_keys(names: Sequence[str], groups: str) -> list[str]:
    """Return what each picture is cut from: itself ("none"), its "folder", or what an expression finds."""
    if groups == "none":
        return list(names)
    return by_folder(names) if groups == "folder" else by_pattern(names, groups)


def _names(reader: Any, count: int) -> list[str]:
    """Paths below the root, in UTF-8 and without ``./``; numbers where the reader has none."""
    samples = getattr(reader, "samples", None)
    if samples is None:
        width = len(str(max(count - 1, 0)))
        return [f"{k:0{width}d}" for k in range(count)]
    if hasattr(reader, "tar_state"):  # (member, tar file or None, tar file in a tar file or None)
        paths = [
            "/".join(part for part in (tar, inner and inner.name, member.name) if part)
            for member, tar, inner in samples
        ]
    else:
        paths = reader.filenames()
    return [_in_utf8(PurePath(path).as_posix()) for path in paths]


def _in_utf8(name: str) -> str:
    """Return a name of the file system as a text that can be written, other bytes as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _classes(dataset: Any) -> dict[str, int]:
    """Targets by the name of their class."""
    for holder in (getattr(dataset, "reader", None), dataset):
        for attribute in ("class_to_idx", "class_name_to_idx"):
            known = getattr(holder, attribute, None)
            if isinstance(known, dict):
                return {str(name): int(k) for name, k in known.items()}
    return {}


def _distinct(models: Sequence[LoadedModel]) -> list[tuple[str, Any]]:
    """Mode and transform of each distinct data configuration."""
    first: dict[str, LoadedModel] = {}
    for model in models:
        first.setdefault(repr(model.data_config), model)
    return [(model.mode, model.transform) for model in first.values()]


def _places(models: Sequence[LoadedModel]) -> dict[str, int]:
    """Position of each model's tensor in a sample."""
    seen = list(dict.fromkeys(repr(model.data_config) for model in models))
    return {model.name: seen.index(repr(model.data_config)) for model in models}


def _collate(samples: Sequence[Sample]) -> Collated:
    good = [sample for sample in samples if sample.unreadable is None]
    return Collated(
        tensors=[torch.stack(column) for column in zip(*(sample.tensors for sample in good), strict=True)],
        targets=torch.tensor([sample.target for sample in good], dtype=torch.long),
        positions=[sample.position for sample in good],
        unreadable=[(s.position, s.unreadable) for s in samples if s.unreadable is not None],
    )
