"""The names that a misspelt one may mean, fast enough for the vocabulary of a language model."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from covlasso._base.arrays import Float64


def similar(text: str, names: Sequence[str], most: int, cutoff: float) -> list[int]:
    """Places of the names that are most similar to ``text``, the most similar first.

    Similarity is that of difflib, 2 M / (letters of both) with M letters in blocks that match. M is at most
    the number of letters that both have, in whatever order, which is counted for all names at once; only
    names that this leaves in doubt are compared.

    Parameters
    ----------
    text : str
        What somebody typed.
    names : sequence of str
        The names; of equal ones the first comes first.
    most : int
        Places to return, at most.
    cutoff : float
        Least similarity, 0 to 1.
    """
    bound = _bound(text, names)
    matcher = SequenceMatcher(b=text, autojunk=False)
    best: list[tuple[float, int]] = []
    for place in np.argsort(-bound, kind="stable").tolist():
        if bound[place] < cutoff or (len(best) == most and bound[place] < best[0][0]):
            break
        matcher.set_seq1(names[place])
        ratio = matcher.ratio()
        if ratio >= cutoff:
            heapq.heappush(best, (ratio, -place))
            if len(best) > most:
                heapq.heappop(best)
    return [-place for _, place in sorted(best, reverse=True)]


def _bound(text: str, names: Sequence[str]) -> Float64:
    """Similarity that names have at most, by the letters that they share with ``text``."""
    letters = np.frombuffer("".join(names).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.fromiter(map(len, names), dtype=np.int64, count=len(names))
    owner = np.repeat(np.arange(len(names), dtype=np.int32), lengths)
    common = np.zeros(len(names), dtype=np.int64)
    for letter, count in Counter(text).items():
        here = np.bincount(owner[letters == ord(letter)], minlength=len(names))
        common += np.minimum(here, count)
    both = lengths + len(text)
    return np.where(both > 0, 2.0 * common / np.maximum(both, 1), 1.0)
