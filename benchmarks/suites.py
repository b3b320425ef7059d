"""Which solver runs on which matrix: the sections of the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks import memory
from benchmarks.kkt import worst
from benchmarks.peers import PEERS, Job, Peer
from benchmarks.peers.ours import INSTALL, OURS, inverse
from benchmarks.problems import Problem, characters, correlations, imagenet, synthetic_head
from benchmarks.report import Report, Row, Section, duration, exponent
from benchmarks.tasks import Grid, Task, Terms, common_grid, own_grid, spread
from benchmarks.timing import Contender, race, timed

_WHOLE = 2000  # categories up to which solvers that take all targets at once are run
_LONG = 20  # seconds of a first run from which it is not repeated to tell its time from that of compiling
_FEW = 2  # the fewest targets, and those of the run that tells how many fit into the budget


def regular(report: Report, logits: Path | None, budget: float) -> None:
    """The real ImageNet matrix: paths, a grid for every target, and huge.mb's common grid of correlations."""
    problem = imagenet(logits)
    section(report, problem, Terms(), budget)
    remember(report, problem)
    section(report, problem, own_grid(problem.gram), budget)
    scaled = correlations(problem)
    section(report, scaled, common_grid(scaled.gram), budget)


def singular(report: Report, file: Path | None, budget: float) -> None:
    """The real singular matrix. Its categories are so alike (0.97) that a grid has to go far down."""
    if file is None:
        note = "missing: pass --ppocr FILE.npz with the arrays head (n, d) and moments (d, d)"
        report.add(Section("Singular head", "", [Row("all", note=note)]))
        return
    problem = characters(file)
    section(report, problem, Terms(), budget)
    remember(report, problem)
    section(report, problem, own_grid(problem.gram, ratio=0.01), budget)


def growth(report: Report, sizes: list[int], ranks: list[int], budget: float) -> None:
    """Synthetic heads of growing n, and the exponents of the times."""
    for rank in ranks:
        seconds: dict[str, list[float]] = {}
        for n in sizes:
            problem = synthetic_head(n, rank)
            section(report, problem, Terms(), budget)
            for row in report.sections[-1].rows:
                if row.seconds is not None:
                    seconds.setdefault(f"{row.solver} (threads: {row.threads})", []).append(row.seconds)
            remember(report, problem)
        for solver, times in seconds.items():
            if len(times) == len(sizes) > 1:
                a = exponent(sizes, times)
                steps = ", ".join(f"{duration(t)} at {n}" for n, t in zip(sizes, times, strict=True))
                text = f"rank {rank}, {solver}: n^{a:.2f} ({steps})"
                report.growth.append({"rank": rank, "solver": solver, "exponent": a, "text": text})


def section(report: Report, problem: Problem, task: Task, budget: float) -> None:
    """One table: ours and the inverse against each other, then the peers in turns with both."""
    inverse_of = "of a random positive definite matrix of this size" if problem.singular else "of this matrix"
    note = f"{problem.source}; inv: {inverse_of}, float64"
    out = Section(f"{problem.name}: {task.name}, all {problem.n} targets", note)
    everything = np.arange(problem.n)
    ours = [peer for peer in OURS if peer.takes is type(task) and peer.available()]
    reference = Contender(inverse(problem))
    racers = [Contender(peer.prepare(problem, task, everything)) for peer in ours]
    race([reference, *racers], budget=10 * budget, least=3, most=15)
    inverse_row = Row("numpy.linalg.inv", "all", "", reference.seconds, 1.0, _over(reference, racers[:1]))
    out.rows.append(inverse_row)
    if not ours:
        out.rows.append(Row("covlasso", note=f"missing: {INSTALL}"))
    for peer, racer in zip(ours, racers, strict=True):
        out.rows.append(_row(peer, problem, everything, racer, reference, racers[:1]))
    out.rows += _peer_rows(problem, task, budget, reference.job, [racer.job for racer in racers[:1]])
    report.add(out)


def _peer_rows(problem: Problem, task: Task, budget: float, inverse_job: Job, ours: list[Job]) -> list[Row]:
    """The peers on the targets that fit into their budget, in turns with the inverse and with ours on all."""
    rows, runs = {}, {}
    for peer in PEERS:
        if peer.takes is not type(task) or (isinstance(task, Grid) and peer.common != task.common):
            continue
        rows[peer] = None
        if not peer.available():
            rows[peer] = Row(peer.name, note=f"missing: {peer.install}")
        elif peer.whole and problem.n > _WHOLE:
            rows[peer] = Row(
                peer.name, peer.threads, note=f"not run above {_WHOLE} targets: takes all at once"
            )
        else:
            targets = _targets_within(budget, peer, problem, task)
            runs[peer] = targets, Contender(peer.prepare(problem, task, targets), problem.n / len(targets))
    references = [Contender(job) for job in [inverse_job, *ours]]
    race([*references, *(racer for _, racer in runs.values())], budget=50 * budget, least=1, most=3)
    for peer, (targets, racer) in runs.items():
        rows[peer] = _row(peer, problem, targets, racer, references[0], references[1:])
    return list(rows.values())


def _targets_within(budget: float, peer: Peer, problem: Problem, task: Task) -> np.ndarray:
    """Evenly spaced targets that take the peer `budget` seconds; its first run compiles and warms up."""
    if peer.whole:
        return np.arange(problem.n)
    few = spread(problem.n, _FEW)
    job = peer.prepare(problem, task, few)
    seconds, _ = timed(job)
    if seconds < _LONG:
        seconds, _ = timed(job)
    return spread(problem.n, max(_FEW, int(_FEW * budget / max(seconds, 1e-6))))


def _row(
    peer: Peer,
    problem: Problem,
    targets: np.ndarray,
    racer: Contender,
    reference: Contender,
    ours: list[Contender],
) -> Row:
    """The figures of one contender."""
    share = f"{len(targets)} of {problem.n} (x {racer.factor:.3g})" if racer.factor > 1 else f"{problem.n}"
    ratios = (racer.over(reference), _over(racer, ours))
    return Row(peer.name, peer.threads, share, racer.seconds, *ratios, *_measures(problem, targets, racer))


def _measures(problem: Problem, targets: np.ndarray, racer: Contender) -> tuple[float, float]:
    """Worst KKT residual of the last run, for the Gram solved, and median number of terms at its end."""
    solutions = racer.job.read(racer.result)
    gram = problem.gram if racer.job.gram is None else racer.job.gram
    return worst(gram, targets, solutions), float(np.median(np.diff(solutions[-1][1].indptr)))


def _over(contender: Contender, ours: list[Contender]) -> float | None:
    return contender.over(ours[0]) if ours else None


def remember(report: Report, problem: Problem) -> None:
    """Peak memory of ours, where it is installed."""
    if OURS[0].available():
        report.memory.append({"matrix": problem.name, **memory.peak(problem.gram)})
