"""What ``covlasso demo`` computes: the dependencies of two real ImageNet-1k networks.

All R^2 here are 1 - E[(f_i - b'g)^2] / E[f_i^2], not centred: logits enter as they are, as in the paper.
"fit" is measured on the crops that b was found on and flatters; "held out" on crops of other pictures.
Decisions are counted on the held-out logits that the package has: who wins where a category's logit is
replaced by its equation, of all samples or with a focus.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from covlasso._base.arrays import Array, Float64, Int32
from covlasso._base.progress import TitledReport
from covlasso.datasets import (
    ImagenetLite,
    ImagenetLiteLogits,
    load_imagenet_lite,
    load_imagenet_lite_logits,
)
from covlasso.dependencies import Dependencies, Origin
from covlasso.evidence import (
    Decisions,
    Evaluation,
    Quality,
    RandomTerms,
    Rates,
    decisions_by_terms,
    evaluate,
)
from covlasso.logits import Samples
from covlasso.report import is_report, write_report
from covlasso.solver import Blocks

DIRECTIONS = (("lite0", "lite0"), ("lite1", "lite1"), ("lite0", "lite1"), ("lite1", "lite0"))
THRESHOLDS = (0.5, 0.7, 0.9)
FOCUS = 0.3
FEWEST = (
    10,
    5,
)  # crops that a category has, of the fitted half and of the logits, for its decisions to be counted


@dataclass(frozen=True)
class Solution:
    """Dependencies, and what they are on the held-out half beside random terms."""

    found: Dependencies
    measured: Evaluation

    @property
    def fit(self) -> Float64:
        """R^2 on the fitted half, per target."""
        return self.found.r2

    @property
    def held_out(self) -> Float64:
        """R^2 on the held-out half, per target."""
        return self._held_out.r2

    @property
    def held_out_centred(self) -> Float64:
        """R^2 about the mean on the held-out half, per target."""
        return self._held_out.r2_centred

    @property
    def explained(self) -> int:
        """Number of equations that beat every draw of random terms on the held-out half."""
        assert self.measured.explained is not None  # noqa: S101  # there are random terms
        return int(np.count_nonzero(self.measured.explained))

    @property
    def random(self) -> RandomTerms:
        """What as many terms at random are."""
        assert self.measured.random is not None  # noqa: S101  # the data have a fitted half
        return self.measured.random

    @property
    def random_held_out(self) -> Quality:
        """What they are on the held-out half."""
        assert self.random.held_out is not None  # noqa: S101
        return self.random.held_out

    @property
    def _held_out(self) -> Quality:
        assert self.measured.held_out is not None  # noqa: S101  # the data have a held-out half
        return self.measured.held_out


@dataclass(frozen=True)
class Focused:
    """Decisions of the categories that have enough crops, with their logits replaced one at a time."""

    found: Dependencies
    """With focus, refitted."""
    seconds: float
    """Wall time of their exact paths."""
    all_samples: Decisions
    """With the refitted equations of all samples."""
    focused: Decisions
    random: Decisions
    """With as many terms at random, and the same focus."""
    class_mean: Decisions
    """With the mean logit of the crop's class, which is told."""

    @property
    def network(self) -> Rates:
        """Recall and the like of the network itself, whose decisions are the labels."""
        return self.focused.network

    @property
    def methods(self) -> dict[str, Decisions]:
        """What is put in the place of logits, by name."""
        return {
            "all samples": self.all_samples,
            f"focus {FOCUS:g}": self.focused,
            "random terms, focus": self.random,
            "class mean (told)": self.class_mean,
        }


@dataclass(frozen=True)
class Direction:
    """All categories of one network from those of itself or of the other."""

    origin: Origin
    seconds: float
    """Wall time of the exact paths and of both solutions read off them."""
    lasso: Solution
    refit: Solution
    focus: Focused

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
    logits: ImagenetLiteLogits
    directions: tuple[Direction, ...]

    @property
    def pictures(self) -> float:
        """Median number of pictures, of those with logits, that a counted category is decided on."""
        found = []
        for direction in self.directions:
            logits = getattr(self.logits, direction.origin.target_model)
            decided = logits.argmax(axis=1)
            pairs = np.unique(np.column_stack([decided, self.logits.picture]), axis=0)
            found.append(np.bincount(pairs[:, 0], minlength=logits.shape[1])[direction.focus.found.targets])
        return float(np.median(np.concatenate(found)))

    @property
    def seconds(self) -> float:
        """Solve time of all directions."""
        return sum(direction.seconds + direction.focus.seconds for direction in self.directions)

    @property
    def worst_kkt(self) -> float:
        """Largest KKT residual of all solutions, relative to lambda."""
        return max(float(found.kkt.max()) for found in self._solved())

    def _solved(self) -> list[Dependencies]:
        return [one for d in self.directions for one in (d.lasso.found, d.focus.found)]

    @property
    def certified(self) -> bool:
        """Whether every solution is certified."""
        return all(found.is_certified.all() for found in self._solved())


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
    data, logits = load_imagenet_lite(), load_imagenet_lite_logits()
    load_seconds = time.perf_counter() - start
    options = {"max_terms": terms, "n_threads": threads, "device": device}
    directions = tuple(_solve(data, logits, Origin(*models), options, report) for models in DIRECTIONS)
    return Demo(terms, threads or os.cpu_count() or 1, load_seconds, data, logits, directions)


def _solve(
    data: ImagenetLite,
    logits: ImagenetLiteLogits,
    origin: Origin,
    options: dict[str, Any],
    report: TitledReport | None,
) -> Direction:
    """One direction: paths on the fitted half, R^2 on the held-out half, decisions on its logits."""
    progress = None if report is None else partial(report, origin.title)
    fit = Blocks.of(data.fit, origin)
    start = time.perf_counter()
    paths = fit.paths(progress, **options)
    terms = options["max_terms"]
    lasso, refit = paths.at(terms=terms), paths.at(terms=terms, refit=True)
    seconds = time.perf_counter() - start
    return Direction(
        origin,
        seconds,
        lasso=Solution(lasso, evaluate(lasso, data)),
        refit=Solution(refit, evaluate(refit, data)),
        focus=_decide(data, logits, origin, refit, options),
    )


def _decide(
    data: ImagenetLite,
    logits: ImagenetLiteLogits,
    origin: Origin,
    refit: Dependencies,
    options: dict[str, Any],
) -> Focused:
    """Put equations, of all samples and with focus, in the place of logits."""
    target, source = (getattr(logits, name) for name in (origin.target_model, origin.source_model))
    samples = Samples(target, None if origin.intra else source)
    targets = _common(data, target, origin.target_model)
    shares = np.full(len(targets), FOCUS)
    blocks = Blocks.of(data.fit, replace(origin, focus=data.fit.classes), targets, focus=shares)
    start = time.perf_counter()
    paths = blocks.paths(**options)
    found = paths.at(terms=options["max_terms"], refit=True)
    seconds = time.perf_counter() - start
    made = decisions_by_terms(found, samples, data.fit, paths, blocks, [options["max_terms"]])
    if made.class_mean is None:
        raise RuntimeError("the moments of the package know no classes; install covlasso again")
    plain = decisions_by_terms(refit.take(targets), samples).shown
    return Focused(found, seconds, plain, made.shown, made.random[0], made.class_mean)


def _common(data: ImagenetLite, logits: Array, model: str) -> Int32:
    """Categories that a network decides for often enough, in the fitted half and in the logits."""
    decided = np.bincount(logits.argmax(axis=1), minlength=logits.shape[1])
    enough = (data.fit.class_counts(model) >= FEWEST[0]) & (decided >= FEWEST[1])
    return np.flatnonzero(enough).astype(np.int32)


def above(r2: Float64) -> dict[str, int]:
    return {str(threshold): int(np.count_nonzero(r2 > threshold)) for threshold in THRESHOLDS}


def statuses(*found: Dependencies) -> dict[str, int]:
    return dict(Counter(str(status) for one in found for status in one.status).most_common())


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
