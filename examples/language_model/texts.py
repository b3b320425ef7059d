"""English text of Debian's packages, as documents.

python examples/language_model/texts.py    # names the packages that are not installed, one a line
"""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LONG = 4000  # characters of a piece of a manual
PROSE = 120  # characters of a paragraph; shorter ones are headings, entries of lists and of contents


def fortunes(folder: Path) -> Iterator[str]:
    """Sayings, each of them one; files of drawings and of other languages are left out."""
    others = {"art", "ascii-art", "translate-me", "debian-hints"}
    for file in sorted(folder.iterdir()):
        if not file.suffix and file.name not in others:
            yield from file.read_text(encoding="utf-8", errors="replace").split("\n%\n")


def chapters(program: Path) -> Iterator[str]:
    """Chapters of the Bible, from what the program prints: a verse a line, its place before it."""
    printed = subprocess.run(
        [program, "-f"], input="gen1:1-rev22:21", capture_output=True, text=True, check=True
    ).stdout
    verses: dict[str, list[str]] = {}
    for place, verse in re.findall(r"^(\S+\d):\d+ (.+)$", printed, re.MULTILINE):
        verses.setdefault(place, []).append(verse)
    yield from map(" ".join, verses.values())


def pieces(file: Path) -> Iterator[str]:
    """Paragraphs of prose of a manual, their lines put together, some pages at a time."""
    with gzip.open(file, "rt", encoding="utf-8") as opened:
        blocks = re.split(r"\n\s*\n", opened.read())
    piece = ""
    for block in blocks:
        paragraph = " ".join(block.split())
        if len(paragraph) >= PROSE and paragraph[-1] in ".:)\"'”":
            piece += paragraph + "\n\n"
        if len(piece) >= LONG:
            yield piece
            piece = ""
    yield piece


@dataclass(frozen=True)
class Source:
    """Text of one package.

    Parameters
    ----------
    package : str
        Debian package.
    path : str
        What is read.
    read : callable
        Gives its documents.
    share : int
        How much of all text is from here, beside the others.
    """

    package: str
    path: str
    read: Callable[[Path], Iterator[str]]
    share: int

    def documents(self) -> list[str]:
        """Documents in a random order, the same one each time."""
        found = [text for text in map(str.strip, self.read(Path(self.path))) if text]
        return [found[k] for k in np.random.default_rng(0).permutation(len(found))]


SOURCES = (
    Source("fortunes", "/usr/share/games/fortunes", fortunes, 3),
    Source("bible-kjv", "/usr/bin/bible", chapters, 2),
    Source("jargon-text", "/usr/share/doc/jargon-text/jargon.txt.gz", pieces, 2),
    Source("debian-policy", "/usr/share/doc/debian-policy/policy.txt.gz", pieces, 1),
    Source("debian-reference-en", "/usr/share/debian-reference/debian-reference.en.txt.gz", pieces, 1),
    Source("developers-reference", "/usr/share/developers-reference/developers-reference.txt.gz", pieces, 1),
)


def missing_packages() -> list[str]:
    """Return the packages that are not installed."""
    return [source.package for source in SOURCES if not Path(source.path).exists()]


def write_texts(folder: Path, characters: int) -> None:
    """Write a file of documents for each package, ``FOLDER/PACKAGE.jsonl``, together so many characters.

    Raises
    ------
    FileNotFoundError
        A package is not installed; the message names all that are to be.
    """
    if missing := missing_packages():
        raise FileNotFoundError(f"text is missing: apt-get install {' '.join(missing)}")
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    left, shares = characters, sum(source.share for source in SOURCES)
    texts = {source: source.documents() for source in SOURCES}
    # the shortest for its share first: what it lacks is left to the others
    for source in sorted(SOURCES, key=lambda one: sum(map(len, texts[one])) / one.share):
        ends = np.cumsum([len(text) for text in texts[source]])
        count = int(np.searchsorted(ends, left * source.share / shares)) + 1
        chosen = texts[source][:count]
        left, shares = left - sum(map(len, chosen)), shares - source.share
        lines = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in chosen)
        (unfinished / f"{source.package}.jsonl").write_text(lines, encoding="utf-8")
    unfinished.rename(folder)


if __name__ == "__main__":
    print("\n".join(missing_packages()))
