"""What a loader may yield, and how to go on in the middle of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    """A loader that can begin in the middle; of others, the batches that were seen are read and dropped."""

    def batches(self, start: int) -> Iterable[Any]:
        """Give all batches but the first ``start``."""


def batches(loader: Iterable[Any], start: int, models: Sequence[str]) -> Iterator[Batch]:
    """Batches of a loader from number ``start`` on; their samples, keys and positions are filled in."""
    if isinstance(loader, Resumable):
        if start:
            yield from (_complete(_as_batch(item, models), None) for item in loader.batches(start))
            return
        loader = loader.batches(0)
    seen = 0
    for number, item in enumerate(loader):
        batch = _complete(_as_batch(item, models), seen)
        seen += len(batch.samples or ()) + len(batch.skipped)
        if number >= start:
            yield batch


def _as_batch(item: Any, models: Sequence[str]) -> Batch:
    """Read ``inputs``, ``(inputs, targets)`` or a Batch."""
    if isinstance(item, torch.Tensor | Mapping):
        item = Batch(item)
    elif isinstance(item, tuple | list) and not isinstance(item, Batch):
        if len(item) > 2:
            raise TypeError(
                f"the loader yields {len(item)} things; inputs, (inputs, targets) or a covlasso.torch.Batch "
                "are expected"
            )
        item = Batch(*item)
    if not isinstance(item, Batch) or not isinstance(item.inputs, torch.Tensor | Mapping):
        raise TypeError(
            f"the loader yields {type(item).__name__}, a tensor or a mapping of tensors is expected"
        )
    missing = [name for name in models if isinstance(item.inputs, Mapping) and name not in item.inputs]
    if missing:
        raise ValueError(f"the loader has no inputs for model {missing[0]!r}; it has {sorted(item.inputs)}")
    return item


def _complete(batch: Batch, seen: int | None) -> Batch:
    """Fill in what was not given; ``seen`` samples came before (None: the loader must say which)."""
    inputs = batch.inputs if isinstance(batch.inputs, torch.Tensor) else next(iter(batch.inputs.values()))
    length = len(inputs)
    if seen is None and (batch.positions is None or batch.samples is None):
        raise TypeError("a loader that begins in the middle must yield batches with samples and positions")
    positions = batch.positions if batch.positions is not None else range(seen or 0, (seen or 0) + length)
    samples = batch.samples if batch.samples is not None else [str(i) for i in positions]
    keys = batch.keys if batch.keys is not None else samples
    batch = batch._replace(positions=positions, samples=samples, keys=keys)
    for field in ("samples", "keys", "positions", "targets"):
        value = getattr(batch, field)
        if value is not None and len(value) != length:
            raise ValueError(f"a batch has {length} inputs and {len(value)} {field}")
    return batch
