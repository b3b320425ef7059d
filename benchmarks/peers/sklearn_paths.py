"""scikit-learn: lars_path_gram (exact, like ours) and lasso_path (coordinate descent) with the Gram given."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np

from benchmarks.peers.base import Job, Peer, along, distribution, single
from benchmarks.problems import Problem
from benchmarks.tasks import Grid, Terms, without_self

_INSTALL = "pip install scikit-learn"


def lars(problem: Problem, task: Terms, targets: np.ndarray) -> Job:
    """lars_path_gram minimises 1/(2 n_samples) |y - Xb|^2 + alpha |b|_1: lambda = 2 alpha at n_samples = 1.

    It can stop after a number of knots but not of terms. So that it does no more work than the task asks for,
    the knots to the point where term `count` + 1 enters are counted beforehand, untimed.
    """
    from sklearn.linear_model import lars_path_gram

    gram = problem.gram.copy()
    solve = partial(lars_path_gram, Gram=gram, n_samples=1, method="lasso")

    def knots(c: np.ndarray) -> int:
        alpha, _, coef = solve(c, max_iter=5 * task.count)
        beyond = np.count_nonzero(coef, axis=0) > task.count
        return int(beyond.argmax()) - 1 if beyond.any() else len(alpha) - 1

    def run() -> list:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # early stops on singular matrices: the residual tells
            return [
                solve(c, max_iter=k, return_path=False)
                for k, (_, c) in zip(counts, without_self(gram, targets), strict=True)
            ]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counts = [knots(c) for _, c in without_self(gram, targets)]
    return Job(run, lambda out: single([2 * alpha[-1] for alpha, _, _ in out], [coef for _, _, coef in out]))


def descent(problem: Problem, task: Grid, targets: np.ndarray, *, tol: float) -> Job:
    """lasso_path minimises 1/(2 r) |y - Xb|^2 + alpha |b|_1 over r rows of X: alpha = lambda / (2 r)."""
    from sklearn.linear_model import lasso_path

    gram = problem.gram.copy()
    factor = np.asfortranarray(problem.factor)
    lam = task.lam[:, targets]
    solve = partial(lasso_path, precompute=gram, tol=tol, check_input=False)

    def run() -> list:
        out = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # not converged: the residual tells
            for t, (i, c) in enumerate(without_self(gram, targets)):
                alphas = lam[:, t] / (2 * len(factor))
                _, coef, _ = solve(factor, factor[:, i], alphas=alphas, Xy=c)
                out.append(coef)
        return out

    return Job(run, partial(along, lam))


def _peer(name: str, prepare: object, takes: type) -> Peer:
    return Peer(f"scikit-learn {name}", _INSTALL, distribution("scikit-learn"), prepare, takes)


PEERS = [
    _peer("lars_path_gram", lars, Terms),
    *(_peer(f"lasso_path, tol {tol:g}", partial(descent, tol=tol), Grid) for tol in (1e-4, 1e-8)),
]
