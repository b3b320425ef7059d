"""Files of keys: what each sample was cut from, read and written exactly."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_ESCAPED = "covlasso-escaped:"  # begins a line that does not say its key as it is
_ESCAPES = re.compile(
    r"(?:[ -\[\]-~]|\\(?:[\\nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U00(?:0[0-9a-f]|10)[0-9a-f]{4}))*"
)
_BOM = "\ufeff"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_keys(path: str | os.PathLike[str]) -> list[str]:
    r"""Read one key per sample: a .npy vector of integers or strings, or the lines of a text file.

    A line is a key as it stands, in UTF-8; bytes that are not UTF-8 stay what they are, as file names may be
    any bytes. Lines end with ``\n`` or ``\r\n``, no other break parts them, and a byte order mark is no part
    of the first. What `write_keys` had to escape is taken back.

    Raises
    ------
    ValueError
        The file is no such list, or is in UTF-16.
    """
    source = Path(path)
    if source.suffix == ".npy":
        return _read_array(source)
    content = source.read_bytes()
    if content.startswith(_UTF16):
        raise ValueError(f"{source} is in UTF-16; save it as UTF-8")
    lines = content.decode("utf-8", "surrogateescape").removeprefix(_BOM).split("\n")
    return [_key(line.removesuffix("\r")) for line in (lines[:-1] if lines[-1] == "" else lines)]


def write_keys(keys: Sequence[str], path: str | os.PathLike[str]) -> None:
    r"""Write one line per key, so that `read_keys` gives exactly these.

    A key stands there as it is, backslashes included. One that cannot (with a line break in it, say) follows
    ``covlasso-escaped:`` with Python's escapes, as in ``covlasso-escaped:a\nb.png``.
    """
    text = "".join(f"{_line(key)}\n" for key in keys)
    Path(path).write_bytes(text.encode("utf-8", "surrogateescape"))


def _line(key: str) -> str:
    """Return the line of a key: itself, or its escaped form where that would not be read as this key."""
    plain = not any(part in key for part in "\n\r") and not key.startswith((_ESCAPED, _BOM))
    try:
        content = key.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a surrogate pair, which no text can hold
        plain = False
    else:  # bytes that were not UTF-8 may be so together with their neighbours
        plain = plain and not content.startswith(_UTF16) and content.decode("utf-8", "surrogateescape") == key
    return key if plain else _ESCAPED + key.encode("unicode_escape").decode("ascii")


def _key(line: str) -> str:
    """Inverse of `_line`; a line that it would not have written is a key as it stands."""
    escaped = line.removeprefix(_ESCAPED)
    if escaped == line or not _ESCAPES.fullmatch(escaped):
        return line
    key = escaped.encode("ascii").decode("unicode_escape")
    return key if _line(key) == line else line


def _read_array(file: Path) -> list[str]:
    try:
        keys = np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as cause:
        raise ValueError(f"{file} is not a readable .npy file: {cause}") from cause
    if keys.ndim != 1 or keys.dtype.kind not in "iuU":
        raise ValueError(
            f"{file} holds {keys.dtype} {keys.shape}; a vector of integers or strings is expected"
        )
    return [str(key) for key in keys]
