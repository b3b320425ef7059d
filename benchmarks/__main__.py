"""The benchmark's command line:  python -m benchmarks --help."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import machine, suites
from benchmarks.report import Report

_SIZES = [1000, 2000, 4000, 8000]
_RANKS = [512, 1024]


class Suite(str, Enum):
    """What can be run."""

    regular = "regular"
    singular = "singular"
    growth = "growth"


def main(
    suite: Annotated[list[Suite] | None, typer.Option(help="May be repeated; default: all.")] = None,
    logits: Annotated[
        Path | None, typer.Option(help=".npy of logits (rows, n); default: the data set of the package.")
    ] = None,
    ppocr: Annotated[
        Path | None, typer.Option(help=".npz with head and moments, for the singular suite.")
    ] = None,
    size: Annotated[
        list[int] | None, typer.Option(help=f"n of synthetic heads, may be repeated; default: {_SIZES}.")
    ] = None,
    rank: Annotated[
        list[int] | None, typer.Option(help=f"Ranks of them, may be repeated; default: {_RANKS}.")
    ] = None,
    budget: Annotated[
        float, typer.Option(help="Seconds that one run of a peer may take: it solves the targets that fit.")
    ] = 1.0,
    out: Annotated[Path | None, typer.Option(help="Also write the report to OUT.md and OUT.json.")] = None,
) -> None:
    """Measure covlasso beside its peers and print the tables."""
    chosen = suite or list(Suite)
    report = Report(machine.describe())
    for key, value in report.machine.items():
        typer.echo(f"{key}: {value}")
    if Suite.regular in chosen:
        suites.regular(report, logits, budget)
    if Suite.singular in chosen:
        suites.singular(report, ppocr, budget)
    if Suite.growth in chosen:
        suites.growth(report, sorted(size or _SIZES), rank or _RANKS, budget)
    report.close()
    if out is not None:
        for file in report.write(out):
            typer.echo(f"wrote {file}")


typer.run(main)
