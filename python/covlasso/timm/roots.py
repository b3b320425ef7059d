"""What a root of pictures in files is: a folder of pictures, a folder of tar files, or a tar file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from timm.data.readers.reader_image_in_tar import ReaderImageInTar

from covlasso._base.errors import one_line
from covlasso.timm.folders import Contents, PictureFolder, contents, other_endings, place_of_split, some
from covlasso.timm.tars import tar_notes


class Opened(NamedTuple):
    """A reader of timm of all pictures of a root, whether they are in tar files, and what it leaves out."""

    root: Path
    reader: Any
    in_tar: bool
    notes: list[str]


def open_root(root: Path, split: str, class_map: str = "", types: Sequence[str] = ()) -> Opened:
    """Open a folder, the folder of a split in it, or a tar file.

    Raises
    ------
    ValueError
        It is not there, cannot be read, or has no picture.
    """
    if not root.exists():
        raise ValueError(f"data {root} does not exist")
    if not root.is_dir():
        if root.suffix.lower() != ".tar":
            raise ValueError(
                f"data {root} is no folder and no tar file; unpack it, or give the folder it is in"
            )
        return _open_tars(root, [root], class_map, [])
    folder, notes = place_of_split(root, split, types)
    found = contents(folder, types)
    if found.pictures:
        reader = PictureFolder(folder, found.pictures, class_map)
        if not reader.samples:
            raise ValueError(f"data {folder} has no picture in a folder that {class_map} names")
        if reader.unmapped:
            names = some(reader.unmapped, "folder")
            notes.append(f"pictures of {names} left out: {class_map} does not name it")
        return Opened(folder, reader, False, notes + found.notes(folder))
    tars = sorted(folder.glob("*.tar"))
    if not tars:
        raise ValueError(f"data {folder} has no picture{_instead(found)}")
    found.archives = [path for path in found.archives if Path(path) not in set(tars)]
    return _open_tars(folder, tars, class_map, notes + found.notes(folder))


def _open_tars(root: Path, files: list[Path], class_map: str, notes: list[str]) -> Opened:
    try:
        left = tar_notes(files)
        reader = ReaderImageInTar(str(root), class_map)
    except Exception as cause:
        empty = (
            "it has no picture" if "values to unpack" in str(cause) else one_line(cause)
        )  # timm's zip(*[])
        raise ValueError(f"data {root} cannot be opened: {empty}") from cause
    return Opened(root, reader, True, notes + left)


def _instead(found: Contents) -> str:
    """Say what there is, where there is no picture."""
    if found.others:
        return f", but {other_endings(found.others)}"
    if found.archives:
        return f", but {some(found.archives, 'archive')}; give a tar file, or its folder, to --data"
    return ""
