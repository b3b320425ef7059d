"""Reading a loader: its batches completed, and those that an earlier run has seen compared and dropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from covlasso.torch.extraction.batches import Batch, Inputs, Resumable
from covlasso.torch.extraction.trail import Trail

_ELSE = "; give the samples in the same order, or delete the file to begin anew"


def batches(
    loader: Iterable[Any], start: int, models: Sequence[str], trail: Trail | None = None, state: str = ""
) -> Iterator[Batch]:
    """Batches of a loader from number ``start`` on; their samples, keys and positions are filled in.

    Parameters
    ----------
    loader, start, models
        The loader, the number of batches that an earlier run has seen, and names of the models.
    trail : Trail, optional
        Of the samples that were seen; follows what is given. None: there are none, and nothing goes on.
    state : str, optional
        Where the earlier run is kept, for messages.

    Raises
    ------
    TypeError, ValueError
        The loader yields something else; or its first ``start`` batches are not those of the trail.
    """
    if isinstance(loader, Resumable):
        begin = max(start - 1, 0)
        items, complete = loader.batches(begin), start == 0
    else:
        begin, items, complete = 0, loader, True
    again, seen, number = Trail(), 0, begin
    for number, item in enumerate(items, begin + 1):
        given = _as_batch(item, models)
        batch = _complete(given, seen if complete else None)
        seen += len(batch.samples or ()) + len(batch.skipped)
        if number <= start:
            again.add(given)
        if number == start and trail is not None:
            _check_same(again, trail, start, whole=complete, state=state)
        if number > start:
            if trail is not None:
                trail.add(given)
            yield batch
    if number < start:
        raise ValueError(
            f"{state}: the loader ends after {number} of the {start} batches that were seen{_ELSE}"
        )


def _check_same(again: Trail, before: Trail, start: int, whole: bool, state: str) -> None:
    """Refuse to go on with other samples; of a `Resumable` loader only the last batch was read again."""
    place = 0 if whole else 1
    if again.marks()[place] != before.marks()[place]:
        which = f"first {start} batches are" if whole else f"batch {start} is"
        raise ValueError(
            f"{state}: the loader's {which} not what the earlier run has seen, as if it shuffled or changed "
            f"its inputs{_ELSE}"
        )


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
    if not isinstance(item, Batch) or not isinstance(item.inputs, torch.Tensor | Mapping | Inputs):
        raise TypeError(
            f"the loader yields {type(item).__name__}, a tensor or a mapping of tensors is expected"
        )
    if isinstance(item.inputs, Mapping):
        missing = [name for name in models if name not in item.inputs]
        if missing:
            raise ValueError(
                f"the loader has no inputs for model {missing[0]!r}; it has {sorted(item.inputs)}"
            )
    return item


def _complete(batch: Batch, seen: int | None) -> Batch:
    """Fill in what was not given; ``seen`` samples came before (None: the loader must say which)."""
    inputs = next(iter(batch.inputs.values())) if isinstance(batch.inputs, Mapping) else batch.inputs
    length = len(inputs)
    if seen is None and (batch.positions is None or batch.samples is None):
        raise TypeError("a loader that begins in the middle must yield batches with samples and positions")
    positions = batch.positions if batch.positions is not None else range(seen or 0, (seen or 0) + length)
    samples = batch.samples if batch.samples is not None else [str(i) for i in positions]
    keys = batch.keys if batch.keys is not None else samples
    batch = batch._replace(positions=positions, samples=samples, keys=keys)
    of_models = batch.targets if isinstance(batch.targets, Mapping) else {"": batch.targets}
    given = [(field, getattr(batch, field)) for field in ("samples", "keys", "positions")]
    for field, value in [*given, *(("targets", targets) for targets in of_models.values())]:
        if value is not None and len(value) != length:
            raise ValueError(f"a batch has {length} inputs and {len(value)} {field}")
    return batch
