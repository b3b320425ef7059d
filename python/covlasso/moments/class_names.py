"""Names of categories in a text file."""

from __future__ import annotations

import json
import os
from pathlib import Path

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_class_names(file: str | os.PathLike[str]) -> list[str]:
    r"""Read names, one per line, in the order of the categories.

    The text is UTF-8, with or without a byte order mark; lines end with ``\n`` or all of them with ``\r\n``.
    Other breaks (form feeds, U+2028, a lone ``\r``) may be inside a name, as in the vocabularies of language
    models, and blanks around a name belong to it. A .json file holds a list of names, whatever they are.

    Raises
    ------
    ValueError
        The file cannot be read, is empty or in another encoding, a name is blank, or only some lines end with
        ``\r\n``; the message names the file and the line.
    """
    if Path(file).suffix.lower() == ".json":
        return _of_json(Path(file))
    names = _without_returns(_decoded_lines(Path(file)), file)
    if not names:
        raise ValueError(f"class names {file} is empty; give one name per line")
    for number, name in enumerate(names, 1):
        if not name.strip():
            raise ValueError(f"class names {file}, line {number} is blank; every category needs a name")
    return names


def _of_json(file: Path) -> list[str]:
    """Names of a list in JSON."""
    try:
        names = json.loads(file.read_text(encoding="utf-8"))
    except OSError as cause:
        raise ValueError(f"class names {file} cannot be read: {cause.strerror or cause}") from cause
    except ValueError as cause:
        raise ValueError(f"class names {file} are no JSON in UTF-8: {cause}") from cause
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError(f"class names {file}: a list of strings is expected, one per category")
    return names


def _decoded_lines(file: Path) -> list[str]:
    """Lines of a UTF-8 text that line feeds part; a last one that is empty is none."""
    try:
        content = file.read_bytes()
    except OSError as cause:
        raise ValueError(f"class names {file} cannot be read: {cause.strerror or cause}") from cause
    if content.startswith(_UTF16) or b"\0" in content:
        raise ValueError(f"class names {file}, line 1: the file is in UTF-16 or no text; save it as UTF-8")
    try:
        lines = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as cause:
        line = content.count(b"\n", 0, cause.start) + 1
        raise ValueError(
            f"class names {file}, line {line} is not UTF-8 (byte 0x{content[cause.start]:02x}); "
            "save the file as UTF-8"
        ) from cause
    return lines[:-1] if lines[-1] == "" else lines


def _without_returns(lines: list[str], file: str | os.PathLike[str]) -> list[str]:
    r"""Lines without the ``\r`` of a ``\r\n``; only the last line may lack one that the others have."""
    returns = [line.endswith("\r") for line in lines]
    if not any(returns):
        return lines
    if not all(returns[:-1]):
        number = 1 + returns.index(not returns[0])
        raise ValueError(
            f"class names {file}, line {number}: some lines end with a carriage return and others do not, so "
            "it may be part of a name or not; write all line ends alike"
        )
    return [line.removesuffix("\r") for line in lines]
