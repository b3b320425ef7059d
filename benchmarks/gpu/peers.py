"""Solvers of the Lasso on a CUDA device: cuML, and scm2cpp's batch solver. Both minimise with lambda / 2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.peers.base import Job, along
from benchmarks.problems import from_gram
from benchmarks.tasks import Grid, without_self


@dataclass(frozen=True)
class Peer:
    """A solver: whether it can run here, and its job for a Gram, a grid and some targets."""

    name: str
    available: Callable[[], bool]
    prepare: Callable[[np.ndarray, Grid, np.ndarray], Job]


def cuml(gram: np.ndarray, task: Grid, targets: np.ndarray) -> Job:
    """Lasso minimises 1/(2 r) |y - Xw|^2 + alpha |w|_1 over r rows: alpha = lambda / (2 r).

    It takes no Gram and no grid: X is a factor of the Gram on the device, without the target's column.
    """
    import cupy
    from cuml.linear_model import Lasso

    factor = cupy.asarray(from_gram("", gram, "").factor, order="F")
    lam = task.lam[:, targets]
    n = len(gram)

    def run() -> list[np.ndarray]:
        out = []
        for t, i in enumerate(targets):
            others = np.flatnonzero(np.arange(n) != i)
            x, y = cupy.asfortranarray(factor[:, others]), factor[:, i].copy()
            coef = np.zeros((n, len(lam)))
            for k, one in enumerate(lam[:, t]):
                model = Lasso(alpha=one / (2 * len(factor)), fit_intercept=False, tol=1e-8, max_iter=10_000)
                coef[others, k] = cupy.asnumpy(model.fit(x, y).coef_)
            out.append(coef)
        cupy.cuda.Device().synchronize()
        return out

    return Job(run, partial(along, lam))


def _has_cuml() -> bool:
    try:
        import cuml.linear_model
        import cupy  # noqa: F401
    except ImportError:
        return False
    return hasattr(cuml.linear_model, "Lasso")


def scm2cpp(gram: np.ndarray, task: Grid, targets: np.ndarray) -> Job:
    """CovLasso minimises 1/(2 nobs) |y - Xb|^2 + lam |b|_1: with nobs = 1, lam = lambda / 2.

    A launch takes the whole grid of one target, every lambda from zero.
    """
    from scm2cpp_learn import CovLasso

    gram = gram.copy()
    lam = task.lam[:, targets]

    def run() -> list[np.ndarray]:
        return [
            CovLasso(gram=gram, corr=c, nobs=1).fit_path_batch(lam[:, t] / 2).T
            for t, (_, c) in enumerate(without_self(gram, targets))
        ]

    return Job(run, partial(along, lam))


def _has_scm2cpp() -> bool:
    try:
        import scm2cpp_learn
    except ImportError:
        return False
    return bool(scm2cpp_learn.cuda_available())


PEERS = [
    Peer("cuML Lasso, tol 1e-08", _has_cuml, cuml),
    Peer("scm2cpp-learn batch, tol 1e-08", _has_scm2cpp, scm2cpp),
]
