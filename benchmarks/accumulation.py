"""What `Moments.update` costs beside the bare product:  python -m benchmarks.accumulation --help

Contenders take turns: batch after batch into new moments, and one dsyrk of scipy's BLAS on all rows at once,
float64 and in memory already. Both do rows n (n + 1) floating-point operations, n the categories of all
models.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from scipy.linalg.blas import dsyrk

from benchmarks import machine
from benchmarks.peers.base import Job
from benchmarks.timing import Contender, race
from covlasso import Moments

ROWS, CATEGORIES = 8192, 1000
MODELS = (1, 2)
DTYPES = ("float16", "float32", "float64")
BATCHES = (64, 256, 1024)
HEAD = "| models | logits | batch | update | dsyrk | share of dsyrk's rate |"


class Clock(str, Enum):
    """What is measured."""

    wall = "wall"
    cpu = "cpu"


def accumulate(rows: npt.NDArray[np.floating], models: int, batch: int) -> None:
    """Moments of all rows, not read."""
    moments = Moments([str(model) for model in range(models)])
    parts = {name: slice(k * CATEGORIES, (k + 1) * CATEGORIES) for k, name in enumerate(moments.names)}
    for start in range(0, len(rows), batch):
        some = rows[start : start + batch]
        moments.update({name: some[:, part] for name, part in parts.items()})


def job(work: Callable[[], object], clock: Clock) -> Job:
    """Work as a job that says how long it took."""
    now = time.perf_counter if clock is Clock.wall else time.process_time

    def run() -> float:
        start = now()
        work()
        return now() - start

    return Job(run, read=float, seconds=float)


def main(
    clock: Annotated[
        Clock,
        typer.Option(
            help="cpu: processor time, for a machine that others use too; set OPENBLAS_NUM_THREADS=1 then, "
            "for BLAS threads that wait count as well."
        ),
    ] = Clock.wall,
) -> None:
    """Print a table of times and of the share of the rate of the bare product."""
    facts = machine.describe()
    for key in ("processor", "load before", "numpy"):
        typer.echo(f"{key}: {facts[key]}")
    typer.echo(f"\n{HEAD}\n| --- | --- | ---: | ---: | ---: | ---: |")
    for models in MODELS:
        n = models * CATEGORIES
        rows = np.random.default_rng(0).standard_normal((ROWS, n))
        total = np.zeros((n, n), order="F")
        bare = partial(dsyrk, 1.0, rows.T, 1.0, total, overwrite_c=True)
        for dtype in DTYPES:
            for batch in BATCHES:
                ours = Contender(job(partial(accumulate, rows.astype(dtype), models, batch), clock))
                product = Contender(job(bare, clock))
                race([ours, product], budget=4.0, least=5)
                typer.echo(
                    f"| {models} x {CATEGORIES} | {dtype} | {batch} | {1e3 * ours.seconds:.0f} ms "
                    f"| {1e3 * product.seconds:.0f} ms | {product.over(ours):.0%} |"
                )


if __name__ == "__main__":
    typer.run(main)
