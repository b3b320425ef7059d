"""The one file format of moments: the parts of a split, or a single part, in one safetensors file.

`SplitMoments.save` says what is in it. The state of a run that goes on also has ``PART.rows.i``: the samples
that wait for their block to fill.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso import _symmetric
from covlasso._storage import StoredTensors, load_tensors, save_tensors
from covlasso._sums import JointSums
from covlasso.heads import FLOATS, LinearHead

Tensors = dict[str, npt.NDArray[Any]]


def save_moments(
    path: str | os.PathLike[str],
    names: Sequence[str],
    class_names: Mapping[str, Sequence[str]],
    heads: Mapping[str, LinearHead],
    parts: Mapping[str, JointSums],
    header: Mapping[str, Any] | None = None,
    kind: str = "Moments",
) -> None:
    """Write the parts, all of the same models, and further entries of the header."""
    tensors: Tensors = {}
    for i, name in enumerate(names):
        if name in heads:
            tensors[f"weight.{i}"] = heads[name].weight
            bias = heads[name].bias
            if bias is not None:
                tensors[f"bias.{i}"] = bias
    for part, sums in parts.items():
        tensors.update(_pack(sums, part))
    counts = {part: sums.count for part, sums in parts.items()}
    common = {"names": names, "class_names": class_names, "parts": counts}
    save_tensors(path, kind, tensors, {**common, **(header or {})})


class MomentFile:
    """A file of `save_moments`, opened; sums are read when they are asked for."""

    def __init__(self, path: str | os.PathLike[str], kind: str = "Moments"):
        self.stored: StoredTensors = load_tensors(path, kind)
        self.names = self.stored.strings("names")
        self.class_names: dict[str, list[str]] = self.stored.field("class_names", dict)
        self.counts: dict[str, int] = self.stored.field("parts", dict)
        with self.explained():
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
        if not isinstance(count, int):
            raise self.stored.error(f"there is no part {part!r}")
        return _unpack(self.stored, part, self.names, count)

    def _heads(self) -> Iterator[tuple[str, LinearHead]]:
        for i, name in enumerate(self.names):
            if f"weight.{i}" in self.stored:
                weight = self.stored.tensor(f"weight.{i}", FLOATS, (None, None))
                has_bias = f"bias.{i}" in self.stored
                bias = self.stored.tensor(f"bias.{i}", FLOATS, (len(weight),)) if has_bias else None
                yield name, LinearHead(weight, bias)


def _pack(sums: JointSums, part: str) -> Tensors:
    tensors: Tensors = {}
    for i, (name, n) in enumerate(sums.sizes.items()):
        tensors[f"{part}.mean.{i}"] = sums.mean(name)
        tensors[f"{part}.sum.{i}"] = _symmetric.to_triangle(sums.within(name), n)
        if sums.waiting:
            tensors[f"{part}.rows.{i}"] = sums.waiting_rows(name)
    for (i, a), (j, b) in combinations(enumerate(sums.sizes), 2):
        tensors[f"{part}.sum.{i}.{j}"] = sums.across(a, b)
    return tensors


def _unpack(stored: StoredTensors, part: str, names: tuple[str, ...], count: int) -> JointSums:
    def tensor(name: str, *shape: int | None) -> npt.NDArray[Any]:
        return stored.tensor(f"{part}.{name}", np.float64, shape)

    means = {name: tensor(f"mean.{i}", None) for i, name in enumerate(names)}
    sums = JointSums({name: mean.size for name, mean in means.items()})
    for i, (name, mean) in enumerate(means.items()):
        triangle = tensor(f"sum.{i}", mean.size * (mean.size + 1) // 2)
        sums.put(name, mean, _symmetric.from_triangle(triangle, mean.size))
    for (i, a), (j, b) in combinations(enumerate(names), 2):
        sums.put_across(a, b, tensor(f"sum.{i}.{j}", means[a].size, means[b].size))
    sums.added = count
    if f"{part}.rows.0" in stored:
        rows = {name: tensor(f"rows.{i}", None, n) for i, (name, n) in enumerate(sums.sizes.items())}
        sums.added -= len(rows[names[0]])
        sums.append(rows)
    return sums
