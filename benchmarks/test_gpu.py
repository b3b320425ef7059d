"""The benchmark on a CUDA device, as far as it goes without one: a clock of the host, the core on the CPU."""

import time

import numpy as np
import pytest

import covlasso
from benchmarks.gpu import small
from benchmarks.gpu.cases import Case, make, synthetic
from benchmarks.gpu.peers import PEERS, Peer
from benchmarks.gpu.table import Line, Rates, grid, paths
from benchmarks.gpu.traffic import METRICS, Traffic, read_traffic
from benchmarks.peers import PEERS as CPU_PEERS
from benchmarks.tasks import own_grid, spread


class HostClock:
    """The host in place of a device."""

    def put(self, array):
        return array

    def seconds(self, work):
        start = time.perf_counter()
        result = work()
        return time.perf_counter() - start, result


@pytest.fixture(autouse=True)
def everything_on_the_cpu(monkeypatch):
    on_cpu = covlasso.path
    monkeypatch.setattr(covlasso, "path", lambda *a, device="cpu", **options: on_cpu(*a, **options))  # noqa: ARG005


def test_lines_of_the_paths():
    problem = synthetic(150, 80)
    traffic = Traffic("follow", seconds=2.0, memory_bytes=3e12, l2_bytes=2e12)
    lines = paths(problem, HostClock(), traffic, Rates(memory=3e12, l2=1e13), budget=0.5)
    assert [line.solver for line in lines] == [
        "covlasso, cuda",
        "covlasso, cuda, float32 Gram",
        "covlasso, CPU",
        "covlasso, cuda, by the factor",
    ]
    assert all(line.kkt < 1e-9 for line in lines)
    assert all(line.seconds > 0 for line in lines)
    assert (lines[0].over, lines[0].memory, lines[0].l2) == (1.0, "50%", "10%")
    assert lines[0].apart == "0e+00"
    assert float(lines[3].apart) < 1e-9


def test_lines_of_the_grid(monkeypatch):
    """A peer that solves some targets is scaled, and its residual is taken from its own solutions."""
    scm2cpp = next(peer for peer in CPU_PEERS if peer.name.startswith("scm2cpp"))
    if not scm2cpp.available():
        pytest.skip(f"missing: {scm2cpp.install}")
    other = Peer("peer", lambda: True, next(p for p in PEERS if "scm2cpp" in p.name).prepare)
    monkeypatch.setattr("benchmarks.gpu.table.PEERS", [other])
    ours, theirs = grid(synthetic(100, 128), HostClock(), budget=0.2)
    assert ours.kkt < 1e-9
    assert theirs.kkt < 1e-4
    assert theirs.targets <= 100


def test_a_line_says_by_how_much_it_was_scaled():
    line = Line("peer", targets=20, seconds=2.0, over=30.0, kkt=1e-8, of=1000)
    assert line.cells() == ["peer", "20 of 1000 (x 50)", "2 s", "30", "", "", "1e-08", ""]


def test_cases():
    problem = make(Case.imagenet)
    assert problem.gram.shape == (1000, 1000)
    head = synthetic(300, 20)
    np.testing.assert_allclose(head.gram, head.factor @ head.factor.T, rtol=1e-12)


def test_counters_of_the_longest_kernel(tmp_path):
    """The form that Nsight Compute writes: a line for every metric, behind lines of its own."""
    rows = ['"ID","Process ID","Kernel Name","Section Name","Metric Name","Metric Unit","Metric Value"']
    for launch, kernel, nanoseconds in (("0", "check", "1,000"), ("1", "follow(Job)", "2,000,000")):
        values = dict.fromkeys((metric for group in METRICS.values() for metric in group), "1,024")
        values["gpu__time_duration.sum"] = nanoseconds
        rows += [f'"{launch}","7","{kernel}","","{name}","","{value}"' for name, value in values.items()]
    file = tmp_path / "case.csv"
    file.write_text("==PROF== Connected to process 7\n" + "\n".join(rows) + "\n")
    found = read_traffic(file)
    assert found.kernel == "follow(Job)"
    assert found.seconds == pytest.approx(2e-3)
    assert (found.memory_bytes, found.l2_bytes) == (2048, 32 * 1024)
    assert str(found) == "follow(Job): 2.05e-06 GB of device memory, 3.28e-05 GB of L2 in 0.002 s"
    assert read_traffic(tmp_path / "missing.csv") is None
    file.write_text("==ERROR== ERR_NVGPUCTRPERM\n")
    assert read_traffic(file) is None


def test_small_problems_agree():
    small.run()


def test_the_grid_of_the_peers_is_in_their_scale():
    """Their objective with lambda / 2 is ours with lambda."""
    problem = synthetic(40, 64)
    task = own_grid(problem.gram, points=4)
    targets = spread(40, 3)
    pytest.importorskip("scm2cpp_learn", reason="missing: pip install scm2cpp-learn")
    peer = next(peer for peer in PEERS if "scm2cpp" in peer.name)
    job = peer.prepare(problem.gram, task, targets)
    for lam, coef in job.read(job.run()):
        ours = covlasso.solve(problem.gram, lam=lam, targets=targets).coef
        np.testing.assert_allclose(coef.toarray(), ours.toarray(), atol=1e-5)
