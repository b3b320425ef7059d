"""What a loader may yield, and what a loader is that can begin in the middle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch


class Batch(NamedTuple):
    """Some samples, for all models.

    Attributes
    ----------
    inputs : Tensor, or mapping from model name to Tensor
        One tensor for all models, or each model's own; row r of all of them is sample r.
    targets : (k,) Tensor, optional
        Labels, -1 where there is none; only kept, with the logits.
    samples : sequence of k str, optional
        Names of the samples, for messages and lists; their numbers, counted from 0, if not given.
    keys : sequence of k str, optional
        What each sample is cut from, by default itself: samples with one key are on one side of the split.
    positions : sequence of k int, optional
        Positions of the samples among those of all ranks; counted from 0 on each rank if not given.
    skipped : sequence of (sample, reason)
        Samples of this batch that could not be read and are in none of the above.
    """

    inputs: torch.Tensor | Mapping[str, torch.Tensor]
    targets: torch.Tensor | None = None
    samples: Sequence[str] | None = None
    keys: Sequence[str] | None = None
    positions: Sequence[int] | None = None
    skipped: Sequence[tuple[str, str]] = ()


@runtime_checkable
class Resumable(Protocol):
    """A loader that can begin in the middle.

    A run that goes on compares the last batch that was seen. Other loaders are read again from the first
    batch on, and what was seen is compared and dropped.
    """

    def batches(self, start: int) -> Iterable[Any]:
        """Give all batches but the first ``start``."""
