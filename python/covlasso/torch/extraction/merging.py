"""The end of a run: sums of all ranks together, files written, states removed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from covlasso._base.ranks import Group
from covlasso.logits import TopOne
from covlasso.moments import Accumulator, SplitMoments
from covlasso.torch.extraction.passes import Pass


@dataclass(frozen=True)
class Extraction:
    """What a pass over some samples gave.

    Attributes
    ----------
    moments : SplitMoments
        Joint moments of all models.
    skipped : list of (sample, reason)
        Samples that could not be read.
    labelled : int
        Samples with a label.
    correct : mapping from model name to int
        How many of them the largest logit of each model names.
    """

    moments: SplitMoments
    skipped: list[tuple[str, str]] = field(default_factory=list)
    labelled: int = 0
    correct: Mapping[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of samples in the moments."""
        held_out = self.moments.held_out
        return self.moments.fit.count + (held_out.count if held_out is not None else 0)


def merge(work: Pass, group: Group) -> Extraction | None:
    """Add the sums of all ranks, on rank 0; give None elsewhere.

    Raises
    ------
    ValueError
        No sample could be read, or a part of the split has none.
    GroupError
        Another rank ended.
    """
    total: Accumulator | None = None
    skipped: list[tuple[str, str]] = []
    top1 = TopOne()
    for rank, sent in enumerate(group.each(_message(work, alone=group.size == 1))):
        other = work.accumulator if rank == 0 else _accumulator(sent["state"])
        if total is None:
            total = other
        elif other is not None:
            total.merge(other.parts)
        skipped += [(sample, reason) for sample, reason in sent["skipped"]]
        top1.merge(sent["correct"], sent["labelled"])
    if group.rank > 0:
        return None
    if total is None:
        first = f"; the first one, {skipped[0][0]}: {skipped[0][1]}" if skipped else ""
        raise ValueError(f"no sample could be read{first}")
    total.skip(len(skipped))
    return Extraction(total.result(), sorted(skipped), top1.labelled, top1.correct)


def _message(work: Pass, alone: bool) -> dict[str, Any]:
    """Pack what rank 0 needs to know; sums travel as the bytes of a state."""
    state = None
    if not alone and work.accumulator is not None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sums"
            work.accumulator.save_state(path)
            state = np.fromfile(path, dtype=np.uint8)
    return {
        "state": state,
        "skipped": work.skipped,
        "correct": work.top1.correct,
        "labelled": work.top1.labelled,
    }


def _accumulator(state: Any) -> Accumulator | None:
    if state is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sums"
        state.tofile(path)
        return Accumulator.load_state(path)[0]
