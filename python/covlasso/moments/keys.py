"""What samples were cut from, by their paths."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath


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
