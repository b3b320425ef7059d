"""The right category of every row of logits: read, checked, and compared with the largest logit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from covlasso._base.arrays import Int64


def read_labels(path: str | os.PathLike[str]) -> Int64:
    """Read a .npy vector of integers.

    Raises
    ------
    ValueError
        The file is none; the message names it.
    """
    try:
        values = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as cause:
        raise ValueError(f"{path} is not a readable .npy file: {cause}") from cause
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(f"{path} does not hold a vector of integers; one label per row is expected")
    return values.astype(np.int64)


class TopOne:
    """How often the largest logit is that of the label, for several models on the same rows.

    Arrays and tensors alike: what is on a GPU is counted there, and nobody waits for it.

    Attributes
    ----------
    labelled : int
        Rows with a label.
    """

    def __init__(self, correct: Mapping[str, int] | None = None, labelled: int = 0):
        self.labelled = labelled
        self._correct: dict[str, Any] = dict(correct or {})

    @property
    def correct(self) -> dict[str, int]:
        """Rows of which the largest logit is that of the label, per model; the first of equal ones counts."""
        return {name: int(count) for name, count in self._correct.items()}

    def update(self, logits: Mapping[str, Any], labels: Mapping[str, Any]) -> None:
        """Count some rows.

        Parameters
        ----------
        logits : mapping from model name to (k, n) array or tensor
            Logits.
        labels : mapping from model name to (k,) array or tensor
            The labels, where the model's logits are.
        """
        for place, (name, rows) in enumerate(logits.items()):
            known = labels[name] >= 0
            if place == 0:
                self.labelled += int(known.sum())
            right = (rows.argmax(1) == labels[name]) & known
            self._correct[name] = self._correct.get(name, 0) + right.sum()

    def merge(self, correct: Mapping[str, int], labelled: int) -> None:
        """Add what was counted elsewhere."""
        self.labelled += labelled
        for name, count in correct.items():
            self._correct[name] = self._correct.get(name, 0) + count
