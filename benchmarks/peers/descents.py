"""Coordinate descent on a grid of lambdas in Python packages: adelie, celer, skglm, scm2cpp-learn.

Each is run with its default tolerance and, where that leaves a residual above 1e-5, with a tight one too.
"""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np

from benchmarks.peers.base import Job, Peer, along, distribution
from benchmarks.problems import Problem
from benchmarks.tasks import Grid, without_self


def adelie(problem: Problem, task: Grid, targets: np.ndarray, *, tol: float) -> Job:
    """gaussian_cov minimises 1/2 b'Ab - v'b + lmda |b|_1: lmda = lambda / 2."""
    import adelie as ad

    gram = problem.gram.copy(order="F")
    lam = task.lam[:, targets]
    view = ad.matrix.dense(gram, method="cov")
    options = {"tol": tol, "early_exit": False, "progress_bar": False}

    def run() -> list:
        return [
            ad.solver.gaussian_cov(view, c, lmda_path=lam[:, t] / 2, **options)
            for t, (_, c) in enumerate(without_self(gram, targets))
        ]

    return Job(run, lambda states: along(lam, [state.betas.toarray().T for state in states]))


def celer(problem: Problem, task: Grid, targets: np.ndarray, *, tol: float) -> Job:
    """celer_path minimises 1/(2 r) |y - Xw|^2 + alpha |w|_1 over r rows: alpha = lambda / (2 r).

    It takes no Gram: its X is the factor with r <= n rows, kinder than the logits themselves would be.
    """
    from celer import celer_path

    factor = np.asfortranarray(problem.factor)
    lam = task.lam[:, targets]

    def run() -> list:
        out = []
        weights = np.ones(problem.n)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # not converged: the residual tells
            for t, i in enumerate(targets):
                weights[i] = np.inf
                y, alphas = factor[:, i].copy(), lam[:, t] / (2 * len(factor))
                _, coef, _ = celer_path(factor, y, "lasso", alphas=alphas, weights=weights, tol=tol)
                out.append(coef)
                weights[i] = 1.0
        return out

    return Job(run, partial(along, lam))


def skglm(problem: Problem, task: Grid, targets: np.ndarray, *, tol: float) -> Job:
    """AndersonCD with QuadraticHessian minimises 1/2 x'Ax + b'x + alpha |x|_1: b = -c, alpha = lambda / 2."""
    from skglm.datafits import QuadraticHessian
    from skglm.penalties import L1
    from skglm.solvers import AndersonCD

    gram = np.asfortranarray(problem.gram.copy())
    lam = task.lam[:, targets]
    solver = AndersonCD(tol=tol, fit_intercept=False, warm_start=True)

    def run() -> list:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # not converged: the residual tells
            return [
                solver.path(gram, -c, QuadraticHessian(), L1(1.0), alphas=lam[:, t] / 2)[1]
                for t, (_, c) in enumerate(without_self(gram, targets))
            ]

    return Job(run, partial(along, lam))


def scm2cpp(problem: Problem, task: Grid, targets: np.ndarray) -> Job:
    """CovLasso minimises 1/(2 nobs) |y - Xb|^2 + lam |b|_1: with nobs = 1, lam = lambda / 2."""
    from scm2cpp_learn import CovLasso

    gram = problem.gram.copy()
    lam = task.lam[:, targets]

    def run() -> list:
        return [
            CovLasso(gram=gram, corr=c, nobs=1).fit_path(lam[:, t] / 2).T
            for t, (_, c) in enumerate(without_self(gram, targets))
        ]

    return Job(run, partial(along, lam))


def _peers(package: str, prepare: object, tolerances: tuple[float, ...]) -> list[Peer]:
    return [
        Peer(
            f"{package}, tol {tol:g}",
            f"pip install {package}",
            distribution(package),
            partial(prepare, tol=tol),
            Grid,
        )
        for tol in tolerances
    ]


PEERS = [
    *_peers("adelie", adelie, (1e-7, 1e-14)),
    *_peers("celer", celer, (1e-4, 1e-8)),
    *_peers("skglm", skglm, (1e-4, 1e-8)),
    Peer(
        "scm2cpp-learn CovLasso, tol 1e-08",
        "pip install scm2cpp-learn",
        distribution("scm2cpp-learn"),
        scm2cpp,
        Grid,
    ),
]
