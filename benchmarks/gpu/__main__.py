"""The command line of the benchmark on a CUDA device:  python -m benchmarks.gpu --help."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

import covlasso
from benchmarks.gpu import small as small_problems
from benchmarks.gpu import traffic as counters
from benchmarks.gpu.cases import Case, make
from benchmarks.gpu.clock import Clock, find_clock, l2_rate, memory_rate
from benchmarks.gpu.table import COLUMNS, LEGEND, TERMS, Line, Rates, grid, paths
from benchmarks.gpu.traffic import Traffic
from covlasso import _core

app = typer.Typer(no_args_is_help=True, add_completion=False)

Folder = Annotated[
    Path | None, typer.Option(help="Where `ncu --log-file FOLDER/CASE.csv` wrote its counters.")
]


@app.command()
def table(
    case: Annotated[list[Case] | None, typer.Option(help="May be repeated; default: all.")] = None,
    budget: Annotated[float, typer.Option(help="Seconds for each task.")] = 20.0,
    traffic: Folder = None,
) -> None:
    """Measure, and print the table; every part as soon as it is there."""
    clock = find_clock()
    rates = Rates(memory_rate(clock), l2_rate(clock))
    typer.echo(
        f"device: {clock.name}; copies: memory {rates.memory / 1e12:.2f} TB/s, L2 {rates.l2 / 1e12:.2f} TB/s"
    )
    typer.echo(f"CPU: {os.cpu_count()} threads, {_core.instruction_set()}; covlasso {covlasso.__version__}\n")
    typer.echo(LEGEND)
    failed = False
    for wanted in case or list(Case):
        counted = counters.read_traffic(traffic / f"{wanted.value}.csv") if traffic is not None else None
        try:
            _measure(wanted, clock, counted, rates, budget)
        except (RuntimeError, MemoryError) as error:
            typer.echo(f"{wanted.value}: {error}\n")
            failed = True
    raise typer.Exit(failed)


def _measure(case: Case, clock: Clock, counted: Traffic | None, rates: Rates, budget: float) -> None:
    problem = make(case)
    _print(f"{problem.name}: paths to {TERMS} terms", paths(problem, clock, counted, rates, budget))
    if counted is not None:
        typer.echo(f"Counted of float64: {counted}\n")
    if case is Case.imagenet:
        _print(f"{problem.name}: 20 lambdas", grid(problem, clock, budget))


@app.command()
def one(case: Case) -> None:
    """Find the paths of one problem once, for a profiler."""
    covlasso.path(find_clock().put(make(case).gram), max_terms=TERMS, device="cuda")


@app.command()
def small() -> None:
    """Solve small problems of every kind, for a sanitizer."""
    small_problems.run()


@app.command()
def metrics() -> None:
    """Print the metrics that `table --traffic` reads, for `ncu --metrics`."""
    typer.echo(",".join(metric for group in counters.METRICS.values() for metric in group))


def _print(title: str, lines: Iterable[Line]) -> None:
    typer.echo(f"### {title}\n\n| {' | '.join(COLUMNS)} |\n| --- |{' ---: |' * (len(COLUMNS) - 1)}")
    for line in lines:
        typer.echo(f"| {' | '.join(line.cells())} |")
    typer.echo("")


app()
