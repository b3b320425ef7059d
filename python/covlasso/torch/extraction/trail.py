"""A fingerprint of the samples that a pass has seen, by which a pass that goes on knows them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import torch

from covlasso.torch.extraction.batches import Batch

_NUMBERS = 256  # of each sample that has no name
_WAITING = 64  # batches whose numbers may be on a GPU


class Trail:
    """Hashes of batches in their order; of samples without names, of some numbers of their inputs.

    Parameters
    ----------
    before : sequence of str, optional
        What `marks` gave of the samples before.
    """

    def __init__(self, before: Sequence[str] = ()):
        self._all, self._last = before or ("", "")
        self._waiting: list[tuple[bytes, torch.Tensor | None]] = []

    def add(self, batch: Batch) -> None:
        """Follow a batch as the loader gave it."""
        named = batch.samples is not None
        texts = [*(batch.samples or ()), *(batch.keys or ()), *(sample for sample, _ in batch.skipped)]
        positions = [] if batch.positions is None else [int(k) for k in batch.positions]
        numbers = None if named else _numbers(batch)
        self._waiting.append((repr((texts, positions)).encode("utf-8", "backslashreplace"), numbers))
        if numbers is None or numbers.device.type == "cpu" or len(self._waiting) == _WAITING:
            self.marks()

    def marks(self) -> list[str]:
        """Return the fingerprints of all samples, and of the last batch."""
        for known, numbers in self._waiting:
            last = blake2b(known, digest_size=16)
            if numbers is not None:
                last.update(numbers.cpu().reshape(-1).view(torch.uint8).numpy().data)
            self._last = last.hexdigest()
            self._all = blake2b((self._all + self._last).encode(), digest_size=16).hexdigest()
        self._waiting.clear()
        return [self._all, self._last]


def _numbers(batch: Batch) -> torch.Tensor:
    """Return some numbers of each sample, from all over it."""
    inputs = next(iter(batch.inputs.values())) if isinstance(batch.inputs, Mapping) else batch.inputs
    if not isinstance(inputs, torch.Tensor):
        raise TypeError(f"samples in a {type(inputs).__name__} need names, and the loader gives none")
    if inputs.layout != torch.strided:
        inputs = inputs.to_dense()
    rows = inputs.flatten(1) if inputs.ndim > 1 else inputs.reshape(-1, 1)
    step = max(1, rows.shape[1] // _NUMBERS) | 1  # odd, so that it is no column of a picture
    return rows[:, ::step].clone().detach()
