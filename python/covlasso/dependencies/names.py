"""Which category somebody means who types a name, a part of one, or a number."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from covlasso._base.arrays import Int32

_SHORTEST = 3  # letters of a text that may be a part of a name
SIMILAR = 0.6  # least similarity of a misspelt name, as difflib counts it


def labels(names: Sequence[str], numbers: Sequence[int]) -> tuple[str, ...]:
    """Return names to show: on one line, and "sr #80" with the number where several have this name."""
    uses = Counter(names)
    return tuple(
        f"{on_one_line(name)} #{number}".lstrip() if uses[name] > 1 or not name.strip() else on_one_line(name)
        for name, number in zip(names, numbers, strict=True)
    )


def on_one_line(name: str) -> str:
    r"""Return a name with what would break a line or a table, or cannot be seen, written as in ``\t``."""
    return name if name.isprintable() else "".join(map(_visible, name))


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")


class Match(NamedTuple):
    """Categories that fit, and whether the text names them: if not, say which one is meant."""

    places: list[int]
    literal: bool


def match(text: str, names: Sequence[str] | None, numbers: Sequence[int]) -> Match:
    """Places in ``numbers`` (and ``names``) of the categories that fit ``text`` best.

    The first of these that fits any: the number ``#17``; the name; the number 17; the name in other case;
    whole words at its beginning; whole words; its beginning; a part of it; a similar name. Names need not be
    unique, so several places may fit.
    """
    if text.startswith("#") and text[1:].isdecimal():
        return Match(_with_number(int(text[1:]), numbers), True)
    named = [place for place, name in enumerate(names or ()) if name == text]
    if named:
        return Match(named, True)
    if text.isdecimal():
        numbered = _with_number(int(text), numbers)
        if numbered:
            return Match(numbered, True)
    return Match(_roughly(text.casefold(), [name.casefold() for name in names or ()]), False)


def _with_number(number: int, numbers: Sequence[int]) -> list[int]:
    return [place for place, other in enumerate(numbers) if other == number]


def _roughly(text: str, names: list[str]) -> list[int]:
    if len(text.strip()) < _SHORTEST:  # two letters are in many names, and may be a code of their own
        return [place for place, name in enumerate(names) if name == text]
    words = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)")
    rules: list[Callable[[str], bool]] = [
        text.__eq__,
        lambda name: words.match(name) is not None,
        lambda name: words.search(name) is not None,
        lambda name: name.startswith(text),
        lambda name: text in name,
    ]
    for rule in rules:
        found = [place for place, name in enumerate(names) if rule(name)]
        if found:
            return found
    similar = set(difflib.get_close_matches(text, names, n=5, cutoff=SIMILAR))
    return [place for place, name in enumerate(names) if name in similar]


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
            close = difflib.get_close_matches(target, names, n=3)
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
