"""What the commands share: exit codes, options, the bar, JSON, and the one line of an error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from covlasso.demo import Report

UNCERTIFIED = 1
USAGE = 2
INTERRUPTED = 130

Threads = Annotated[
    int | None, typer.Option(min=1, help="Number of threads.", show_default="one per hardware thread")
]
Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write the result as JSON; - is standard output."),
]


@contextmanager
def interruptible() -> Iterator[None]:
    """Answer Ctrl-C with one line that says how far the work had come."""
    try:
        yield
    except KeyboardInterrupt as interruption:
        fail(str(interruption) or "interrupted", INTERRUPTED)


@contextmanager
def progress_bar() -> Iterator[Report | None]:
    """Draw a bar on standard error with one line per piece of work; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def report(title: str, done: int, total: int) -> None:
            if title not in tasks:
                tasks[title] = bar.add_task(title, total=total)
            bar.update(tasks[title], completed=done)

        yield report


def write_json(value: dict[str, Any], file: Path) -> None:
    """Write ``value`` as one line of JSON to ``file``, or to standard output for ``-``."""
    text = json.dumps(value, allow_nan=False) + "\n"
    try:
        if file == Path("-"):
            print(text, end="", flush=True)
        else:
            file.write_text(text, encoding="utf-8")
    except OSError as cause:
        fail(f"cannot write {file}: {cause.strerror or cause}; give another FILE to --json")


def fail(message: str, code: int = USAGE) -> NoReturn:
    """End with one line on standard error."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(code)
