"""Times that can be compared: contenders take turns, and ratios are taken within a turn."""

from __future__ import annotations

import gc
import os
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.peers.base import Job

_PAUSE = (
    0.05  # seconds: BLAS and OpenMP threads spin for some 0.03 s after a call and would slow the next one
)


# Some OpenMP run-times bind the calling thread to one core for good, and threads made later inherit that.
_CORES = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else None


@dataclass
class Contender:
    """A job in a race: its times, one a round, times `factor` (all targets over those that it solves)."""

    job: Job
    factor: float = 1.0
    times: list[float] = field(default_factory=list)
    result: Any = None

    def run(self) -> None:
        """One timed run; the result of the last one is kept."""
        self.result = None
        seconds, self.result = timed(self.job)
        self.times.append(self.factor * seconds)

    @property
    def seconds(self) -> float:
        """Median time for all targets."""
        return float(np.median(self.times))

    def over(self, other: Contender) -> float:
        """Median over the rounds of this time over the other's in the same round."""
        return float(np.median(np.divide(self.times, other.times)))


def timed(job: Job) -> tuple[float, Any]:
    """Seconds of one run, and what it returned; by the job's own clock where it has one."""
    gc.collect()
    if _CORES is not None:
        os.sched_setaffinity(0, _CORES)
    time.sleep(_PAUSE)
    start = time.perf_counter()
    result = job.run()
    seconds = time.perf_counter() - start
    return (seconds if job.seconds is None else job.seconds(result)), result


def race(contenders: list[Contender], budget: float, least: int = 1, most: int = 15) -> None:
    """Let all contenders run in turn, A B C A B C ..., `least` to `most` rounds in about `budget` seconds.

    A first round that is a small part of the budget only warms up: its times are forgotten.
    """
    start = time.perf_counter()
    for contender in contenders:
        contender.run()
    first = time.perf_counter() - start
    rounds = int(np.clip(budget / first, least, most))
    if first < budget / 10:
        for contender in contenders:
            contender.times.clear()
        rounds += 1
    for _ in range(rounds - 1):
        for contender in contenders:
            contender.run()
