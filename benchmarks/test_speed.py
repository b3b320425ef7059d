"""Times of every solver by pytest-benchmark:  python -m pytest benchmarks/test_speed.py.

For histories and comparisons between commits (--benchmark-autosave, --benchmark-compare); the tables
with ratios come from `python -m benchmarks`.
"""

import numpy as np
import pytest

from benchmarks.kkt import worst
from benchmarks.peers import PEERS
from benchmarks.peers.ours import OURS, inverse
from benchmarks.problems import correlations, synthetic_head
from benchmarks.tasks import Terms, common_grid, own_grid, spread

SOLVERS = [*OURS, *PEERS]
SOME = 10  # targets of a solver that can do with some

pytest.importorskip("pytest_benchmark", reason="missing: pip install pytest-benchmark")


@pytest.fixture(params=[(1000, 1024), (1000, 512)], ids=["regular", "singular"], scope="module")
def problem(request):
    return synthetic_head(*request.param)


def test_inverse(benchmark, problem):
    benchmark.group = f"{problem.name}: inverse"
    result = benchmark(inverse(problem).run)
    assert np.isfinite(result).all()


@pytest.mark.parametrize(
    "peer", SOLVERS, ids=lambda peer: f"{peer.name}, {peer.threads}, {peer.takes.__name__}"
)
def test_solver(benchmark, problem, peer):
    if not peer.available():
        pytest.skip(f"missing: {peer.install}")
    matrix = correlations(problem) if peer.common else problem
    task = Terms() if peer.takes is Terms else (common_grid if peer.common else own_grid)(matrix.gram)
    everything = peer.whole or peer in OURS
    targets = np.arange(matrix.n) if everything else spread(matrix.n, SOME)
    job = peer.prepare(matrix, task, targets)
    benchmark.group = f"{matrix.name}: {task.name}, {len(targets)} targets"
    result = benchmark.pedantic(job.run, rounds=3, warmup_rounds=1)
    gram = matrix.gram if job.gram is None else job.gram
    benchmark.extra_info["kkt"] = worst(gram, targets, job.read(result))
    if job.seconds is not None:
        benchmark.extra_info["seconds by its own clock"] = job.seconds(result)
    assert benchmark.extra_info["kkt"] < (1e-9 if peer in OURS else 0.1)
