"""How often the largest logit is the label: a check that weights, transform and labels belong together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


class Accuracy:
    """Counts right answers of several models; on a GPU without waiting for it.

    Attributes
    ----------
    labelled : int
        Samples with a label.
    """

    def __init__(self, correct: Mapping[str, int] | None = None, labelled: int = 0):
        self.labelled = labelled
        self._correct: dict[str, Any] = dict(correct or {})

    @property
    def correct(self) -> dict[str, int]:
        """Samples of which the largest logit is the label, per model."""
        return {name: int(count) for name, count in self._correct.items()}

    def add(self, logits: Mapping[str, torch.Tensor], targets: torch.Tensor | None) -> None:
        """Count one batch; a label below 0 means that there is none."""
        if targets is None or targets.ndim != 1 or targets.is_floating_point():
            return
        self.labelled += int((targets >= 0).sum())
        for name, rows in logits.items():
            right = rows.argmax(dim=1) == targets.to(rows.device, non_blocking=True)
            self._correct[name] = self._correct.get(name, 0) + right.sum()

    def merge(self, correct: Mapping[str, int], labelled: int) -> None:
        """Add the counts of another rank."""
        self.labelled += labelled
        for name, count in correct.items():
            self._correct[name] = self._correct.get(name, 0) + count
