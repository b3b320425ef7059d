"""What samples were cut from, by their paths, and how categories are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePath


def by_folder(paths: Sequence[str]) -> list[str]:
    """Keys that put all samples of a folder together."""
    return [PurePath(path).parent.as_posix() for path in paths]


def by_pattern(paths: Sequence[str], pattern: str) -> list[str]:
    """Keys that a regular expression finds: its first group, or the whole match where it has none.

    Raises
    ------
    ValueError
        The expression is none, or does not match a path.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as cause:
        raise ValueError(f"{pattern!r} is not a regular expression: {cause}") from cause
    keys = []
    for path in paths:
        match = compiled.search(path)
        found = match and match.group(min(1, compiled.groups))
        if found is None or match is None:
            raise ValueError(f"{pattern!r} does not match {path!r}; every sample needs a group")
        keys.append(found)
    return keys


def read_class_names(file: Path) -> list[str]:
    """Read names, one per line.

    Raises
    ------
    ValueError
        The file cannot be read, or is empty.
    """
    try:
        names = _lines(file)
    except (OSError, UnicodeDecodeError) as cause:
        raise ValueError(f"class names {file} cannot be read: {cause}") from cause
    if not names:
        raise ValueError(f"class names {file} is empty; give one name per line")
    return names


def _lines(file: Path) -> list[str]:
    """Lines of a UTF-8 text; only line feeds part them, as other breaks may be inside a name."""
    lines = file.read_text(encoding="utf-8").split("\n")
    return lines[:-1] if lines[-1] == "" else lines
