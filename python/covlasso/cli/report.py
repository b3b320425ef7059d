"""``covlasso report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from covlasso.cli._common import (
    STANDARD,
    check_new_file,
    fail,
    interruptible,
    one_line_errors,
    progress_bar,
    read_dependencies,
)


def report(
    file: Annotated[
        Path, typer.Argument(metavar="DEPENDENCIES", help="A file of `solve`; - is standard input.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page to write.")],
    moments: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Moments that the dependencies were found from: adds paths, error by terms, spectrum, and "
            "held-out R^2 where they have such a part. May be repeated.",
        ),
    ] = None,
    other: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DEPENDENCIES",
            help="More dependencies on the same page, to switch to and to compare. May be repeated.",
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Neural dependencies",
    details: Annotated[
        int, typer.Option(min=1, help="Categories with their path in the file, about 1 KB each.")
    ] = 2000,
    path_terms: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Terms that paths and curves go to.",
            show_default="1.5 x those found, 10 to 50",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Write dependencies as one HTML page that opens anywhere and needs no network.

    Exit codes: 0 done; 2 wrong usage, or a file cannot be read or written.
    """
    if out == STANDARD:
        fail("the page is a file; give --out FILE")
    check_new_file(out, force)
    with interruptible(), one_line_errors():
        from covlasso.moments import SplitMoments
        from covlasso.report import write_report

        sets = [read_dependencies(one) for one in (file, *(other or []))]
        given = [SplitMoments.load(one) for one in moments or []]
    with interruptible(), one_line_errors(), progress_bar() as progress:
        written = write_report(
            out,
            sets,
            moments=given,
            title=title,
            details=details,
            path_terms=path_terms,
            overwrite=force,
            progress=progress,
        )
    size = written.stat().st_size
    typer.echo(f"{written} ({size / 1e6:.1f} MB)")
    if open_page:
        typer.launch(str(written))
