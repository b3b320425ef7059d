"""What ``covlasso demo`` computes: the dependencies of two real ImageNet-1k networks.

All R^2 here are 1 - E[(f_i - b'g)^2] / E[f_i^2], not centred: logits enter as they are, as in the paper.
"fit" is measured on the crops that b was found on and flatters; "held out" on crops of other pictures.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from covlasso._base.arrays import Float64
from covlasso._base.progress import TitledReport
from covlasso._core import KKT_TOLERANCE
from covlasso.datasets import ImagenetLite, load_imagenet_lite
from covlasso.dependencies import Dependencies, Origin
from covlasso.report import is_report, write_report
from covlasso.solver import Blocks

DIRECTIONS = (("lite0", "lite0"), ("lite1", "lite1"), ("lite0", "lite1"), ("lite1", "lite0"))
THRESHOLDS = (0.5, 0.7, 0.9)


@dataclass(frozen=True)
class Solution:
    """Dependencies and their R^2 on the held-out half, one per target; on the fitted half it is theirs."""

    found: Dependencies
    held_out: Float64

    @property
    def fit(self) -> Float64:
        """R^2 on the fitted half, per target."""
        return self.found.r2


@dataclass(frozen=True)
class Direction:
    """All categories of one network from those of itself or of the other."""

    origin: Origin
    seconds: float
    """Wall time of the exact paths and of both solutions read off them."""
    lasso: Solution
    refit: Solution

    @property
    def title(self) -> str:
        """Name the direction in words."""
        return self.origin.title

    @property
    def methods(self) -> dict[str, Solution]:
        """Both solutions by the name of their method."""
        return {"Lasso": self.lasso, "refitted": self.refit}


@dataclass(frozen=True)
class Demo:
    """Everything that the demo found."""

    terms: int
    threads: int
    load_seconds: float
    data: ImagenetLite
    directions: tuple[Direction, ...]

    @property
    def seconds(self) -> float:
        """Solve time of all directions."""
        return sum(direction.seconds for direction in self.directions)

    @property
    def worst_kkt(self) -> float:
        """Largest KKT residual of all solutions, relative to lambda."""
        return max(float(direction.lasso.found.kkt.max()) for direction in self.directions)

    @property
    def certified(self) -> bool:
        """Whether every solution has a KKT residual within the tolerance of a certificate."""
        return self.worst_kkt <= KKT_TOLERANCE


def run(
    terms: int = 10,
    threads: int | None = None,
    report: TitledReport | None = None,
    device: str | Sequence[str] = "cpu",
) -> Demo:
    """Solve the two networks, each from itself and from the other.

    Parameters
    ----------
    terms : int, default 10
        Solutions are taken just before one more term would enter.
    threads : int, optional
        By default one per hardware thread.
    report : callable, optional
        Called as report(title of the direction, targets done, targets in all) about ten times a second.
    device : str or sequence of str, default "cpu"
        As in `covlasso.path`.

    Returns
    -------
    Demo

    Raises
    ------
    TypeError, ValueError
        ``terms`` or ``threads`` is not an integer of at least 1.
    RuntimeError
        As in `covlasso.path`.
    KeyboardInterrupt
        Ctrl-C; the message says how many targets of the direction were done.
    """
    start = time.perf_counter()
    data = load_imagenet_lite()
    load_seconds = time.perf_counter() - start
    options = {"max_terms": terms, "n_threads": threads, "device": device}
    directions = tuple(_solve(data, Origin(*models), options, report) for models in DIRECTIONS)
    return Demo(terms, threads or os.cpu_count() or 1, load_seconds, data, directions)


def _solve(
    data: ImagenetLite, origin: Origin, options: dict[str, Any], report: TitledReport | None
) -> Direction:
    """One direction: paths on the fitted half, R^2 on the held-out half."""
    progress = None if report is None else partial(report, origin.title)
    fit, held_out = Blocks.of(data.fit, origin), Blocks.of(data.held_out, origin)
    start = time.perf_counter()
    paths = fit.paths(progress, **options)
    terms = options["max_terms"]
    lasso, refit = paths.at(terms=terms), paths.at(terms=terms, refit=True)
    seconds = time.perf_counter() - start
    return Direction(origin, seconds, *(Solution(found, held_out.r2(found)) for found in (lasso, refit)))


def above(r2: Float64) -> dict[str, int]:
    return {str(threshold): int(np.count_nonzero(r2 > threshold)) for threshold in THRESHOLDS}


def statuses(found: Dependencies) -> dict[str, int]:
    return dict(Counter(str(status) for status in found.status).most_common())


def write_page(demo: Demo, file: Path, report: TitledReport | None = None) -> None:
    """Write the refitted dependencies of all directions as one page, `covlasso.write_report`.

    Raises
    ------
    FileExistsError
        ``file`` is there and is no report: reports of earlier runs are replaced.
    """
    write_report(
        file,
        [direction.refit.found for direction in demo.directions],
        moments=demo.data,
        title="EfficientNet-Lite0 and -Lite1",
        overwrite=is_report(file),
        progress=report,
    )
