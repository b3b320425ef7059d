"""Lines of the table: covlasso on the device and on the CPU in turns, peers on the device, certificates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np

import covlasso
from benchmarks.gpu.cases import Problem
from benchmarks.gpu.clock import Clock
from benchmarks.gpu.peers import PEERS, Peer
from benchmarks.gpu.traffic import Traffic
from benchmarks.kkt import kkt_residual, worst
from benchmarks.peers.base import Job
from benchmarks.report import duration
from benchmarks.tasks import Grid, own_grid, spread
from benchmarks.timing import Contender, race, timed

TERMS = 50
_CHECKED = 500  # targets whose residual is recomputed
COLUMNS = ("solver", "targets", "time", "/ cuda", "memory", "L2", "KKT", "apart")
LEGEND = f"""\
time: median; on the device from an event before to one behind the call, with the Gram in its memory and
the result on the host. / cuda: over the time of the first line, median over rounds in which all take turns.
memory, L2: what the longest kernel moved to and from device memory, and what its multiprocessors asked the
L2 cache for, by Nsight Compute's counters, as a share of what copies move in that time: of 1 GiB, and of a
quarter of the L2 cache (bytes read and written). KKT: worst relative residual of {_CHECKED} targets (or all),
by numpy from the Gram. apart: largest difference of a coefficient from the CPU's; "events" where the paths
have other events, too.
"""


@dataclass
class Line:
    """One solver on one task."""

    solver: str
    targets: int
    seconds: float
    over: float
    kkt: float
    apart: str = ""
    memory: str = ""
    l2: str = ""
    of: int = 0

    def cells(self) -> list[str]:
        """As text."""
        some = self.of > self.targets
        targets = (
            f"{self.targets} of {self.of} (x {self.of / self.targets:.3g})" if some else f"{self.targets}"
        )
        figures = [duration(self.seconds), f"{self.over:.3g}", self.memory, self.l2, f"{self.kkt:.0e}"]
        return [self.solver, targets, *figures, self.apart]


@dataclass(frozen=True)
class Rates:
    """Bytes a second of copies."""

    memory: float
    l2: float


def on_device(clock: Clock, work: Callable[[], Any]) -> Contender:
    """Work that the device times."""
    return Contender(Job(partial(clock.seconds, work), read=itemgetter(1), seconds=itemgetter(0)))


def paths(problem: Problem, clock: Clock, traffic: Traffic | None, rates: Rates, budget: float) -> list[Line]:
    """Paths of all targets to 50 terms."""
    follow = partial(covlasso.path, max_terms=TERMS)
    narrow = problem.gram.astype(np.float32)
    wide = clock.put(problem.gram)
    racers = {
        "covlasso, cuda": on_device(clock, partial(follow, wide, device="cuda")),
        "covlasso, cuda, float32 Gram": on_device(clock, partial(follow, clock.put(narrow), device="cuda")),
        "covlasso, CPU": Contender(Job(partial(follow, problem.gram), read=id)),
    }
    if problem.factor is not None:
        factored = covlasso.FactoredGram(problem.factor)
        racers["covlasso, cuda, by the factor"] = on_device(clock, partial(follow, factored, device="cuda"))
    race(list(racers.values()), budget, least=3, most=15)
    first, on_cpu = racers["covlasso, cuda"], racers["covlasso, CPU"].result
    lines = []
    for name, racer in racers.items():
        found = racer.result if name == "covlasso, CPU" else racer.job.read(racer.result)
        gram = narrow if "float32" in name else problem.gram
        line = Line(name, problem.n, racer.seconds, racer.over(first), residual(gram, found))
        if gram is problem.gram and found is not on_cpu:
            line.apart = difference(found, on_cpu)
        lines.append(line)
    if traffic is not None:
        lines[0].memory = f"{traffic.memory_bytes / traffic.seconds / rates.memory:.0%}"
        lines[0].l2 = f"{traffic.l2_bytes / traffic.seconds / rates.l2:.0%}"
    return lines


def grid(problem: Problem, clock: Clock, budget: float) -> list[Line]:
    """20 lambdas for every target, beside the solvers that take no path."""
    task = own_grid(problem.gram)
    gram = clock.put(problem.gram)

    def solve() -> list[covlasso.Dependencies]:
        path = covlasso.path(gram, max_terms=problem.n, min_lambda=task.lam[-1], device="cuda")
        return [path.at(lam=lam) for lam in task.lam]

    ours = on_device(clock, solve)
    race([ours], budget, least=3)
    found = [(deps.lam, deps.coef) for deps in ours.job.read(ours.result)]
    every = np.arange(problem.n)
    lines = [Line("covlasso, cuda", problem.n, ours.seconds, 1.0, worst(problem.gram, every, found))]
    return lines + [_peer(peer, problem, task, ours.seconds, budget) for peer in PEERS if peer.available()]


def _peer(peer: Peer, problem: Problem, task: Grid, ours: float, budget: float) -> Line:
    """A peer on as many targets as fit into the budget, after a first run that warms up."""
    job = peer.prepare(problem.gram, task, spread(problem.n, 2))
    seconds = min(timed(job)[0] for _ in range(2))
    targets = spread(problem.n, max(2, int(2 * budget / seconds)))
    job = peer.prepare(problem.gram, task, targets)
    seconds, result = timed(job)
    seconds *= problem.n / len(targets)
    kkt = worst(problem.gram, targets, job.read(result))
    return Line(peer.name, len(targets), seconds, seconds / ours, kkt, of=problem.n)


def residual(gram: np.ndarray, path: covlasso.Path) -> float:
    """Worst relative KKT residual at the end of the paths."""
    some = spread(path.n_targets, _CHECKED)
    deps = path.at(terms=TERMS)
    return float(kkt_residual(gram, some, deps.lam[some], deps.coef[some]).max())


def difference(ours: covlasso.Path, theirs: covlasso.Path) -> str:
    """Largest difference of the coefficients, and a word where the events are not the same."""
    a, b = (path.at(terms=TERMS).coef for path in (ours, theirs))
    largest = float(np.abs((a - b).data).max(initial=0.0))
    events = [(p._core.offset, p._core.event_source, p._core.event_sign) for p in (ours, theirs)]
    same = all(np.array_equal(x, y) for x, y in zip(*events, strict=True))
    return f"{largest:.0e}" + ("" if same else ", events")
