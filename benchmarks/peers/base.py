"""What an adapter is: a name, a version, and a job for a problem, a task and some targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.problems import Problem
from benchmarks.tasks import Solutions, Task


@dataclass(frozen=True)
class Job:
    """One prepared piece of work; only `run` is timed."""

    run: Callable[[], Any]
    read: Callable[[Any], Solutions]
    """What run returned, as solutions."""
    seconds: Callable[[Any], float] | None = None
    """The time that run took by its own clock, where a process has to be started for it."""
    gram: np.ndarray | None = None
    """The Gram that was solved, where it is not the problem's own (rounded to float32)."""


@dataclass(frozen=True)
class Peer:
    """A solver, as the table knows it.

    Attributes
    ----------
    name, install : str
        What the table calls it; the command that installs it.
    find_version : callable
        Its version, or None where it is not installed.
    prepare : callable (problem, task, targets) -> Job
        Everything that is not timed.
    takes : type
        The task it solves, `Terms` or `Grid`.
    threads : str
        How many threads it uses.
    whole : bool
        It takes all targets at once or none, so it can not run on a subset.
    common : bool
        It takes one grid of lambdas for all targets only, and the correlation matrix.
    """

    name: str
    install: str
    find_version: Callable[[], str | None]
    prepare: Callable[[Problem, Task, np.ndarray], Job]
    takes: type
    threads: str = "1"
    whole: bool = False
    common: bool = False

    def available(self) -> bool:
        """Whether it is installed."""
        return self.find_version() is not None

    @property
    def package(self) -> str:
        """The package that has it."""
        return self.install.split()[-1]


def distribution(name: str) -> Callable[[], str | None]:
    """The version of a Python distribution, or None."""

    def find() -> str | None:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return None

    return find


def single(lam: np.ndarray, rows: list[np.ndarray]) -> Solutions:
    """Solutions at one point per target, from dense coefficient vectors."""
    return [(np.asarray(lam), sparse.csr_array(np.array(rows)))]


def along(lam: np.ndarray, paths: list[np.ndarray]) -> Solutions:
    """Solutions on a grid: lam (points, m), and per target the coefficients (n, points)."""
    return [
        (lam_k, sparse.csr_array(np.array([path[:, k] for path in paths]))) for k, lam_k in enumerate(lam)
    ]
