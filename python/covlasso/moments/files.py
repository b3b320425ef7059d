"""The one file format of moments: the parts of a split, or a single part, in one safetensors file.

`SplitMoments.save` says what is in it. The state of a run that goes on also has ``PART.waiting``: the samples
that wait for their block to fill, (k, N), and where samples have labels ``PART.waiting_labels``, (k,).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from covlasso._base.arrays import Array
from covlasso._base.checks import check_labels
from covlasso._base.storage import StoredTensors, load_tensors, save_tensors
from covlasso.moments.checks import check_class_means
from covlasso.moments.class_sums import LABELS, Classes, ClassMeans, ClassSums, assignments, check_classes
from covlasso.moments.heads import FLOATS, LinearHead
from covlasso.moments.sums import JointSums, columns_of
from covlasso.moments.symmetric import SymmetricSum

Tensors = dict[str, Array]

_MOST_SAMPLES = 2**53  # beyond it a double does not count them


def save_moments(
    path: str | os.PathLike[str],
    names: Sequence[str],
    class_names: Mapping[str, Sequence[str]],
    heads: Mapping[str, LinearHead],
    classes: Classes | None,
    parts: Mapping[str, JointSums],
    header: Mapping[str, Any] | None = None,
    kind: str = "Moments",
    further: Mapping[str, Array] | None = None,
    *,
    row_centred: bool = False,
) -> None:
    """Write the parts, all of the same models, and further entries of the header and tensors."""
    tensors: Tensors = dict(further or {})
    for i, name in enumerate(names):
        if name in heads:
            tensors[f"weight.{i}"] = heads[name].weight
            bias = heads[name].bias
            if bias is not None:
                tensors[f"bias.{i}"] = bias
    for part, sums in parts.items():
        tensors[f"{part}.mean"] = sums.mean
        tensors[f"{part}.sum"] = sums.products.to_triangle()
        if sums.classes is not None:
            for i, found in enumerate(sums.classes.of.values()):
                tensors[f"{part}.class_counts.{i}"] = found.counts
                tensors[f"{part}.class_means.{i}"] = found.means
        if len(sums.waiting):
            tensors[f"{part}.waiting"] = sums.waiting
            if sums.waiting_labels is not None:
                tensors[f"{part}.waiting_labels"] = sums.waiting_labels
    counts = {part: sums.count for part, sums in parts.items()}
    columns = [next(iter(parts.values())).sizes[name] for name in names] if parts else None
    common: dict[str, Any] = {
        "names": names, "columns": columns, "class_names": class_names, "parts": counts
    }  # fmt: skip
    if classes is not None:
        common["classes"] = classes
    if row_centred:
        common["row_centred"] = True
    save_tensors(path, kind, tensors, {**common, **(header or {})})


class MomentFile:
    """A file of `save_moments`, opened; sums are read when they are asked for, those by class if wanted."""

    def __init__(self, path: str | os.PathLike[str], kind: str = "Moments", *, classes: bool = True):
        self.stored: StoredTensors = load_tensors(path, kind)
        self.names = self.stored.strings("names")
        self.class_names: dict[str, list[str]] = self.stored.field("class_names", dict)
        self.counts: dict[str, int] = self.stored.field("parts", dict)
        self._with_classes = classes
        with self.explained():
            self.classes = check_classes(self.stored.optional("classes", str)) if classes else None
            self.row_centred: bool = self.stored.optional("row_centred", bool) or False
            self.heads = dict(self._heads())

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Say of an error which file it is in."""
        try:
            yield
        except (TypeError, ValueError) as cause:
            raise self.stored.error(str(cause)) from cause

    def sums(self, part: str) -> JointSums:
        """Read the sums of one part."""
        count = self.counts.get(part)
        if count is None:
            raise self.stored.error(f"there is no part {part!r}")
        if type(count) is not int or not 0 <= count <= _MOST_SAMPLES:
            raise self.stored.error(f"part {part!r} has {count!r} samples; 0 to {_MOST_SAMPLES} are possible")
        sizes = dict(zip(self.names, self._columns(), strict=True))
        n = sum(sizes.values())
        mean = self.stored.tensor(f"{part}.mean", np.float64, (n,))
        triangle = self.stored.tensor(f"{part}.sum", np.float64, (n * (n + 1) // 2,))
        waiting = np.empty((0, n))
        if f"{part}.waiting" in self.stored:
            waiting = self.stored.tensor(f"{part}.waiting", np.float64, (None, n))
        added = count - len(waiting)
        classes = self._classes(part, added, sizes)
        sums = JointSums.of(sizes, added, mean, SymmetricSum.from_triangle(triangle, n), classes)
        labels = None
        if classes is not None and classes.kind == "labels" and len(waiting):
            labels = self.stored.tensor(f"{part}.waiting_labels", np.int64, (len(waiting),))
            with self.explained():
                check_labels(labels, len(waiting), {part: len(classes.of[LABELS].counts)})
        sums.append({name: waiting[:, columns] for name, columns in sums.columns.items()}, labels)
        return sums

    def _classes(self, part: str, count: int, columns: Mapping[str, int]) -> ClassSums | None:
        """Read the sums by class of one part, of this many samples."""
        if not self._with_classes:
            return None
        sizes = {**columns, **{name: head.categories for name, head in self.heads.items()}}
        known = {}
        expected = assignments(self.classes, sizes) if self.classes is not None else {}
        for i, (by, n) in enumerate(expected.items()):
            counts, means = f"{part}.class_counts.{i}", f"{part}.class_means.{i}"
            found = ClassMeans(
                self.stored.tensor(counts, np.int64, (n,)),
                self.stored.tensor(means, np.float64, (n, sum(columns.values()))),
            )
            with self.explained():
                check_class_means(found, n, count, counts, means)
            known[by] = found
        if (extra := f"{part}.class_counts.{len(known)}") in self.stored:
            raise self.stored.error(f"tensor {extra!r} belongs to no classes: they are {self.classes!r}")
        if self.classes is None:
            return None
        return ClassSums(self.classes, sizes, columns_of(columns), self.heads, known)

    def _columns(self) -> list[int]:
        columns: list[int] = self.stored.field("columns", list)
        if len(columns) != len(self.names) or not all(isinstance(n, int) and n > 0 for n in columns):
            raise self.stored.error(f"header field 'columns' is {columns}; one number per model is expected")
        return columns

    def _heads(self) -> Iterator[tuple[str, LinearHead]]:
        for i, name in enumerate(self.names):
            if f"weight.{i}" in self.stored:
                weight = self.stored.tensor(f"weight.{i}", FLOATS, (None, None))
                has_bias = f"bias.{i}" in self.stored
                bias = self.stored.tensor(f"bias.{i}", FLOATS, (len(weight),)) if has_bias else None
                yield name, LinearHead(weight, bias)
