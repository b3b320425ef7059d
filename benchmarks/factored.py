"""A Gram by its factor beside the dense matrix:  python -m benchmarks.factored --help

Contenders take turns: paths to 50 terms on F with F F' = G and on G, and the product that forms G. Times are
processor time with one thread, which other work on the machine changes little. A dense G is checked entry by
entry before its paths: timed apart, by a path of one term, and on more targets, so that the check does not
drown them. Residuals are computed from F.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from scipy import sparse

import covlasso
from benchmarks import machine
from benchmarks.peers.base import Job
from benchmarks.problems import load_head, random_head, root
from benchmarks.tasks import spread
from benchmarks.timing import Contender, race
from covlasso import _core

MORE = 16  # targets on G for each on F
COLUMNS = ("matrix", "targets", "G = F F'", "check of G", "per target, G", "per target, F", "F / G", "KKT")


def job(work: Callable[[], Any]) -> Job:
    """Work as a job that says how much processor time it took, and what came out."""

    def run() -> tuple[float, Any]:
        start = time.process_time()
        result = work()
        return time.process_time() - start, result

    return Job(run, read=id, seconds=itemgetter(0))


def factor_of(head: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """F with F F' = H M H'."""
    return np.ascontiguousarray(head @ root(moments).T)


def form(factor: np.ndarray, out: np.ndarray) -> None:
    """out = F F', a block of rows at a time: some BLAS crash on the whole of it where n is above 20,000."""
    for start in range(0, len(factor), 1024):
        np.matmul(factor[start : start + 1024], factor.T, out=out[start : start + 1024])


def residual(factor: np.ndarray, deps: covlasso.Dependencies) -> float:
    """Worst relative KKT residual, from the factor; see `benchmarks.kkt`."""
    worst = 0.0
    for t, (target, lam) in enumerate(zip(deps.targets, deps.lam, strict=True)):
        b = sparse.csr_array(deps.coef[[t]])
        g = 2 * (factor @ (factor[target] - b.data @ factor[b.indices]))
        violation = np.maximum(np.abs(g) - lam, 0.0)
        violation[b.indices] = np.abs(g[b.indices] - lam * np.sign(b.data))
        violation[target] = 0.0
        worst = max(worst, violation.max() / lam)
    return worst


def row(name: str, factor: np.ndarray, count: int, largest: float, budget: float) -> list[str]:
    """One line of the table; without G where that has more than `largest` bytes."""
    n = len(factor)
    few, many = spread(n, count), spread(n, MORE * count)
    follow = partial(covlasso.path, n_threads=1)
    on_f = Contender(job(partial(follow, covlasso.FactoredGram(factor), targets=few)))
    dense = np.empty((n, n)) if 8 * n * n <= largest else None
    others = []
    if dense is not None:
        form(factor, dense)
        others = [
            Contender(job(partial(form, factor, dense))),
            Contender(job(partial(follow, dense, targets=few[:1], max_terms=1))),
            Contender(job(partial(follow, dense, targets=many))),
        ]
    race([on_f, *others], budget, least=3, most=9)
    each_f = np.divide(on_f.times, len(few))
    cells = ["", "", "", f"{1e3 * np.median(each_f):.1f} ms", ""]
    if dense is not None:
        product, check, on_g = others
        each_g = np.subtract(on_g.times, check.times) / len(many)
        cells[:3] = f"{product.seconds:.2g} s", f"{check.seconds:.2g} s", f"{1e3 * np.median(each_g):.2f} ms"
        cells[4] = f"{np.median(each_f / each_g):.1f}"
    worst = residual(factor, on_f.result[1].at(terms=50))
    return [name, f"{len(few)} of {n}", *cells, f"{worst:.0e}"]


def main(
    ppocr: Annotated[Path | None, typer.Option(help=".npz with head and moments.")] = None,
    size: Annotated[list[int] | None, typer.Option(help="n of a synthetic head; may be repeated.")] = None,
    rank: Annotated[int, typer.Option(help="Rank of the synthetic heads.")] = 768,
    targets: Annotated[int, typer.Option(help="Targets of each matrix, evenly spaced.")] = 256,
    largest: Annotated[float, typer.Option(help="GB that a dense G may take; above, F only.")] = 4.0,
    budget: Annotated[float, typer.Option(help="Seconds for a line of the table.")] = 60.0,
) -> None:
    """Print a table of times on F and on G."""
    facts = machine.describe()
    for key in ("processor", "load before"):
        typer.echo(f"{key}: {facts[key]}")
    typer.echo(f"instruction set: {_core.instruction_set()}")
    heads: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {}
    if ppocr is not None:
        heads[ppocr.name] = partial(load_head, ppocr)
    for n in size or [21841]:
        heads[f"random_head({n}, {rank})"] = partial(random_head, n, rank)
    typer.echo(f"\n| {' | '.join(COLUMNS)} |\n| --- |{' ---: |' * (len(COLUMNS) - 1)}")
    for name, make in heads.items():
        cells = row(name, factor_of(*make()), targets, 1e9 * largest, budget)
        typer.echo(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    typer.run(main)
