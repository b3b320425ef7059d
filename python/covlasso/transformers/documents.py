"""Documents: files, files of folders, records of JSON lines, pieces between separators, standard input."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import NamedTuple

ENDINGS = (".txt", ".text", ".md", ".rst", ".jsonl")  # of files that a folder is read for
STANDARD = "-"
BLANK = "blank"  # separator: blank lines


class Document(NamedTuple):
    """A text of its own: no token of it sees another one, and all of it is on one side of the split."""

    name: str
    text: str


@dataclass
class Documents:
    """What was found.

    Attributes
    ----------
    found : list of Document
        In the order of their names.
    skipped : list of (name, reason)
        What cannot be opened, or has no text.
    notes : list of str
        What lies there and is not read, a line for each kind.
    """

    found: list[Document] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_documents(
    sources: Sequence[str | os.PathLike[str]],
    field: str = "text",
    separator: str | None = None,
    encoding: str = "utf-8",
) -> Documents:
    """Read all texts.

    Parameters
    ----------
    sources : sequence of path
        Files, whatever their ending; folders, of which all files ending in .txt, .text, .md, .rst and .jsonl
        are read, those of folders in them too; "-", standard input. Each line of a file ending in .jsonl is a
        JSON object, a document; any other file is one, as is standard input.
    field : str, default "text"
        Where a JSON object has its text.
    separator : str, optional
        A line that stands between two documents of a file, such as "%"; "blank": blank lines do.
    encoding : str, default "utf-8"
        Of all files.

    Raises
    ------
    FileNotFoundError
        A source is not there.
    ValueError
        Bytes are not of the encoding, or a line is no JSON object with such a field; the message names file
        and place. Or there is no text at all.
    """
    if separator is not None and (not separator.strip() or "\n" in separator):
        raise ValueError(f"separator is {separator!r}; a line with something on it is expected, or {BLANK!r}")
    documents = Documents()
    for name, path in _named(sources, documents):
        try:
            content = sys.stdin.buffer.read() if path is None else path.read_bytes()
        except OSError as cause:
            documents.skipped.append((name, cause.strerror or str(cause)))
            continue
        text = _decoded(content, encoding, name)
        pieces = _records(text, field, name) if name.endswith(".jsonl") else _pieces(text, separator, name)
        for piece in pieces:
            if piece.text.strip():
                documents.found.append(piece)
            else:
                documents.skipped.append((piece.name, "it has no text"))
    if not documents.found:
        first = (
            f"; the first, {documents.skipped[0][0]}: {documents.skipped[0][1]}" if documents.skipped else ""
        )
        raise ValueError(f"there is no text in {', '.join(map(str, sources))}{first}")
    return documents


def _named(sources: Sequence[str | os.PathLike[str]], documents: Documents) -> list[tuple[str, Path | None]]:
    """Files and their names: below the folder that was given, or their own; or as given if two were equal."""
    files: list[tuple[str, str, Path | None]] = []
    for source in sources:
        path = Path(source)
        if os.fspath(source) == STANDARD:
            files.append(("standard input", "standard input", None))
        elif path.is_dir():
            inside = _of_folder(path, documents)
            files += [(file.relative_to(path).as_posix(), file.as_posix(), file) for file in inside]
        elif path.exists():
            files.append((path.name, PurePath(source).as_posix(), path))
        else:
            raise FileNotFoundError(f"text {path} does not exist")
    files = _each_once(files, documents)
    names = [name for name, _, _ in files]
    clear = len(set(names)) == len(names)
    return sorted(
        ((_in_utf8(name if clear else given), path) for name, given, path in files), key=lambda file: file[0]
    )


def _of_folder(folder: Path, documents: Documents) -> list[Path]:
    """All files of a folder with an ending of texts; a note counts the others."""

    def refuse(cause: OSError) -> None:
        raise ValueError(f"folder {cause.filename} cannot be read: {cause.strerror}") from cause

    found, others = [], Counter[str]()
    for place, below, names in os.walk(folder, onerror=refuse):
        below.sort()
        for name in sorted(names):
            ending = PurePath(name).suffix.lower()
            if ending in ENDINGS:
                found.append(Path(place) / name)
            else:
                others[ending or "without an ending"] += 1
    if others:
        kinds = ", ".join(f"{number} {ending}" for ending, number in sorted(others.items()))
        documents.notes.append(f"files below {folder} not read: {kinds}; give them by name to read them")
    return found


def _each_once(
    files: list[tuple[str, str, Path | None]], documents: Documents
) -> list[tuple[str, str, Path | None]]:
    """Leave out files that are there already, under another path or given twice."""
    seen, kept, again = set(), [], []
    for file in files:
        real = None if file[2] is None else os.path.realpath(file[2])
        if real in seen:
            again.append(file[1])
        else:
            seen.add(real)
            kept.append(file)
    if again:
        more = f" and {len(again) - 1} more" if len(again) > 1 else ""
        documents.notes.append(f"left out, as it is read already: {again[0]}{more}")
    return kept


def _decoded(content: bytes, encoding: str, name: str) -> str:
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except LookupError as cause:
        raise ValueError(f"encoding is {encoding!r}; there is none of this name") from cause
    except UnicodeDecodeError as cause:
        line = content.count(b"\n", 0, cause.start) + 1
        raise ValueError(
            f"{name}: byte 0x{content[cause.start]:02x} at {cause.start} (line {line}) is not {encoding}; "
            "give the file's encoding, or convert it"
        ) from cause


def _pieces(text: str, separator: str | None, name: str) -> Iterator[Document]:
    """Parts of a file, named by the lines where they begin; the file itself without a separator."""
    if separator is None:
        yield Document(name, text)
        return
    begin = 1
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        bare = line.strip()
        if bare == ("" if separator == BLANK else separator):
            if lines:
                yield Document(f"{name}:{begin}", "".join(lines))
            begin, lines = number + 1, []
        else:
            lines.append(line)
    if lines:
        yield Document(f"{name}:{begin}", "".join(lines))


def _records(text: str, field: str, name: str) -> Iterator[Document]:
    """Give the records of JSON lines, named by their lines."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as cause:
            raise ValueError(f"{name}, line {number} is not JSON: {cause}") from cause
        if not isinstance(record, dict) or not isinstance(record.get(field), str):
            found = ", ".join(map(repr, record)) if isinstance(record, dict) else type(record).__name__
            raise ValueError(
                f"{name}, line {number} has no text in field {field!r}; it has {found or 'none'}; "
                "give the field"
            )
        yield Document(f"{name}:{number}", record[field])


def _in_utf8(name: str) -> str:
    """Return a name of the file system as a text that can be written, other bytes as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
