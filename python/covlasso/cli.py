"""The command line: ``covlasso COMMAND``. Commands import what they need, so that ``--help`` answers at once.

Exit codes: 0 done; 1 done, but a result carries no certificate; 2 wrong usage, or a file that cannot be read
or written; 130 interrupted.
"""

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

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown"
)

Threads = Annotated[
    int | None, typer.Option(min=1, help="Number of threads.", show_default="one per hardware thread")
]
Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write the result as JSON; - is standard output."),
]


def main() -> None:
    """Entry point of the ``covlasso`` command."""
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        from covlasso import __version__

        typer.echo(f"covlasso {__version__}")
        raise typer.Exit


@app.callback()
def covlasso(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Find sparse dependencies between the categories of large classifiers."""


@app.command()
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
