"""Number and mean of the samples of each class, beside the joint sums."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Float64, Int64, Places
from covlasso.moments.heads import LinearHead

Classes = Literal["labels", "decisions"]
"""What the classes of samples are: given labels, or for each model the category that it decides for."""

LABELS = "labels"  # the name of the one assignment by labels
_STRIP = 512  # columns treated at a time, so that they stay in the cache


class ClassMeans:
    """How many samples each class has, and the mean of all columns over them.

    Means are updated by the rule of Chan, Golub and LeVeque (1983): with k samples of mean m' a class of
    c samples moves its mean by k / (c + k) (m' - m). Large means keep their digits.

    Attributes
    ----------
    counts : (classes,) int64
        Number of samples.
    means : (classes, columns) float64
        Their mean; rows of classes without samples are 0.
    """

    def __init__(self, counts: Int64, means: Float64):
        self.counts, self.means = counts, means

    @classmethod
    def none(cls, classes: int, columns: int) -> ClassMeans:
        """Of no sample yet."""
        return cls(np.zeros(classes, dtype=np.int64), np.zeros((classes, columns)))

    def add(self, place: Int64, rows: Float64, mean: Float64) -> None:
        """Add samples of the classes ``place`` (-1: none); ``rows`` are less their common ``mean``."""
        here, added = np.unique(place[place >= 0], return_counts=True)
        if here.size == 0:
            return
        averages = scipy.sparse.csr_array(  # samples in the order of their classes, weighed 1 / their number
            (
                np.repeat(1.0 / added, added),
                np.argsort(place, kind="stable")[-added.sum() :],
                np.concatenate([[0], np.cumsum(added)]),
            ),
            shape=(here.size, len(rows)),
        )
        share = self._share(here, added)
        for strip in _strips(mean.size):
            change = averages @ rows[:, strip]
            change += mean[strip]
            self._move(here, strip, change, share)

    def merge(self, other: ClassMeans) -> None:
        """Add the samples of ``other``."""
        here = np.flatnonzero(other.counts)
        share = self._share(here, other.counts[here])
        for strip in _strips(self.means.shape[1]):
            self._move(here, strip, other.means[here, strip], share)

    def copy(self) -> ClassMeans:
        """Return a copy."""
        return ClassMeans(self.counts.copy(), self.means.copy())

    def _share(self, here: Places, added: Int64) -> Float64:
        """Count ``added`` samples of the classes ``here``, and return which share of theirs they are."""
        self.counts[here] += added
        share: Float64 = (added / self.counts[here])[:, np.newaxis]
        return share

    def _move(self, here: Places, strip: slice, means: Float64, share: Float64) -> None:
        """Move the means of the classes ``here`` by a share of the way to ``means``, which is overwritten."""
        means -= self.means[here, strip]
        means *= share
        self.means[here, strip] += means


class ClassSums:
    """Class means of the columns of all models: by labels, or by the decisions of each of them.

    Parameters
    ----------
    kind : {"labels", "decisions"}
        What the classes are.
    categories : mapping from model name to int
        Number of categories of every model.
    columns : mapping from model name to slice
        Where the columns of every model are.
    heads : mapping from model name to LinearHead
        The last layers of models whose columns are features.
    known : mapping from assignment to ClassMeans, optional
        Sums that are known, by the name of the deciding model, or "labels"; none by default.
    """

    def __init__(
        self,
        kind: Classes,
        categories: Mapping[str, int],
        columns: Mapping[str, slice],
        heads: Mapping[str, LinearHead],
        known: Mapping[str, ClassMeans] | None = None,
    ):
        self.kind, self.categories, self.heads = kind, dict(categories), heads
        self.columns = dict(columns)
        if known is None:
            width = max(part.stop for part in columns.values())
            known = {by: ClassMeans.none(n, width) for by, n in assignments(kind, categories).items()}
        self.of = dict(known)

    def assign(self, rows: Float64, labels: Int64 | None) -> dict[str, Int64]:
        """Return the class of every sample, in each assignment."""
        if labels is not None:
            return {LABELS: labels}
        return {by: self._decisions(by, rows[:, self.columns[by]]) for by in self.of}

    def add(self, places: Mapping[str, Int64], rows: Float64, mean: Float64) -> None:
        """Add samples of these classes; ``rows`` are less their common ``mean``."""
        for by, means in self.of.items():
            means.add(places[by], rows, mean)

    def merge(self, other: ClassSums) -> None:
        """Add the samples of ``other``, whose columns lie as these do."""
        for by, means in self.of.items():
            means.merge(other.of[by])

    def copy(self) -> ClassSums:
        """Return a copy."""
        return self._with(self.columns, {by: means.copy() for by, means in self.of.items()})

    def reordered(self, columns: Mapping[str, slice], order: Places) -> ClassSums:
        """Return the same with the columns in another order, that of the new ``columns``."""
        return self._with(
            columns, {by: ClassMeans(means.counts, means.means[:, order]) for by, means in self.of.items()}
        )

    def counts(self, by: str) -> Int64:
        """Return the number of samples of each category of the model ``by``."""
        return self._by(by).counts[: self.categories[by]].copy()

    def means(self, name: str, by: str) -> Float64:
        """Return the means of the columns of ``name`` over the samples of each category of ``by``."""
        return self._by(by).means[: self.categories[by], self.columns[name]].copy()

    def put(self, by: str, known: ClassMeans) -> None:
        """Take sums by the classes of ``by``; by labels, of a model with the most categories."""
        self.of[LABELS if self.kind == "labels" else by] = known

    def _by(self, by: str) -> ClassMeans:
        return self.of[LABELS if self.kind == "labels" else by]

    def _decisions(self, by: str, rows: Float64) -> Int64:
        decided = self.heads[by].decisions(rows) if by in self.heads else rows.argmax(axis=1)
        return decided.astype(np.int64, copy=False)

    def _with(self, columns: Mapping[str, slice], known: Mapping[str, ClassMeans]) -> ClassSums:
        return ClassSums(self.kind, self.categories, columns, self.heads, known)


def assignments(kind: Classes, categories: Mapping[str, int]) -> dict[str, int]:
    """Return the assignments of samples to classes, with their numbers of classes."""
    return {LABELS: max(categories.values())} if kind == "labels" else dict(categories)


def check_classes(classes: Any) -> Classes | None:
    """Return one of the kinds of classes, or None."""
    if classes is not None and classes not in get_args(Classes):
        expected = ", ".join(map(repr, get_args(Classes)))
        raise ValueError(f"classes is {classes!r}; one of {expected} or None is expected")
    return classes  # type: ignore[no-any-return]


def _strips(columns: int) -> Iterator[slice]:
    for start in range(0, columns, _STRIP):
        yield slice(start, min(start + _STRIP, columns))
