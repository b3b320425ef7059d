"""The problems of the table, on the host and on the device."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from benchmarks.factored import factor_of, form
from benchmarks.problems import imagenet, random_head

RANKS = {8000: 1024, 21841: 768}


class Case(str, Enum):
    """Which problem."""

    imagenet = "imagenet"
    head_8000 = "8000"
    head_21841 = "21841"


@dataclass(frozen=True)
class Problem:
    """A Gram, and its factor where it has one."""

    name: str
    gram: np.ndarray
    factor: np.ndarray | None = None

    @property
    def n(self) -> int:
        """Number of categories."""
        return len(self.gram)


def make(case: Case) -> Problem:
    """Load or draw it."""
    if case is Case.imagenet:
        return Problem("ImageNet-1k, efficientnet_lite0", np.ascontiguousarray(imagenet(None).gram))
    n = int(case.value)
    return synthetic(n, RANKS[n])


def synthetic(n: int, rank: int) -> Problem:
    """G = F F' of `benchmarks.problems.random_head`."""
    factor = factor_of(*random_head(n, rank))
    gram = np.empty((n, n))
    form(factor, gram)
    return Problem(f"synthetic head, n = {n}, rank {rank}", gram, factor)
