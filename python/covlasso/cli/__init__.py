"""The command line: ``covlasso COMMAND``. Commands import what they need, so that ``--help`` answers at once.

Exit codes: 0 done; 1 done, but a result carries no certificate; 2 wrong usage, or a file that cannot be read
or written; 130 interrupted.
"""

from __future__ import annotations

from typing import Annotated

import typer

from covlasso.cli.demo import demo
from covlasso.cli.evaluate import evaluate
from covlasso.cli.export import export
from covlasso.cli.extract import extract
from covlasso.cli.moments import ManyNames, moments
from covlasso.cli.report import report
from covlasso.cli.show import show
from covlasso.cli.solve import solve

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="markdown"
)
app.command()(demo)
app.command(cls=ManyNames)(extract)
app.command(cls=ManyNames)(moments)
app.command()(solve)
app.command()(show)
app.command()(evaluate)
app.command()(report)
app.command()(export)


def main() -> None:
    """Entry point of the ``covlasso`` command."""
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        from covlasso._core import __version__

        typer.echo(f"covlasso {__version__}")
        raise typer.Exit


@app.callback()
def covlasso(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Find sparse dependencies between the categories of large classifiers."""
