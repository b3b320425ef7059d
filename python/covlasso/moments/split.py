"""Which samples are held out and which fold they are in, from a hash of what they are cut from.

Crops or frames of one source resemble each other, so all of them must be on one side. The key of a sample
names its source. The side depends on the key alone: not on the order of the samples, not on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from covlasso._base.arrays import Array, Bool, Places

_HALF = b"covlasso half"
_FOLD = b"covlasso fold"

_MOST_FOLDS = 1000


def held_out(keys: Sequence[str], fraction: float) -> Bool:
    """Which samples are held out: those whose key has a BLAKE2b hash below ``fraction`` 2^64.

    Parameters
    ----------
    keys : sequence of k str
        What each sample is cut from.
    fraction : float
        Expected share of the *keys* that is held out, 0 <= fraction < 1.

    Returns
    -------
    (k,) bool array
    """
    bound = int(fraction * 2.0**64)
    return _by_key(keys, lambda key: _hash(key, _HALF) < bound, np.bool_)


def fold(keys: Sequence[str], n_folds: int) -> Places:
    """Fold of every sample, 0 to ``n_folds`` - 1, from a hash that is independent of that of `held_out`."""
    return _by_key(keys, lambda key: _hash(key, _FOLD) % n_folds, np.intp)


@dataclass(frozen=True)
class Split:
    """How samples are divided.

    Parameters
    ----------
    held_out : float
        Expected share of the keys that is held out, 0 <= held_out < 1.
    folds : int
        Number of folds of the fit samples; 0 for none, else 2 to 1000: each has moments of its own.
    groups : str
        What the keys are, in words; kept in the file for the reader.

    Raises
    ------
    ValueError
        A number is out of its range.
    """

    held_out: float = 0.0
    folds: int = 0
    groups: str = "each sample is a group of its own"

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0.0 <= self.held_out < 1.0:
            raise ValueError(f"held_out must be at least 0 and below 1, got {self.held_out!r}")
        if not 0 <= self.folds <= _MOST_FOLDS or self.folds == 1:
            raise ValueError(f"folds must be 0 (none) or from 2 to {_MOST_FOLDS}, got {self.folds!r}")

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts that a sample can be in."""
        fit = tuple(f"fold.{k}" for k in range(self.folds)) or ("fit",)
        return (*fit, "held_out") if self.held_out else fit

    def part(self, keys: Sequence[str]) -> Places:
        """Position in `parts` of each sample's part."""
        place = fold(keys, self.folds) if self.folds else np.zeros(len(keys), dtype=np.intp)
        if self.held_out:
            place[held_out(keys, self.held_out)] = len(self.parts) - 1
        return place

    def as_dict(self) -> dict[str, Any]:
        """Return what a file keeps; ``Split(**d)`` restores it."""
        return asdict(self)


def check_parts(split: Split, keys: Sequence[str]) -> None:
    """Refuse a split that leaves a part empty before hours of work, not after.

    Raises
    ------
    ValueError
        No group of ``keys``, what each sample is cut from, is in some part.
    """
    counts = np.bincount(split.part(keys), minlength=len(split.parts))
    if not counts.all():
        empty = split.parts[int(np.argmin(counts))]
        raise ValueError(
            f"part {empty} of the split would get none of the {len(set(keys))} groups; hold out another "
            "share, or take fewer folds or finer groups"
        )


def whole_classes(split: Split, keys: Sequence[str], classes: Sequence[Any]) -> list[str]:
    """Say that whole classes are held out, as groups hold whole classes; nothing below a tenth of them.

    Parameters
    ----------
    split : Split
        How the samples are divided.
    keys : sequence of str
        What each sample is cut from.
    classes : sequence
        What each sample shows, -1 where that is not known.
    """
    known = [(key, a) for key, a in zip(keys, classes, strict=True) if a != -1]
    outside = held_out([key for key, _ in known], split.held_out)
    total = {a for _, a in known}
    lost = len(total) - len({a for (_, a), out in zip(known, outside, strict=True) if not out})
    if 10 * lost < len(total) or lost == 0:
        return []
    return [
        f"whole classes are held out: {lost} of {len(total)} have no sample to fit on, as groups hold all "
        "samples of a class; finer groups would keep some of each"
    ]


def _hash(key: str, person: bytes) -> int:
    try:
        content = key.encode(errors="surrogateescape")  # of a file name: its bytes
    except UnicodeEncodeError:  # half of a surrogate pair, as names on Windows may have
        content = key.encode(errors="surrogatepass")
    return int.from_bytes(blake2b(content, digest_size=8, person=person).digest(), "little")


def _by_key(keys: Sequence[str], value: Callable[[str], Any], dtype: Any) -> Array:
    """``value`` of every key; keys repeat, so each is hashed once."""
    known = {key: value(key) for key in set(keys)}
    return np.array([known[key] for key in keys], dtype=dtype)
