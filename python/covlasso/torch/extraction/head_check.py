"""Whether the logits of every batch are those of the last layers that were taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from covlasso.torch.extraction.device_sums import not_finite
from covlasso.torch.extraction.taps import Tap


class HeadError(ValueError):
    """Logits that are not W h + b of a last layer that was taken out.

    Attributes
    ----------
    model, sample : str
        Whose, and where first.
    """

    def __init__(self, model: str, sample: str):
        super().__init__(
            f"the logits of model {model!r} for sample {sample} are not W h + b of its last layer; "
            'accumulate them as they are, with factored="off" (of an unfinished run, delete the state first)'
        )
        self.model, self.sample = model, sample


class HeadCheck:
    """Finds the first sample whose logits are not W h + b; nothing waits for a GPU before `settle`.

    Parameters
    ----------
    taps : mapping from model name to Tap
        The models; those whose logits are accumulated as they are need no check.
    """

    def __init__(self, taps: Mapping[str, Tap]):
        self._taps = {name: tap for name, tap in taps.items() if tap.layer is not None}
        self._widths = {name: tap.layer.in_features for name, tap in taps.items() if tap.layer is not None}
        self._samples: list[str] = []
        self._first: dict[str, torch.Tensor] = {}  # places of the first that departs, and that is not finite

    def add(
        self, logits: Mapping[str, torch.Tensor], rows: Mapping[str, torch.Tensor], samples: Sequence[str]
    ) -> None:
        """Look at a batch; on a CPU, and where its rows could not be added, settle it.

        Raises
        ------
        ValueError
            As of `settle`.
        """
        if not self._taps:
            return
        for name, tap in self._taps.items():
            departs, infinite = tap.departures(logits[name], rows[name]), _infinite(logits[name])
            if len(rows[name]) == len(samples):
                here = rows[name].flatten(1).isfinite().all(dim=1)  # what is not, the sums tell
                departs, infinite = departs & here, infinite & here
            found = torch.stack([self._place(departs), self._place(infinite)])
            self._first[name] = torch.minimum(self._first[name], found) if name in self._first else found
        self._samples.extend(samples)
        fit = all(rows[name].shape == (len(samples), width) for name, width in self._widths.items())
        if not fit or all(first.device.type == "cpu" for first in self._first.values()):
            self.settle()

    def settle(self) -> None:
        """Forget all batches that were looked at, if they are what they should be.

        Raises
        ------
        HeadError, ValueError
            They are not W h + b, or not finite; the message names model and sample.
        """
        for name, first in self._first.items():
            departs, infinite = first.tolist()
            if infinite <= departs and infinite < len(self._samples):
                raise ValueError(not_finite(name, self._samples[infinite]))
            if departs < len(self._samples):
                raise HeadError(name, self._samples[departs])
        self._samples.clear()
        self._first.clear()

    def _place(self, found: torch.Tensor) -> torch.Tensor:
        """Place of the first of a batch's samples among those that wait; the largest number if none."""
        places = torch.arange(len(found), device=found.device) + len(self._samples)
        return torch.where(found, places, torch.iinfo(torch.int64).max).min()


def _infinite(logits: torch.Tensor) -> torch.Tensor:
    """Which rows have an entry that is not finite: the largest or the smallest is not, then."""
    return ~(logits.amax(dim=1).isfinite() & logits.amin(dim=1).isfinite())
