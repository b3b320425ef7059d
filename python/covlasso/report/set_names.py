"""What the sets of a report are called: by all that was asked for, and by what tells them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from covlasso.dependencies import settings
from covlasso.report.entry import Entry


@dataclass(frozen=True)
class SetName:
    """Two names of a set, each different from those of the other sets."""

    full: str
    """All settings: ``within vit, centred, 10 terms, refitted, focus 0.3 by labels``."""
    short: str
    """Without what all sets share: ``within vit, centred``."""
    settings: dict[str, str]
    """What was asked for, each in words; see `covlasso.dependencies.settings`."""


def set_names(entries: Sequence[Entry], given: Sequence[str] | None = None) -> list[SetName]:
    """Return the names of sets, in the order of ``entries``.

    Parameters
    ----------
    entries : sequence of Entry
        The sets.
    given : sequence of str, optional
        A name for each, that of its file for instance, for sets that their settings do not tell apart; where
        it does not either, their numbers do.
    """
    words = [settings(entry.deps, entry.known_origin) for entry in entries]
    shared = {name for name in words[0] if len({one[name] for one in words}) == 1}
    directions = [entry.title for entry in entries]
    full = [_listed(title, one.values()) for title, one in zip(directions, words, strict=True)]
    short = [
        _listed(title, (text for name, text in one.items() if name not in shared))
        for title, one in zip(directions, words, strict=True)
    ]
    marks = _marks(full, given)
    return [
        SetName(_listed(one, mark), _listed(other, mark), own)
        for one, other, mark, own in zip(full, short, marks, words, strict=True)
    ]


def _marks(names: Sequence[str], given: Sequence[str] | None) -> list[tuple[str, ...]]:
    """Return what tells sets of one name apart: the given name, and a number if they share that, too."""
    often = Counter(names)
    if given is None:
        return [(f"set {k + 1}",) if often[name] > 1 else () for k, name in enumerate(names)]
    pairs = Counter(zip(names, given, strict=True))
    return [
        () if often[name] == 1 else (own,) if pairs[name, own] == 1 else (own, f"set {k + 1}")
        for k, (name, own) in enumerate(zip(names, given, strict=True))
    ]


def _listed(first: str, more: Iterable[str]) -> str:
    return ", ".join([first, *filter(None, more)])
