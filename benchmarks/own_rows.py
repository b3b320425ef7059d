"""Rows of its own for a target beside the same problem without:  python -m benchmarks.own_rows --help

All targets to 50 terms on the categories of the package, with checks and certificates, contenders in turn.
Times of one thread are processor time, which other work on the machine changes little; those of several
threads are of the clock. The residual is recomputed from the Gram of each target written out.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np
import typer
from threadpoolctl import threadpool_limits

import covlasso
from benchmarks import machine
from benchmarks.pursuit import job
from benchmarks.tasks import spread
from benchmarks.timing import Contender, race
from covlasso.datasets import load_imagenet_lite

COLUMNS = ("problem", "own rows", "threads", "without", "with", "ratio", "residual")
_CHECKED = 5  # targets whose residual is recomputed


@dataclass(frozen=True)
class Case:
    """A problem, and rows for each of its targets."""

    name: str
    gram: np.ndarray
    cross: np.ndarray | None
    energy: np.ndarray | None
    own: covlasso.OwnRows

    def solve(self, terms: int, threads: int, *, with_rows: bool) -> covlasso.Dependencies:
        """Solve all targets."""
        return covlasso.solve(
            self.gram,
            self.cross,
            self.energy,
            exclude="self" if self.cross is None else None,
            terms=terms,
            n_threads=threads,
            own=self.own if with_rows else None,
        )

    def residual(self, deps: covlasso.Dependencies) -> float:
        """Worst KKT residual of some targets relative to their largest |c|, from the raw arrays."""
        worst = 0.0
        for t in spread(deps.n_targets, _CHECKED):
            rows, b = self.own.of(t), deps.coef[[t]].toarray()[0]
            mine = rows[:, t] if self.cross is None else self.own.response[self.own.offsets[t] :][: len(rows)]
            c = (self.gram[t] if self.cross is None else self.cross[t]) + mine @ rows
            left = 2.0 * (c - self.gram @ b - rows.T @ (rows @ b))
            beyond = np.where(b == 0.0, np.abs(left) - deps.lam[t], np.abs(left - deps.lam[t] * np.sign(b)))
            allowed = np.delete(np.arange(len(c)), t if self.cross is None else [])
            worst = max(worst, float(beyond[allowed].max() / (2.0 * np.abs(c[allowed]).max())))
        return worst


def cases(counts: list[int]) -> list[Case]:
    """The networks of the package, rows of each target the logits of samples drawn from the Gram."""
    fit = load_imagenet_lite().fit
    a, b = fit.names[:2]
    within, between = (np.ascontiguousarray(fit.second_moment(name)) for name in (a, b))
    cross = np.ascontiguousarray(fit.second_moment(a, b))
    n, rng, found = len(within), np.random.default_rng(0), []
    for m in counts:
        offset = np.arange(0, m * n + 1, m)
        rows, other = (_drawn(gram, m * n, rng) for gram in (within, between))
        found.append(Case("within one network", within, None, None, covlasso.OwnRows(rows, None, offset)))
        response = rng.standard_normal(m * n) * np.sqrt(0.3 / m)
        own = covlasso.OwnRows(other, response, offset)
        found.append(Case("between two", between, cross, np.diag(within).copy(), own))
    return found


def _drawn(gram: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Rows with this second moment, a target's weighing 0.3 of it together."""
    values, vectors = np.linalg.eigh(gram)
    factor = vectors * np.sqrt(np.maximum(values, 0.0))
    each = count // len(gram)
    return rng.standard_normal((count, len(gram))) @ factor.T * np.sqrt(0.3 / each)


def row(case: Case, terms: int, threads: int, budget: float) -> list[str]:
    """One line of the table."""
    clock = time.process_time if threads == 1 else time.perf_counter
    plain, ours = (
        Contender(job(partial(case.solve, terms, threads, with_rows=given), clock)) for given in (False, True)
    )
    race([plain, ours], budget, least=3, most=15)
    return [
        case.name,
        str(case.own.counts[0]),
        str(threads),
        f"{1e3 * plain.seconds:.0f} ms",
        f"{1e3 * ours.seconds:.0f} ms",
        f"{ours.over(plain):.2f}",
        f"{case.residual(ours.result[1]):.0e}",
    ]


def main(
    terms: Annotated[int, typer.Option(help="Terms of every target.")] = 50,
    rows: Annotated[list[int] | None, typer.Option(help="Rows of every target; by default 1, 50.")] = None,
    budget: Annotated[float, typer.Option(help="Seconds for a line of the table.")] = 15.0,
) -> None:
    """Print a table of times beside the problem without own rows."""
    for key, value in machine.describe().items():
        typer.echo(f"{key}: {value}")
    typer.echo(f"\n| {' | '.join(COLUMNS)} |\n| --- |{' ---: |' * (len(COLUMNS) - 1)}")
    with threadpool_limits(1):
        for case in cases(rows or [1, 50]):
            for threads in sorted({1, len(os.sched_getaffinity(0))}):
                typer.echo(f"| {' | '.join(row(case, terms, threads, budget))} |")


if __name__ == "__main__":
    typer.run(main)
