"""How names of categories are shown, and which category somebody means who types one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from covlasso._base.arrays import Int32
from covlasso.dependencies.similar import similar

_SHORTEST = 3  # letters of a text that may be a part of a name
SIMILAR = 0.6  # least similarity of a misspelt name, as difflib counts it
_NEAR = 0.5  # and of one that an error may mention
_NUMBER = re.compile(r"#\d+")
_LABEL = re.compile(r"^'|\\| #\d+$")  # what only a label has, where the text is no name
_WORD_MARKS = "\u0120\u2581"  # what tokenizers write for the blank before a word


def labels(names: Sequence[str], numbers: Sequence[int]) -> tuple[str, ...]:
    """Return names to show, each different.

    They are on one line, and "sr #80" with the number where several look alike. Where a name begins or ends
    with a blank, as tokens of a language model do, all are in quotes: "' child'".
    """
    quote = "'" if in_quotes(names) else ""
    shown = [f"{quote}{on_one_line(name)}{quote}" for name in names]
    uses = Counter(shown)
    return tuple(
        f"{text} #{number}".lstrip() if uses[text] > 1 or not text.strip() else text
        for text, number in zip(shown, numbers, strict=True)
    )


def in_quotes(names: Sequence[str]) -> bool:
    """Whether names are shown in quotes: one begins or ends with a blank."""
    return any(name.startswith(" ") or name.endswith(" ") for name in names)


def on_one_line(name: str) -> str:
    r"""Return a name with what would break a line or a table, or cannot be seen, written as in ``\t``."""
    return name if name.isprintable() else "".join(map(_visible, name))


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")


def repeated(names: Sequence[str]) -> dict[str, list[int]]:
    """Return names that several categories have, with the numbers of these."""
    uses = Counter(names)
    found: dict[str, list[int]] = {name: [] for name, count in uses.items() if count > 1}
    for number, name in enumerate(names) if found else ():
        if name in found:
            found[name].append(number)
    return found


class Match(NamedTuple):
    """Categories that fit, and whether the text names them: if not, say which one is meant."""

    places: list[int]
    literal: bool


class Categories:
    """The categories of a model, found by what people type.

    Parameters
    ----------
    names : sequence of str, or None
        Their names, which need not be unique.
    numbers : sequence of int
        Their numbers; what is found are places in this sequence.
    """

    def __init__(self, names: Sequence[str] | None, numbers: Sequence[int]):
        self.names, self.numbers = names, numbers
        self._known = () if names is None else names

    def named(self, name: str) -> list[int]:
        """Places of a name. The first call takes the time of many."""
        if name in self._repeated:
            return self._repeated[name]
        return [self._first[name]] if name in self._first else []

    def exactly(self, text: str) -> list[int]:
        """Places of the first of these that there is: the number ``#17``; the name; the number 17; the label.

        A label is what `labels` shows for a name: in quotes, say. The first call takes the time of many.
        """
        return self._exactly(text, self.named)

    def match(self, text: str) -> Match:
        """Categories that fit ``text`` best: `exactly`, or else the first of these that fits any.

        The name in other case, or with a blank around it; whole words at its beginning; whole words; its
        beginning; a part of it; a similar name. A name that others differ from by a blank around them, as
        ' child' from 'child', is not clear: the text has to have a blank, too, or be a number.
        """
        found = self._exactly(text, self._scanned)
        if not found:
            return Match([], True) if _NUMBER.fullmatch(text) else Match(self._roughly(text), False)
        if text and self._known and self._known[found[0]] == text == _bare(text):
            alike = self._alike(text)
            if any(_bare(self._known[place]) == text != self._known[place] for place in alike):
                return Match(alike, False)
        return Match(found, True)

    def nearest(self, text: str, most: int = 3) -> list[int]:
        """Places of what ``text`` may have been meant for, for an error."""
        found = self._roughly(text)[:most]
        return found or similar(text.casefold(), self._folded, most, _NEAR)

    def entry(self, place: int) -> str:
        """Say number and name: "#17 balloon"."""
        number = f"#{self.numbers[place]}"
        return number if self.names is None else f"{number} {self.shown(place)}"

    def shown(self, place: int) -> str:
        """Return a name as it is shown, which another may be, too."""
        quote = "'" if self._in_quotes else ""
        return f"{quote}{on_one_line(self._known[place])}{quote}"

    def _exactly(self, text: str, named: Callable[[str], list[int]]) -> list[int]:
        if _NUMBER.fullmatch(text):
            return self._with_number(int(text[1:]))
        found = named(text)
        if not found and text.isdecimal():
            found = self._with_number(int(text))
        if not found and _LABEL.search(text):
            found = [self._by_label[text]] if text in self._by_label else []
        return found

    def _scanned(self, name: str) -> list[int]:
        """Places of a name: faster than an index for a few."""
        return [place for place, other in enumerate(self._known) if other == name]

    def _with_number(self, number: int) -> list[int]:
        if self.numbers == range(len(self.numbers)):
            return [number] if number < len(self.numbers) else []
        return [self._by_number[number]] if number in self._by_number else []

    @cached_property
    def _labels(self) -> tuple[str, ...]:
        return labels(self._known, self.numbers)

    @cached_property
    def _in_quotes(self) -> bool:
        return in_quotes(self._known)

    @cached_property
    def _first(self) -> dict[str, int]:
        return dict(zip(reversed(self._known), reversed(range(len(self._known))), strict=True))

    @cached_property
    def _repeated(self) -> dict[str, list[int]]:
        return {} if len(self._first) == len(self._known) else repeated(self._known)

    @cached_property
    def _by_label(self) -> dict[str, int]:
        return {label: place for place, label in enumerate(self._labels)}

    @cached_property
    def _by_number(self) -> dict[int, int]:
        return {number: place for place, number in enumerate(self.numbers)}

    @cached_property
    def _folded(self) -> list[str]:
        return [name.casefold() for name in self._known]

    def _alike(self, text: str) -> list[int]:
        """Places of the names that are ``text`` but for case and blanks around; those of its case first."""
        bare = _bare(text)
        folded = bare.casefold()
        found = [
            place
            for place, name in enumerate(self._folded)
            if folded in name and _bare(self._known[place]).casefold() == folded
        ]
        return sorted(found, key=lambda place: _bare(self._known[place]) != bare)

    def _roughly(self, text: str) -> list[int]:
        alike = self._alike(text) if _bare(text) else []
        text = text.casefold()
        if alike or len(text.strip()) < _SHORTEST:  # two letters are in many names, and may be a code
            return alike
        names = self._folded
        within = [place for place, name in enumerate(names) if text in name]
        words = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)")
        rules: list[Callable[[str], bool]] = [
            lambda name: words.match(name) is not None,
            lambda name: words.search(name) is not None,
            lambda name: name.startswith(text),
        ]
        for rule in rules:
            found = [place for place in within if rule(names[place])]
            if found:
                return found
        return within or similar(text, names, 5, SIMILAR)


def match(text: str, names: Sequence[str] | None, numbers: Sequence[int]) -> Match:
    """Places in ``numbers`` (and ``names``) of the categories that fit ``text`` best: `Categories.match`."""
    return Categories(names, numbers).match(text)


def find_target(target: int | str, targets: Int32, names: Sequence[str] | None) -> int:
    """Position in ``targets`` of a category given by number or name."""
    if isinstance(target, str):
        if names is None:
            raise ValueError(f"target {target!r}: there are no names; give them to covlasso.path(names=...)")
        places = [t for t, name in enumerate(names) if name == target]
        if len(places) > 1:
            raise ValueError(
                f"target {target!r} is the name of the categories {targets[places].tolist()}; give a number"
            )
        if not places:
            close = [names[place] for place in similar(target, names, 3, SIMILAR)]
            raise ValueError(
                f"target {target!r} is not among the names" + (f"; close: {close}" if close else "")
            )
        return places[0]
    if not isinstance(target, (int, np.integer)) or isinstance(target, bool):
        raise TypeError(f"target must be a category number or a name, got {target!r}")
    found = np.flatnonzero(targets == target)
    if len(found) == 0:
        raise ValueError(f"target {target} is not among the {len(targets)} targets solved")
    return int(found[0])


def _bare(name: str) -> str:
    """Return a name without blanks around it, and without what stands for one."""
    return name.strip().lstrip(_WORD_MARKS)
