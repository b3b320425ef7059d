"""Which categories of a set carry what is heavy: paths, curves, samples, terms on halves, confusions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from covlasso._base.arrays import Int32, Places
from covlasso.dependencies import Categories, Dependencies

MANY = 5000
"""Categories from which on only some are followed."""

DETAILS = 2000
"""Categories that carry their path, where all are followed."""

FEW = 500
"""Categories that are followed of more than `MANY`."""

Why = Literal["all", "best", "spread", "asked"]


@dataclass(frozen=True, eq=False)
class Followed:
    """Positions of the targets of a set that get more than their equation."""

    shown: Places
    """Those that carry their path, their curves and their samples."""
    solved: Places
    """Those whose paths are solved: of these are the curves of all together."""
    why: Why
    """Why these are shown: all, the best explained, spread over the ranking, or asked for."""

    def is_all(self, deps: Dependencies) -> bool:
        """Whether the paths of all targets are solved."""
        return len(self.solved) == deps.n_targets

    @property
    def within(self) -> Places:
        """Places in ``solved`` of those that are shown."""
        return np.searchsorted(self.solved, self.shown)


def followed(deps: Dependencies, details: int | None, asked: Int32 | None) -> Followed:
    """Choose the targets that are followed.

    Those that are asked for, where the set has any of them; or, up to `MANY` targets, the ``details`` with
    the largest R^2, of all that are solved; or ``details`` of them, spread evenly over the ranking by R^2, so
    that what is said of these holds for all.
    """
    every = np.arange(deps.n_targets)
    many = deps.n_targets > MANY
    if asked is not None and len(asked):
        shown = np.flatnonzero(np.isin(deps.targets, asked))
        return Followed(shown, shown if many else every, "asked")
    count = min(details or (FEW if many else DETAILS), deps.n_targets)
    if count == deps.n_targets:
        return Followed(every, every, "all")
    ranking = np.argsort(-np.nan_to_num(deps.r2, nan=-np.inf), kind="stable")
    if not many:
        return Followed(np.sort(ranking[:count]), every, "best")
    spread = np.sort(ranking[np.linspace(0, deps.n_targets - 1, count).round().astype(np.int64)])
    return Followed(spread, spread, "spread")


def asked_for(paths: Sequence[int | str] | None, sets: Sequence[Dependencies]) -> list[Int32 | None]:
    """Return the targets of each set that are asked for, by number; None where nothing is said.

    Raises
    ------
    TypeError, ValueError
        ``paths`` is no sequence of numbers and names, or names a category that no set was solved for; or a
        name is that of several.
    """
    if paths is None:
        return [None] * len(sets)
    if isinstance(paths, str) or not isinstance(paths, (Sequence, np.ndarray)) or len(paths) == 0:
        raise TypeError(f"paths is {paths!r}; a sequence of category numbers or names is expected")
    known = [Categories(deps.target_names, deps.targets.tolist()) for deps in sets]
    found: list[list[int]] = [[] for _ in sets]
    for place, one in enumerate(paths):
        each = [_numbers(one, categories, place) for categories in known]
        if not any(each):
            near = known[0].nearest(one) if isinstance(one, str) else []
            hint = "; near: " + ", ".join(map(known[0].entry, near)) if near else ""
            raise ValueError(f"paths[{place}] is {one!r}, no category that was solved for{hint}")
        for numbers, more in zip(found, each, strict=True):
            numbers += more
    return [np.unique(np.array(numbers, dtype=np.int32)) for numbers in found]


def _numbers(one: Any, categories: Categories, place: int) -> list[int]:
    """Numbers of a category in one set: none, or one."""
    if isinstance(one, str):
        found = categories.exactly(one)
    elif isinstance(one, (int, np.integer)) and not isinstance(one, bool):
        found = categories.exactly(f"#{one}") if one >= 0 else []
    else:
        raise TypeError(f"paths[{place}] is {one!r}; a category number or a name is expected")
    if len(found) > 1:
        numbers = [categories.numbers[k] for k in found]
        raise ValueError(f"paths[{place}] is {one!r}, the name of the categories {numbers}; give a number")
    return [categories.numbers[k] for k in found]
