"""Sums by class on a GPU, beside the joint sums there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from covlasso._base.arrays import Float64, Int64
from covlasso.moments import Classes, LinearHead


class DeviceClasses:
    """Numbers of samples of each class, and sums of z over them, of every part of the split.

    Sums are added up in the order of the samples (`index_put_` sorts them), so equal runs have equal bits.

    Parameters
    ----------
    kind : {"labels", "decisions"}
        What the classes are, as of `covlasso.Moments`.
    categories : mapping from model name to int
        Number of categories of every model.
    heads : mapping from model name to LinearHead
        The last layers of models whose rows are features.
    """

    def __init__(self, kind: Classes, categories: Mapping[str, int], heads: Mapping[str, LinearHead]):
        self.kind = kind
        self._heads = dict(heads)
        self._layers: dict[str, tuple[torch.Tensor, torch.Tensor | None]] = {}  # on the device, in double
        largest = max(categories, key=lambda name: categories[name])
        self._sizes = {largest: categories[largest]} if kind == "labels" else dict(categories)
        self._count: dict[tuple[str, str], torch.Tensor] = {}
        self._sum: dict[tuple[str, str, str], torch.Tensor] = {}

    def places(self, rows: Mapping[str, torch.Tensor], labels: Int64 | None) -> dict[str, torch.Tensor]:
        """Return the class of every sample by each model: for samples of none the number past the last."""
        if self.kind == "labels":
            if labels is None:
                raise ValueError("labels are missing: classes are by labels")
            (by,) = self._sizes
            known = torch.from_numpy(labels).to(next(iter(rows.values())).device)
            return {by: torch.where(known < 0, self._sizes[by], known)}
        return {by: self._decisions(by, rows[by]) for by in self._sizes}

    def add(self, part: str, centred: Mapping[str, torch.Tensor], places: Mapping[str, torch.Tensor]) -> None:
        """Add samples of these classes: z of all models."""
        for by, place in places.items():
            n = self._sizes[by] + 1  # one more for samples of no class
            if (part, by) not in self._count:
                self._count[part, by] = place.new_zeros(n)
                for name, z in centred.items():
                    self._sum[part, name, by] = z.new_zeros(n, z.shape[1])
            self._count[part, by].index_put_((place,), torch.ones_like(place), accumulate=True)
            for name, z in centred.items():
                self._sum[part, name, by].index_put_((place,), z, accumulate=True)

    def counts(self, part: str) -> dict[str, Int64]:
        """Return the numbers of samples of one part, as `Moments.from_sums` takes them."""
        return {by: self._count[part, by][:-1].cpu().numpy() for by in self._sizes}

    def means(self, part: str, shift: Mapping[str, Float64]) -> dict[tuple[str, str], Float64]:
        """Return the class means of one part, of z + ``shift``."""
        return dict(self._means(part, shift))

    def clear(self) -> None:
        """Begin anew."""
        self._count.clear()
        self._sum.clear()

    def _means(self, part: str, shift: Mapping[str, Float64]) -> Iterator[tuple[tuple[str, str], Float64]]:
        for by, counts in self.counts(part).items():
            for name, c in shift.items():
                means = self._sum[part, name, by][:-1].cpu().numpy()
                here = counts > 0
                means[here] = c + means[here] / counts[here, None]
                yield (name, by), means

    def _decisions(self, by: str, rows: torch.Tensor) -> torch.Tensor:
        if by not in self._heads:
            return rows.argmax(dim=1)
        if by not in self._layers:
            weight, bias = self._heads[by].weight, self._heads[by].bias
            layer = torch.tensor(weight, dtype=torch.float64, device=rows.device)
            self._layers[by] = (layer, None if bias is None else layer.new_tensor(bias))
        layer, offset = self._layers[by]
        logits = rows.double() @ layer.T
        return (logits if offset is None else logits + offset).argmax(dim=1)
