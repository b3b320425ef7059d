"""What timm does not read of tar files, in words."""

from __future__ import annotations

import tarfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from covlasso.timm.folders import endings, other_endings, readable, some


def tar_notes(files: Iterable[Path]) -> list[str]:
    """Say which pictures are left out: links, other endings, tar files that are too deep in others."""
    left = _Left()
    for file in files:
        with tarfile.open(file, mode="r:") as tar:
            left.look(tar, str(file), 0)
    found = []
    if left.links:
        found.append(
            f"{some(left.links, 'link')} left out: pictures that are links in a tar file are not read"
        )
    if left.deeper:
        found.append(f"{some(left.deeper, 'tar file')} left out: too deep in others; unpack the outermost")
    if left.others:
        found.append(
            f"files in tar files not read: {other_endings(left.others).partition(';')[0]}; unpack them"
        )
    return found


class _Left:
    def __init__(self) -> None:
        self.links: list[str] = []
        self.deeper: list[str] = []
        self.others: Counter[str] = Counter()
        self._types, self._readable = endings(()), readable()

    def look(self, tar: tarfile.TarFile, place: str, depth: int) -> None:
        for member in tar:
            ending, path = Path(member.name).suffix.lower(), f"{place}/{member.name}"
            if (member.issym() or member.islnk()) and ending in self._types:
                self.links.append(path)
            elif member.isfile() and ending == ".tar":
                if depth:
                    self.deeper.append(path)
                else:
                    with tarfile.open(fileobj=tar.extractfile(member), mode="r:") as inner:
                        self.look(inner, path, depth + 1)
            elif member.isfile() and ending in self._readable - self._types:
                self.others[ending] += 1
