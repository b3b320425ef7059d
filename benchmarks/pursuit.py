"""Matching pursuit beside scikit-learn's orthogonal_mp_gram:  python -m benchmarks.pursuit --help

All targets to ten terms, contenders in turn. Times of one thread are processor time, which other work on the
machine changes little; those of several threads are of the clock. Within one network scikit-learn is called
for one target after the other, on a Gram in which the target's own row and column are 0, and on some targets
only; between two networks, nothing excluded, in one call for all. Its BLAS has one thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Annotated, Any

import numpy as np
import typer
from scipy import sparse
from threadpoolctl import threadpool_limits

import covlasso
from benchmarks import machine
from benchmarks.peers.base import Job
from benchmarks.tasks import spread
from benchmarks.timing import Contender, race
from covlasso.datasets import load_imagenet_lite

COLUMNS = (
    "problem", "threads", "covlasso", "over the Lasso", "scikit-learn", "ratio", "other supports",
    "difference", "residual",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A problem as both take it, and the targets that scikit-learn gets."""

    name: str
    gram: np.ndarray
    cross: np.ndarray | None
    energy: np.ndarray | None
    some: np.ndarray

    def ours(self, terms: int, threads: int, method: str) -> covlasso.Dependencies:
        """Solve all targets."""
        exclude = "self" if self.cross is None else None
        return covlasso.solve(
            self.gram, self.cross, self.energy, exclude=exclude, terms=terms, method=method, n_threads=threads
        )

    def theirs(self, terms: int) -> np.ndarray:
        """Solve some targets; (targets, p)."""
        from sklearn.linear_model import orthogonal_mp_gram

        if self.cross is not None:
            return orthogonal_mp_gram(self.gram, self.cross[self.some].T, n_nonzero_coefs=terms).T
        rows, work = [], self.gram.copy()
        for i in self.some:
            work[i], work[:, i] = 0.0, 0.0
            c = self.gram[i].copy()
            c[i] = 0.0
            rows.append(orthogonal_mp_gram(work, c, n_nonzero_coefs=terms))
            work[i], work[:, i] = self.gram[i], self.gram[:, i]
        return np.array(rows)

    def residual(self, deps: covlasso.Dependencies) -> float:
        """Worst |c - G b| on the support, relative to max |c|, from the raw arrays."""
        worst = 0.0
        for t, target in enumerate(deps.targets):
            b = sparse.csr_array(deps.coef[[t]])
            c = self.gram[target] if self.cross is None else self.cross[t]
            left = c[b.indices] - self.gram[np.ix_(b.indices, b.indices)] @ b.data
            largest = np.abs(np.delete(c, target) if self.cross is None else c).max()
            worst = max(worst, float(np.abs(left).max(initial=0.0)) / largest)
        return worst


def cases(count: int) -> list[Case]:
    """The networks of the package: 1000 categories within one, and of one from the other."""
    fit = load_imagenet_lite().fit
    a, b = fit.names[:2]
    within, between = np.ascontiguousarray(fit.second_moment(a)), fit.second_moment(b)
    cross = np.ascontiguousarray(fit.second_moment(a, b))
    energy = np.diag(within).copy()
    n = len(within)
    return [
        Case("within one network", within, None, None, spread(n, count)),
        Case("between two", np.ascontiguousarray(between), cross, energy, np.arange(n)),
    ]


def job(work: Callable[[], Any], clock: Callable[[], float]) -> Job:
    """Work as a job that says how long it took, and what came out."""

    def run() -> tuple[float, Any]:
        start = clock()
        result = work()
        return clock() - start, result

    return Job(run, read=id, seconds=itemgetter(0))


def row(case: Case, terms: int, threads: int, budget: float) -> list[str]:
    """One line of the table."""
    clock = time.process_time if threads == 1 else time.perf_counter
    ours, lasso = (
        Contender(job(partial(case.ours, terms, threads, method), clock)) for method in ("pursuit", "lasso")
    )
    factor = len(case.gram) / len(case.some)
    theirs = Contender(job(partial(case.theirs, terms), clock), factor)
    race([ours, lasso, theirs], budget, least=3, most=15)
    deps, expected = ours.result[1], theirs.result[1]
    found = deps.coef[case.some].toarray()
    same = ((found != 0) == (expected != 0)).all(axis=1)
    apart = np.abs(found - expected)[same].max(initial=0.0)
    return [
        case.name,
        str(threads),
        f"{1e3 * ours.seconds:.0f} ms",
        f"{ours.over(lasso):.1f} x",
        f"{theirs.seconds:.2g} s",
        f"{theirs.over(ours):.0f}",
        f"{np.count_nonzero(~same)} of {len(same)}",
        f"{apart:.0e}",
        f"{case.residual(deps):.0e}",
    ]


def main(
    terms: Annotated[int, typer.Option(help="Terms of every target.")] = 10,
    targets: Annotated[int, typer.Option(help="Targets of scikit-learn within one network.")] = 100,
    budget: Annotated[float, typer.Option(help="Seconds for a line of the table.")] = 20.0,
) -> None:
    """Print a table of times beside scikit-learn's."""
    for key, value in machine.describe().items():
        typer.echo(f"{key}: {value}")
    typer.echo(f"\n| {' | '.join(COLUMNS)} |\n| --- |{' ---: |' * (len(COLUMNS) - 1)}")
    with threadpool_limits(1):
        for case in cases(targets):
            for threads in sorted({1, len(os.sched_getaffinity(0))}):
                typer.echo(f"| {' | '.join(row(case, terms, threads, budget))} |")


if __name__ == "__main__":
    typer.run(main)
