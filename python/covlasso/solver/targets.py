"""Which categories are to be explained: numbers or names, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Int32
from covlasso.dependencies import Categories

Targets = npt.ArrayLike | Sequence[int | str]
"""Numbers of categories, their names, or both mixed; each category once."""


def check_targets(targets: Targets | None, possible: int, names: Sequence[str] | None = None) -> Int32:
    """Numbers of the categories that are named; all ``possible`` ones for None.

    Raises
    ------
    TypeError, ValueError
        A number is out of range or no integer, a name unknown or that of several, a category there twice, or
        there is none; the message names the place.
    """
    if targets is None:
        return np.arange(possible, dtype=np.int32)
    if isinstance(targets, str):
        raise TypeError(f"targets is {targets!r}; a sequence of category numbers or names is expected")
    if not isinstance(targets, np.ndarray) and any(isinstance(one, str) for one in _items(targets)):
        targets = _numbers(_items(targets), names, possible)
    rows = np.asarray(targets)
    if rows.dtype.kind == "U":
        rows = np.asarray(_numbers(rows.tolist(), names, possible))
    if rows.ndim != 1 or rows.size == 0:
        raise ValueError(f"targets has shape {rows.shape}; a non-empty sequence of row numbers is expected")
    if rows.dtype.kind not in "iu":
        raise TypeError(f"targets is {rows.dtype}; integers are expected (np.flatnonzero(mask) for a mask)")
    bad = (rows < 0) | (rows >= possible)
    if bad.any():
        place = int(np.argmax(bad))
        raise ValueError(f"targets[{place}] is {rows[place]}; it must be from 0 to {possible - 1}")
    _check_once(rows)
    return rows.astype(np.int32)


def _items(targets: Any) -> Sequence[Any]:
    return targets if isinstance(targets, Sequence) else ()


def _numbers(targets: Sequence[int | str], names: Sequence[str] | None, possible: int) -> list[int]:
    """Numbers in the place of names."""
    categories = Categories(names, range(possible))
    return [
        _number(categories, one, place) if isinstance(one, str) else one for place, one in enumerate(targets)
    ]


def _number(categories: Categories, name: str, place: int) -> int:
    if categories.names is None:
        raise ValueError(f"targets[{place}] is {name!r}, and there are no names; give numbers")
    found = categories.named(name)
    if not found:
        near = ", ".join(map(categories.entry, categories.nearest(name)))
        raise ValueError(f"targets[{place}] is {name!r}, no name of a category{near and f'; near: {near}'}")
    if len(found) > 1:
        raise ValueError(f"targets[{place}] is {name!r}, the name of the categories {found}; give a number")
    return found[0]


def _check_once(rows: npt.NDArray[Any]) -> None:
    values, counts = np.unique(rows, return_counts=True)
    if len(values) < len(rows):
        twice = values[counts > 1][0]
        first, second = np.flatnonzero(rows == twice)[:2].tolist()
        raise ValueError(f"targets[{second}] repeats {twice} of targets[{first}]; give each target once")
