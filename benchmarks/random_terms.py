"""What random terms cost beside the solve that they stand beside:  python -m benchmarks.random_terms --help

The categories of the package, contenders in turn: the paths of a direction with their refitted solutions, by
the core, and the mean error of as many terms over 20 draws, by numpy on one thread. With one thread of the
core times are of the processor, with several of the clock.
"""

from __future__ import annotations

import os
import time
from functools import partial
from typing import Annotated

import numpy as np
import typer
from threadpoolctl import threadpool_limits

import covlasso
from benchmarks import machine
from benchmarks.pursuit import job
from benchmarks.timing import Contender, race
from covlasso.datasets import load_imagenet_lite
from covlasso.dependencies import Origin
from covlasso.solver import Blocks, focused, random_error

COLUMNS = ("problem", "terms", "threads", "solve", "random terms", "ratio")


def blocks_of(source: str, focus: float | None) -> Blocks:
    """Moments of the categories of lite0, where there is a focus of those that have samples."""
    fit = load_imagenet_lite().fit
    targets = np.arange(fit.sizes["lite0"], dtype=np.int32)
    origin, shares = focused(fit, Origin("lite0", source), targets, focus)
    if shares is not None:
        targets, shares = targets[shares > 0.0], shares[shares > 0.0]
    return Blocks.of(fit, origin, targets, focus=shares)


def solve(blocks: Blocks, terms: int, threads: int) -> covlasso.Dependencies:
    """Paths, and their refitted solutions."""
    return blocks.paths(max_terms=terms, n_threads=threads).at(terms=terms, refit=True)


def row(blocks: Blocks, name: str, terms: int, threads: int, budget: float) -> list[str]:
    """One line of the table."""
    n_terms = np.full(len(blocks.targets), terms)
    clock = time.process_time if threads == 1 else time.perf_counter
    ours = Contender(job(partial(solve, blocks, terms, threads), clock))
    drawn = Contender(job(partial(random_error, blocks, n_terms), clock))
    race([ours, drawn], budget, least=3, most=25)
    times = (f"{1e3 * one.seconds:.1f} ms" for one in (ours, drawn))
    return [name, str(terms), str(threads), *times, f"{drawn.over(ours):.2f}"]


def main(
    terms: Annotated[list[int] | None, typer.Option(help="Terms; by default 5, 10, 50.")] = None,
    budget: Annotated[float, typer.Option(help="Seconds for a line of the table.")] = 4.0,
) -> None:
    """Print a table of times beside those of the solve."""
    for key, value in machine.describe().items():
        typer.echo(f"{key}: {value}")
    typer.echo(f"\n| {' | '.join(COLUMNS)} |\n| --- |{' ---: |' * (len(COLUMNS) - 1)}")
    with threadpool_limits(1):
        for source, direction in (("lite0", "within one network"), ("lite1", "between two")):
            for focus in (None, 0.3):
                blocks = blocks_of(source, focus)
                name = direction + ("" if focus is None else f", focus {focus:g}")
                for k in terms or [5, 10, 50]:
                    for threads in sorted({1, len(os.sched_getaffinity(0))}):
                        typer.echo(f"| {' | '.join(row(blocks, name, k, threads, budget))} |")


if __name__ == "__main__":
    typer.run(main)
