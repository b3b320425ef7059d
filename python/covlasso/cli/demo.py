"""``covlasso demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from covlasso.cli._common import UNCERTIFIED, Json, Threads, interruptible, progress_bar, write_json


def demo(
    terms: Annotated[int, typer.Option(min=1, max=999, help="Terms per equation.")] = 10,
    top: Annotated[int, typer.Option(min=1, max=1000, help="Categories per table.")] = 3,
    threads: Threads = None,
    json_file: Json = None,
) -> None:
    """Solve two real ImageNet-1k networks, each from itself and from the other.

    The data come with the package. Equations are found on one half of the pictures and checked on the other
    half. With --json - nothing else is written to standard output.

    Exit codes: 0 every solution is certified; 1 a solution is not; 2 wrong usage, or FILE cannot be written.
    """
    from rich.console import Console

    from covlasso.demo import as_json, run, show

    with interruptible(), progress_bar() as report:
        result = run(terms, threads, report)
    if json_file is not None:
        write_json(as_json(result), json_file)
    if json_file != Path("-"):
        show(result, Console(), top)
    if not result.certified:
        raise typer.Exit(UNCERTIFIED)
