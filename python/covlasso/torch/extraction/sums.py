"""Where the rows of a batch go: to the host's sums, or to a GPU's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch

from covlasso._base.arrays import Int64
from covlasso._base.checks import LARGEST, first_bad
from covlasso.moments import Accumulator
from covlasso.torch.arrays import host_array
from covlasso.torch.extraction.device_sums import DeviceSums, fits_on, not_finite


class Sums(Protocol):
    """Takes batches, and has all of them in the accumulator after `flush`."""

    def update(
        self,
        rows: Mapping[str, torch.Tensor],
        keys: Sequence[str],
        samples: Sequence[str],
        labels: Int64 | None = None,
    ) -> None:
        """Add a batch."""

    def flush(self) -> None:
        """Bring everything into the accumulator."""


class HostSums:
    """Gives every batch to the accumulator at once."""

    def __init__(self, accumulator: Accumulator):
        self._accumulator = accumulator

    def update(
        self,
        rows: Mapping[str, torch.Tensor],
        keys: Sequence[str],
        samples: Sequence[str],
        labels: Int64 | None = None,
    ) -> None:
        """Add a batch.

        Raises
        ------
        ValueError
            A row is not finite; the message names sample and model.
        """
        arrays = {}
        for name, x in rows.items():
            array = host_array(x)
            bad = first_bad(array, LARGEST)
            if bad is not None:
                raise ValueError(not_finite(name, samples[bad[0]]))
            arrays[name] = array
        self._accumulator.update(arrays, keys, labels)

    def flush(self) -> None:
        """Nothing waits."""


def sums_for(
    accumulator: Accumulator, rows: Mapping[str, torch.Tensor], device: torch.device, by_class: int = 0
) -> Sums:
    """Return sums on the device where they fit, with these bytes of sums by class, else on the host."""
    widths = [x.shape[1] for x in rows.values()]
    if fits_on(device, widths, len(accumulator.parts), by_class):
        return DeviceSums(accumulator)
    return HostSums(accumulator)
