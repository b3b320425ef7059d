"""Whether sums by class are kept where nobody said so, and what memory they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from covlasso.moments.class_sums import Classes, assignments, check_classes
from covlasso.moments.split import Split

WantedClasses = Classes | Literal["auto"] | None
"""A kind of classes, or none; "auto": by decisions where `choose_classes` finds them cheap."""

_CHEAP = 256_000_000  # bytes in all parts together
_SHARE = 0.25  # or this share of the joint sums


class ClassChoice(NamedTuple):
    """Kind of classes that sums are kept of, and their size.

    Attributes
    ----------
    kind : {"labels", "decisions"} or None
        None: no sums by class are kept.
    size : int
        Bytes that they take in all parts together; those by decisions would, where none are kept.
    """

    kind: Classes | None
    size: int

    def __str__(self) -> str:
        """Say both, as in "decisions, 32 MB"."""
        size = f"{self.size / 1e6:.0f} MB" if self.size >= 1e6 else f"{self.size / 1e3:.1f} kB"
        return f"none (decisions: {size})" if self.kind is None else f"{self.kind}, {size}"


def choose_classes(
    wanted: WantedClasses, categories: Mapping[str, int], columns: Mapping[str, int], split: Split
) -> ClassChoice:
    """Return the kind of classes to keep sums of.

    Sums by class take 8 bytes for each class and each column of all models, in every part of a split. "auto"
    takes decisions where that is at most 256 MB in all, or at most a quarter of the joint sums.

    Parameters
    ----------
    wanted : {"auto", "labels", "decisions"} or None
        What was asked for.
    categories : mapping from model name to int
        Number of categories of every model.
    columns : mapping from model name to int
        Number of columns of its sums: of categories, or of the features of its last layer.
    split : Split
        How the samples are divided: every part of it has sums of its own, and of folds their total, too.

    Raises
    ------
    ValueError
        ``wanted`` is something else.
    """
    width = sum(columns.values())
    parts = len(split.parts) + bool(split.folds)
    kind = "decisions" if wanted == "auto" or wanted is None else check_classes(wanted)
    size = 8 * parts * width * sum(assignments(kind or "decisions", categories).values())
    joint = 4 * parts * width * (width + 1)
    kept = wanted is not None and (wanted != "auto" or size <= max(_CHEAP, _SHARE * joint))
    return ClassChoice(kind if kept else None, size)


def check_wanted_classes(wanted: Any) -> None:
    """Refuse all but a `WantedClasses`."""
    if wanted != "auto":
        check_classes(wanted)
