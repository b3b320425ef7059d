"""What lies below a folder: its pictures, each once, and what is left out, in words."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import NamedTuple

from PIL import Image
from timm.data.readers.class_map import load_class_map
from timm.data.readers.img_extensions import get_img_extensions
from timm.data.readers.reader_image_folder import ReaderImageFolder
from timm.utils.misc import natural_key

_TRAIN, _EVAL = ("train", "training"), ("val", "valid", "validation", "eval", "evaluation")
_SPLITS = {*_TRAIN, *_EVAL, "test", "testing"}
_ARCHIVES = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".zip", ".7z", ".rar")


class Place(NamedTuple):
    """The folder that is read, and a line for each thing beside it that is not."""

    folder: Path
    notes: list[str]


@dataclass
class Contents:
    """What a folder and the folders below it hold.

    Attributes
    ----------
    pictures : list of str
        Paths of pictures.
    archives : list of str
        Paths of archives.
    others : Counter
        Numbers of files that may be pictures, by an ending that is not asked for.
    again : list of (str, str)
        Links, each with what has been read under another path.
    broken : list of str
        Links to nothing, and links that go round.
    irregular : list of str
        What is called like a picture and is no file: pipes, devices.
    """

    pictures: list[str] = field(default_factory=list)
    archives: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    again: list[tuple[str, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    irregular: list[str] = field(default_factory=list)

    def notes(self, root: Path) -> list[str]:
        """Say what is left out, a line for each kind."""
        found = []
        if self.archives:
            tar = next((path for path in self.archives if _ending(path) == ".tar"), None)
            remedy = "unpack to read" if tar is None else f"--data {tar} reads that one alone"
            found.append(f"{some(self.archives, 'archive')} not read; {remedy}")
        if self.others:
            found.append(f"files below {root} not read: {other_endings(self.others)}")
        if self.again:
            links, (_, first) = [link for link, _ in self.again], self.again[0]
            found.append(f"{some(links, 'path')} left out, as what it leads to is read already: {first}")
        if self.broken:
            found.append(f"{some(self.broken, 'link')} left out: nothing is there, or it leads to itself")
        if self.irregular:
            found.append(f"{some(self.irregular, 'path')} left out: no file")
        return found


def contents(root: Path, types: Collection[str] = ()) -> Contents:
    """Look through a folder and all below it, links to folders included, each folder and picture once.

    A folder or picture that has several paths is taken at the one without links, or else at the first.

    Raises
    ------
    ValueError
        A folder cannot be read.
    """
    look = _Look(root, types)
    look.walk(str(root))
    look.follow()
    return look.found


def place_of_split(root: Path, split: str, types: Collection[str] = ()) -> Place:
    """Return the folder of a split below the root, where there is one, and the root where it is a class.

    A folder with one of the names of the evaluation split (the default) is a class among others where a
    folder beside it has pictures and is not called like a split.
    """
    wanted = split.split("[")[0]
    names = dict.fromkeys((wanted, *next((group for group in (_TRAIN, _EVAL) if wanted in group), ())))
    found = next((root / name for name in names if (root / name).is_dir()), None)
    if found is None or (wanted in _EVAL and not _has(str(found), types, archives=True)):
        none = [] if wanted in _EVAL else [f"{root} has no folder {wanted}: all of it is read"]
        return Place(root, none)
    beside = sorted(entry.path for entry in _entries(str(root)) if not _same(entry.path, found))
    classes = [path for path in beside if Path(path).name not in _SPLITS and _has_folder(path, types)]
    if classes and wanted in _EVAL:
        why = f"one folder among others, such as {classes[0]}"
        return Place(root, [f"{found} is read as {why}; --data {found} reads it alone"])
    left = [path for path in beside if _has(path, types, archives=True)]
    if not left:
        return Place(found, [])
    return Place(
        found, [f"only {found} is read, and not {some(left, 'path')}; --data says what else to read"]
    )


class PictureFolder(ReaderImageFolder):  # type: ignore[misc]
    """timm's reader of a folder, of pictures that were found already."""

    def __init__(self, root: Path, found: Sequence[str], class_map: str = ""):
        super(ReaderImageFolder, self).__init__()
        self.root = str(root)
        labels = [PurePath(os.path.relpath(path, root)).parent.name for path in found]
        self.class_to_idx = load_class_map(class_map, self.root) if class_map else None
        if self.class_to_idx is None:
            self.class_to_idx = {name: k for k, name in enumerate(sorted(set(labels), key=natural_key))}
        known = self.class_to_idx
        pairs = [(path, known[label]) for path, label in zip(found, labels, strict=True) if label in known]
        self.samples = sorted(pairs, key=lambda pair: natural_key(pair[0]))
        self.unmapped = sorted(set(labels) - set(known))


class _Look:
    """The walk of `contents`: real folders first, then the links that were met, in their order."""

    def __init__(self, root: Path, types: Collection[str]):
        self.found = Contents()
        self._types, self._readable = endings(types), readable()
        self._root = os.path.realpath(root)
        self._folders: dict[tuple[int, int], str] = {}
        self._files: list[tuple[int, int, str]] = []  # device, number and path of pictures that are no links
        self._links: list[str] = []
        self._targets: dict[tuple[int, int], str] | None = None

    def walk(self, folder: str) -> None:
        """Read a folder and all below it, but for links."""
        waiting = [folder]
        while waiting:
            place = waiting.pop()
            status = _status(place)
            key = (status.st_dev, status.st_ino)
            if key in self._folders:
                self.found.again.append((place, self._folders[key]))
                continue
            self._folders[key] = place
            below = []
            for entry in sorted(_entries(place), key=lambda entry: entry.name):
                if entry.is_symlink():
                    self._links.append(entry.path)
                elif entry.is_dir():
                    below.append(entry.path)
                else:
                    self._file(entry.path, entry.is_file(), status.st_dev, entry.inode())
            waiting += reversed(below)

    def follow(self) -> None:
        """Follow the links; what is behind them may have links, too."""
        while self._links:
            batch, self._links = sorted(self._links), []
            for link in batch:
                self._follow(link)

    def _follow(self, link: str) -> None:
        try:
            status = Path(link).stat()
        except OSError:
            if self._is_picture(link):
                self.found.pictures.append(link)  # is listed among the skipped ones, with the reason
            else:
                self.found.broken.append(link)
            return
        key = (status.st_dev, status.st_ino)
        if stat.S_ISDIR(status.st_mode):
            if key in self._folders:
                self.found.again.append((link, self._folders[key]))
            elif self._root.startswith(os.path.realpath(link).rstrip(os.sep) + os.sep):
                self.found.broken.append(link)
            else:
                self.walk(link)
        elif not self._is_picture(link):
            self._file(link, stat.S_ISREG(status.st_mode), *key)
        elif key in self._known():
            self.found.again.append((link, self._known()[key]))
        else:
            self._file(link, stat.S_ISREG(status.st_mode), *key)

    def _file(self, path: str, regular: bool, device: int, number: int) -> None:
        ending = _ending(path)
        if ending in self._types:
            if not regular:
                self.found.irregular.append(path)
                return
            self.found.pictures.append(path)
            self._files.append((device, number, path))
            if self._targets is not None:
                self._targets[device, number] = path
        elif path.lower().endswith(_ARCHIVES):
            self.found.archives.append(path)
        elif ending in self._readable:
            self.found.others[ending] += 1

    def _is_picture(self, path: str) -> bool:
        return _ending(path) in self._types

    def _known(self) -> dict[tuple[int, int], str]:
        """Pictures by what they are on the disk; made where a link is met."""
        if self._targets is None:
            self._targets = {(device, number): path for device, number, path in self._files}
        return self._targets


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as cause:
        raise ValueError(f"folder {folder} cannot be read: {cause.strerror}") from cause


def _status(folder: str) -> os.stat_result:
    try:
        return Path(folder).stat()
    except OSError as cause:
        raise ValueError(f"folder {folder} cannot be read: {cause.strerror}") from cause


def _has(path: str, types: Collection[str], archives: bool = False) -> bool:
    """Whether a file is a picture or archive, or a folder has one anywhere, links not followed."""
    wanted = tuple(endings(types)) + (_ARCHIVES if archives else ())
    if not Path(path).is_dir():
        return path.lower().endswith(wanted)
    return any(name.lower().endswith(wanted) for _, _, names in os.walk(path) for name in names)


def _has_folder(path: str, types: Collection[str]) -> bool:
    return Path(path).is_dir() and _has(path, types)


def endings(types: Collection[str]) -> set[str]:
    """Return the endings of pictures that are asked for, in small letters, or else those of timm."""
    return {kind.lower() for kind in types} or get_img_extensions(as_set=True)


def other_endings(others: Mapping[str, int]) -> str:
    """Say how many files have which other ending, and how they are read."""
    kinds = ", ".join(f"{number} {ending}" for ending, number in sorted(others.items()))
    wanted = ";".join(sorted({*get_img_extensions(), *others}))
    return f"{kinds}; --data-kwargs 'input_key={wanted}' reads them"


def readable() -> set[str]:
    """Return the endings of the files that PIL reads."""
    return {ending for ending, kind in Image.registered_extensions().items() if kind in Image.OPEN}


def _ending(path: str) -> str:
    return PurePath(path).suffix.lower()


def _same(path: str, other: Path) -> bool:
    return Path(path).exists() and Path(path).samefile(other)


def some(paths: Sequence[str], kind: str) -> str:
    """Name one, and how many there are."""
    return f"{kind} {paths[0]}" if len(paths) == 1 else f"{len(paths)} {kind}s ({paths[0]}, ...)"
