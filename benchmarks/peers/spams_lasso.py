"""SPAMS: LARS to `count` terms, in the three ways that leave the target out.

It minimises 1/2 |x - D a|^2 + mu |a|_1 down to mu = 0 and stops where term `count` + 1 would enter. It does
not say at which mu: the solution implies lambda = 2 mu. lassoMask and lassoWeighted add 1e-10 to the
diagonal.
"""

from __future__ import annotations

import os
from functools import partial

import numpy as np
from scipy import sparse

from benchmarks.kkt import implied_lambda
from benchmarks.peers.base import Job, Peer, distribution
from benchmarks.problems import Problem
from benchmarks.tasks import Solutions, Terms, without_self

_EXCLUDED = 1e12  # a penalty factor under which the target never enters


def _solutions(problem: Problem, targets: np.ndarray, columns: list) -> Solutions:
    """From (n, m) or m times (n, 1) sparse columns."""
    coef = sparse.csr_array(sparse.hstack(columns).T)
    coef.eliminate_zeros()
    return [(implied_lambda(problem.gram, targets, coef), coef)]


def with_gram(problem: Problem, task: Terms, targets: np.ndarray) -> Job:
    """`lasso` with Q and q, one target a time: Q is the Gram with the target's row and column set to zero."""
    import spams

    gram = problem.gram.copy(order="F")
    factor = np.asfortranarray(problem.factor)
    options = {"L": task.count, "lambda1": 0.0, "numThreads": 1, "cholesky": True}

    def run() -> list:
        return [
            spams.lasso(factor[:, i : i + 1], Q=gram, q=c[:, None], **options)
            for i, c in without_self(gram, targets)
        ]

    return Job(run, partial(_solutions, problem, targets))


def with_mask(problem: Problem, task: Terms, targets: np.ndarray) -> Job:
    """`lassoMask`, one target a time: its mask is over rows of data, so the target's column is zeroed."""
    import spams

    factor = problem.factor.copy(order="F")
    mask = np.ones((len(factor), 1), dtype=bool, order="F")

    def run() -> list:
        out = []
        for i in targets:
            x = factor[:, i : i + 1].copy(order="F")
            factor[:, i] = 0.0
            out.append(spams.lassoMask(x, factor, mask, L=task.count, lambda1=0.0, numThreads=1))
            factor[:, i] = x[:, 0]
        return out

    return Job(run, partial(_solutions, problem, targets))


def with_weights(problem: Problem, task: Terms, targets: np.ndarray, *, threads: int) -> Job:
    """`lassoWeighted`, all targets in one call: the target's own penalty factor is 1e12."""
    import spams

    factor = np.asfortranarray(problem.factor)
    signals = np.asfortranarray(problem.factor[:, targets])
    weights = np.ones((problem.n, len(targets)), order="F")
    weights[targets, np.arange(len(targets))] = _EXCLUDED

    def run() -> list:
        return [spams.lassoWeighted(signals, factor, weights, L=task.count, lambda1=0.0, numThreads=threads)]

    return Job(run, partial(_solutions, problem, targets))


def _peer(name: str, prepare: object, **more: object) -> Peer:
    return Peer(f"SPAMS {name}", "pip install spams-bin", distribution("spams-bin"), prepare, Terms, **more)


PEERS = [
    _peer("lasso, Q", with_gram),
    _peer("lassoMask", with_mask),
    _peer("lassoWeighted", partial(with_weights, threads=1), whole=True),
    _peer("lassoWeighted", partial(with_weights, threads=os.cpu_count() or 1), threads="all", whole=True),
]
