"""Which samples are held out and which fold they are in, from a hash of what they are cut from.

Crops or frames of one source resemble each other, so all of them must be on one side. The key of a sample
names its source. The side depends on the key alone: not on the order of the samples, not on the others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

_HALF = b"covlasso half"
_FOLD = b"covlasso fold"


def held_out(keys: Sequence[str], fraction: float) -> npt.NDArray[np.bool_]:
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


def fold(keys: Sequence[str], n_folds: int) -> npt.NDArray[np.intp]:
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
        Number of folds of the fit samples; 0 for none, else at least 2.
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
        if self.folds < 0 or self.folds == 1:
            raise ValueError(f"folds must be 0 (none) or at least 2, got {self.folds!r}")

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts that a sample can be in."""
        fit = tuple(f"fold.{k}" for k in range(self.folds)) or ("fit",)
        return (*fit, "held_out") if self.held_out else fit

    def part(self, keys: Sequence[str]) -> npt.NDArray[np.intp]:
        """Position in `parts` of each sample's part."""
        place = fold(keys, self.folds) if self.folds else np.zeros(len(keys), dtype=np.intp)
        if self.held_out:
            place[held_out(keys, self.held_out)] = len(self.parts) - 1
        return place

    def as_dict(self) -> dict[str, Any]:
        """Return what a file keeps; ``Split(**d)`` restores it."""
        return asdict(self)


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


def read_keys(path: str | os.PathLike[str]) -> list[str]:
    """Read one key per sample: a .npy vector of integers or strings, or the lines of a text file.

    Raises
    ------
    ValueError
        The file is no such list.
    """
    source = Path(path)
    if source.suffix != ".npy":
        text = source.read_text(encoding="utf-8", errors="surrogateescape")  # file names may be any bytes
        lines = text.split("\n")  # other line breaks may be part of a key
        return lines[:-1] if lines[-1] == "" else lines
    try:
        keys = np.load(source, allow_pickle=False)
    except (ValueError, EOFError) as cause:
        raise ValueError(f"{source} is not a readable .npy file: {cause}") from cause
    if keys.ndim != 1 or keys.dtype.kind not in "iuU":
        raise ValueError(
            f"{source} holds {keys.dtype} {keys.shape}; a vector of integers or strings is expected"
        )
    return [str(key) for key in keys]


def _hash(key: str, person: bytes) -> int:
    content = key.encode(errors="surrogateescape")
    return int.from_bytes(blake2b(content, digest_size=8, person=person).digest(), "little")


def _by_key(keys: Sequence[str], value: Callable[[str], Any], dtype: Any) -> npt.NDArray[Any]:
    """``value`` of every key; keys repeat, so each is hashed once."""
    known = {key: value(key) for key in set(keys)}
    return np.array([known[key] for key in keys], dtype=dtype)
