"""What a loader may yield, and what a loader is that can begin in the middle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch


@runtime_checkable
class Inputs(Protocol):
    """Inputs that are no tensor: rows of a table, blocks of a text. Their length is the number of samples."""

    def __len__(self) -> int:
        """Return the number of samples, which is that of rows of the logits."""

    def to(self, device: torch.device) -> Inputs:
        """Return the same on a device."""


class Batch(NamedTuple):
    """Some samples, for all models.

    Attributes
    ----------
    inputs : Tensor or Inputs, or mapping from model name to Tensor or Inputs
        One for all models, or each model's own; row r of tensors, and of the logits, is sample r.
    targets : (k,) Tensor, or mapping from model name to (k,) Tensor, optional
        Labels, -1 where there is none: those of all models, or each model's own.
    samples : sequence of k str, optional
        Names of the samples, for messages and lists; their numbers, counted from 0, if not given.
    keys : sequence of k str, optional
        What each sample is cut from, by default itself: samples with one key are on one side of the split.
    positions : sequence of k int, optional
        Positions of the samples among those of all ranks; counted from 0 on each rank if not given.
    skipped : sequence of (sample, reason)
        Samples of this batch that could not be read and are in none of the above.
    """

    inputs: torch.Tensor | Inputs | Mapping[str, torch.Tensor | Inputs]
    targets: torch.Tensor | Mapping[str, torch.Tensor] | None = None
    samples: Sequence[str] | None = None
    keys: Sequence[str] | None = None
    positions: Sequence[int] | None = None
    skipped: Sequence[tuple[str, str]] = ()

    def targets_of(self, model: str) -> torch.Tensor | None:
        """Return the labels of a model."""
        return self.targets[model] if isinstance(self.targets, Mapping) else self.targets


@runtime_checkable
class Resumable(Protocol):
    """A loader that can begin in the middle.

    A run that goes on compares the last batch that was seen. Other loaders are read again from the first
    batch on, and what was seen is compared and dropped.
    """

    def batches(self, start: int) -> Iterable[Any]:
        """Give all batches but the first ``start``."""
