"""``covlasso demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from covlasso.cli._common import (
    UNCERTIFIED,
    Device,
    Threads,
    devices,
    fail,
    interruptible,
    one_line_errors,
    progress_bar,
)

_WIDTH = 100  # columns of running text, where it goes to a file


def demo(
    terms: Annotated[int, typer.Option(min=1, max=999, help="Terms per equation.")] = 10,
    top: Annotated[int, typer.Option(min=1, max=1000, help="Categories per table.")] = 3,
    threads: Threads = None,
    device: Device = "cpu",
    report_file: Annotated[
        Path,
        typer.Option(
            "--report", metavar="FILE", help="The page to write; an older report there is replaced."
        ),
    ] = Path("covlasso-demo.html"),
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no page.")] = False,
) -> None:
    """Solve two real ImageNet-1k networks, each from itself and from the other.

    The data come with the package. Equations are found on one half of the pictures and checked on the other
    half: whether the network still decides for a category when an equation stands in the place of its logit,
    and how well logits are explained. At the end a report is written, one HTML page.

    Exit codes: 0 every solution is certified; 1 a solution is not; 2 wrong usage, or FILE cannot be written.
    """
    if not no_report:
        _check_page(report_file)
    from covlasso._base.terminal import printing
    from covlasso.cli._demo import run, write_page
    from covlasso.cli._demo_tables import show

    with interruptible(), one_line_errors(), progress_bar() as report:
        result = run(terms, threads, report, devices(device))
    with printing(width=_WIDTH) as console:
        show(result, console, top)
    if not no_report:
        with interruptible(), one_line_errors(), progress_bar() as report:
            write_page(result, report_file, report)
        typer.echo(f"Report: {report_file} (open it in a browser)")
    if not result.certified:
        raise typer.Exit(UNCERTIFIED)


def _check_page(file: Path) -> None:
    """Before any work: the page can be written, and replaces nothing but a report."""
    from covlasso.report import is_report

    if file.is_dir() or not file.parent.is_dir():
        fail(
            f"cannot write {file}: it is a folder, or in none; give another FILE to --report, or --no-report"
        )
    if file.exists() and not is_report(file):
        fail(f"{file} is there already and is no report; give another FILE to --report, or --no-report")
