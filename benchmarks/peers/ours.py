"""covlasso itself, and the inverse that it is measured by."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.peers.base import Job, Peer, distribution
from benchmarks.problems import Problem, invertible
from benchmarks.tasks import Grid, Solutions, Task, Terms

INSTALL = "pip install '.[bench]'"


def prepare(problem: Problem, task: Task, targets: np.ndarray, *, threads: int | None, dtype: type) -> Job:
    """The exact paths of the targets; on a grid, the paths to its end and the solutions at its lambdas."""
    import covlasso

    gram = problem.gram.astype(dtype, copy=False)
    chosen = None if len(targets) == problem.n else targets
    options = {"targets": chosen, "n_threads": threads}
    if isinstance(task, Terms):

        def run() -> covlasso.Path:
            return covlasso.path(gram, max_terms=task.count, **options)

        def read(path: covlasso.Path) -> Solutions:
            end = path.at(terms=task.count)
            return [(end.lam, end.coef)]

        return Job(run, read, gram=gram)

    lam = task.lam[:, targets]

    def run_grid() -> list[covlasso.Dependencies]:
        path = covlasso.path(gram, max_terms=problem.n, min_lambda=lam[-1], **options)
        return [path.at(lam=lam_k) for lam_k in lam]

    return Job(run_grid, lambda points: [(p.lam, p.coef) for p in points], gram=gram)


def covlasso_peer(takes: type, threads: int | None, dtype: type = np.float64) -> Peer:
    """Ours: with `threads` threads (None: all), on the Gram as float64 or rounded to float32."""
    name = "covlasso" if dtype is np.float64 else "covlasso, float32 Gram"
    return Peer(
        name,
        INSTALL,
        distribution("covlasso"),
        partial(prepare, threads=threads, dtype=dtype),
        takes,
        threads="all" if threads is None else str(threads),
    )


def inverse(problem: Problem) -> Job:
    """numpy.linalg.inv in float64 with all BLAS threads: of C, or of a regular matrix of its size."""
    matrix = invertible(problem)
    return Job(lambda: np.linalg.inv(matrix), lambda _: [])


OURS = [
    covlasso_peer(Terms, None),
    covlasso_peer(Terms, 1),
    covlasso_peer(Terms, None, np.float32),
    covlasso_peer(Grid, None),
    covlasso_peer(Grid, 1),
]
