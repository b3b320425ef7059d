"""Every adapter solves the same small problem; equal tasks must have equal answers."""

import numpy as np
import pytest

from benchmarks.kkt import worst
from benchmarks.peers import PEERS
from benchmarks.peers.ours import OURS
from benchmarks.problems import correlations, synthetic_head
from benchmarks.tasks import Terms, common_grid, own_grid, spread

SOLVERS = [*OURS, *PEERS]
LOOSE = {"adelie, tol 1e-07": 0.05, "celer, tol 0.0001": 0.05, "R glmnet, thresh 1e-07": 0.05}


def name(peer):
    return f"{peer.name}, {peer.threads}, {peer.takes.__name__}"


def solve(peer, problem, task, targets):
    if not peer.available():
        pytest.skip(f"missing: {peer.install}")
    job = peer.prepare(problem, task, targets)
    return job, job.read(job.run())


def targets_of(peer, n):
    return np.arange(n) if peer.whole else spread(n, 4)


@pytest.fixture(params=[(60, 128), (60, 40)], ids=["regular", "singular"], scope="module")
def problem(request):
    return synthetic_head(*request.param)


@pytest.mark.parametrize("peer", [p for p in SOLVERS if p.takes is Terms], ids=name)
def test_paths_end_at_the_same_solution(peer, problem):
    targets = targets_of(peer, problem.n)
    job, solutions = solve(peer, problem, Terms(8), targets)
    ((lam, coef),) = solutions
    gram = problem.gram if job.gram is None else job.gram
    assert worst(gram, targets, solutions) < 1e-7
    assert (np.diff(coef.indptr) == 8).all()
    reference = pytest.importorskip("sklearn.linear_model").lars_path_gram
    for t, i in enumerate(targets[:4]):
        c = np.where(np.arange(problem.n) == i, 0.0, gram[i]).astype(float)
        others = np.flatnonzero(np.arange(problem.n) != i)
        alpha, _, path = reference(
            c[others], gram[np.ix_(others, others)].astype(float), n_samples=1, method="lasso"
        )
        end = np.flatnonzero(np.count_nonzero(path, axis=0) > 8)[0] - 1
        assert lam[t] == pytest.approx(2 * alpha[end], rel=1e-6)
        np.testing.assert_allclose(coef[[t]].toarray()[0, others], path[:, end], atol=1e-6)


@pytest.mark.parametrize("peer", [p for p in SOLVERS if p.takes is not Terms and not p.common], ids=name)
def test_grids_are_solved_at_the_lambdas_asked_for(peer, problem):
    task, targets = own_grid(problem.gram, points=6), targets_of(peer, problem.n)
    _, solutions = solve(peer, problem, task, targets)
    assert len(solutions) == 6
    for (lam, _), asked in zip(solutions, task.lam, strict=True):
        np.testing.assert_allclose(lam, asked[targets], rtol=1e-12)
    assert worst(problem.gram, targets, solutions) < LOOSE.get(peer.name, 1e-2)


@pytest.mark.parametrize(
    "peer", [p for p in SOLVERS if p.takes is not Terms and (p.common or p in OURS)], ids=name
)
def test_common_grid_on_correlations(peer, problem):
    scaled = correlations(problem)
    task, targets = common_grid(scaled.gram, points=6), np.arange(problem.n)
    _, solutions = solve(peer, scaled, task, targets)
    assert worst(scaled.gram, targets, solutions) < 1e-2
    assert np.diff(solutions[-1][1].indptr).min() > 0


@pytest.mark.parametrize("peer", PEERS, ids=name)
def test_a_peer_leaves_the_matrix_as_it_was(peer, problem):
    matrix = correlations(problem) if peer.common else problem
    task = (
        Terms(3) if peer.takes is Terms else (common_grid if peer.common else own_grid)(matrix.gram, points=3)
    )
    before = matrix.gram.copy(), matrix.factor.copy()
    solve(peer, matrix, task, targets_of(peer, matrix.n))
    assert (matrix.gram == before[0]).all()
    assert (matrix.factor == before[1]).all()
