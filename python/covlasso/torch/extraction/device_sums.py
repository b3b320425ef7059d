"""Sums on a GPU: batches are added in float64 there, and nothing waits for the host until `flush`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import torch

from covlasso._base.arrays import Float64, Int64
from covlasso._base.checks import LARGEST
from covlasso.moments import Accumulator, LinearHead, Moments
from covlasso.torch.extraction.device_classes import DeviceClasses

_MEMORY = 0.25  # share of the free memory of the device that the sums may take


class DeviceSums:
    """Sums of z and z z' for z = x - c, of every part of the split, with c the mean of the first batch.

    The shift c keeps the sums from cancelling where logits have large means. Where the accumulator knows
    classes, the sums of z of each class are kept beside.

    Parameters
    ----------
    accumulator : Accumulator
        Where `flush` adds the sums.
    """

    def __init__(self, accumulator: Accumulator):
        self._accumulator = accumulator
        self._shift: dict[str, torch.Tensor] = {}
        self._count: dict[str, int] = {}
        self._first: dict[tuple[str, str], torch.Tensor] = {}
        self._second: dict[tuple[str, str, str], torch.Tensor] = {}
        self._bad: dict[str, torch.Tensor] = {}  # place in _samples of the first row that is not finite
        self._samples: list[str] = []
        self._classes: DeviceClasses | None = None

    def update(
        self,
        rows: Mapping[str, torch.Tensor],
        keys: Sequence[str],
        samples: Sequence[str],
        labels: Int64 | None = None,
    ) -> None:
        """Add a batch; rows that are not finite are found by the next `flush`."""
        if not self._shift:
            self._shift = {name: x.double().mean(dim=0) for name, x in rows.items()}
        for name, x in rows.items():
            self._note_bad(name, x)
        self._samples.extend(samples)
        centred = {name: x.double() - self._shift[name] for name, x in rows.items()}
        places = self._places(rows, labels)
        parts = tuple(self._accumulator.parts)
        if len(parts) == 1:
            self._add(parts[0], centred, places)
            return
        place = self._accumulator.split.part(keys)
        for number, part in enumerate(parts):
            chosen = np.flatnonzero(place == number)
            if chosen.size:
                index = _on_device(chosen, next(iter(rows.values())).device)
                self._add(part, _rows(centred, index), _rows(places, index))

    def flush(self) -> None:
        """Add everything to the accumulator, and begin anew.

        Raises
        ------
        ValueError
            A logit is not finite; the message names sample and model, and nothing is added.
        """
        if not self._samples:
            return
        for name, first in self._bad.items():
            place = int(first)
            if place < len(self._samples):
                raise ValueError(not_finite(name, self._samples[place]))
        heads = next(iter(self._accumulator.parts.values())).heads
        self._accumulator.merge({part: self._moments(part, heads) for part in self._count})
        if self._classes is not None:
            self._classes.clear()
        for kept in (self._shift, self._count, self._first, self._second, self._bad, self._samples):
            kept.clear()

    def _note_bad(self, name: str, x: torch.Tensor) -> None:
        none = torch.iinfo(torch.int64).max
        places = torch.arange(len(self._samples), len(self._samples) + len(x), device=x.device)
        largest = min(LARGEST, torch.finfo(x.dtype).max)
        bad = ~(x.abs() <= largest).all(dim=1)
        first = torch.where(bad, places, none).min()
        self._bad[name] = torch.minimum(self._bad[name], first) if name in self._bad else first

    def _places(self, rows: Mapping[str, torch.Tensor], labels: Int64 | None) -> dict[str, torch.Tensor]:
        """Class of every sample by each model; nothing where no classes are kept."""
        moments = next(iter(self._accumulator.parts.values()))
        if moments.classes is None:
            return {}
        if self._classes is None:
            sizes = {name: x.shape[1] for name, x in rows.items()}
            sizes |= {name: head.categories for name, head in moments.heads.items()}
            self._classes = DeviceClasses(moments.classes, sizes, moments.heads)
        return self._classes.places(rows, labels)

    def _add(
        self, part: str, centred: Mapping[str, torch.Tensor], places: Mapping[str, torch.Tensor]
    ) -> None:
        if self._classes is not None:
            self._classes.add(part, centred, places)
        names = list(centred)
        self._count[part] = self._count.get(part, 0) + len(centred[names[0]])
        for name in names:
            total = centred[name].sum(dim=0)
            self._first[part, name] = (
                self._first[part, name] + total if (part, name) in self._first else total
            )
        for a, b in [*((name, name) for name in names), *combinations(names, 2)]:
            key = (part, a, b)
            if key in self._second:
                self._second[key].addmm_(centred[a].T, centred[b])
            else:
                self._second[key] = centred[a].T @ centred[b]

    def _moments(self, part: str, heads: Mapping[str, LinearHead]) -> Moments:
        """Moments of one part: with its mean m and d = m - c, sums about m are those about c less n d d'."""
        count = self._count[part]
        shift = {name: c.cpu().numpy() for name, c in self._shift.items()}
        offset = {name: self._first[part, name].cpu().numpy() / count for name in shift}
        mean = {name: c + offset[name] for name, c in shift.items()}
        centred: dict[str | tuple[str, str], Float64] = {}
        for a, b in [*((name, name) for name in shift), *combinations(shift, 2)]:
            block = self._second[part, a, b].cpu().numpy() - np.multiply.outer(count * offset[a], offset[b])
            if a == b:
                block = (block + block.T) / 2.0
                np.fill_diagonal(block, np.maximum(block.diagonal(), 0.0))  # a constant column: 0 to rounding
            centred[a if a == b else (a, b)] = block
        if self._classes is None:
            return Moments.from_sums(count, mean, centred, heads=heads)
        return Moments.from_sums(
            count, mean, centred, heads=heads, classes=self._classes.kind,
            class_counts=self._classes.counts(part), class_means=self._classes.means(part, shift),
        )  # fmt: skip


def fits_on(device: torch.device, widths: Sequence[int], parts: int, by_class: int = 0) -> bool:
    """Whether sums of models with these widths, and bytes of sums by class, can be kept on the device."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    numbers = sum(widths) ** 2  # all pairs, both triangles
    return bool(8 * numbers * parts + by_class <= _MEMORY * free)


def not_finite(model: str, sample: str) -> str:
    """Say which sample and model."""
    return (
        f"model {model!r} gives a logit that is not finite for sample {sample}; leave that sample out, or "
        "run the model in a wider type (float32, or amp_dtype bfloat16 instead of float16)"
    )


def _on_device(chosen: np.ndarray, device: torch.device) -> torch.Tensor:
    index = torch.from_numpy(chosen)
    return index.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else index


def _rows(arrays: Mapping[str, torch.Tensor], index: torch.Tensor) -> dict[str, torch.Tensor]:
    return {name: x[index] for name, x in arrays.items()}
