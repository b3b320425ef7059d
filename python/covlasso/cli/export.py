"""``covlasso export``."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from covlasso.cli._common import (
    STANDARD,
    fail,
    interruptible,
    one_line_errors,
    read_dependencies,
    write_bytes,
)


class Format(str, Enum):
    """Formats of `covlasso.graph.encode`."""

    csv = "csv"
    json = "json"
    graphml = "graphml"
    parquet = "parquet"


_SUFFIXES = {f".{form.value}": form for form in Format}


def export(
    file: Annotated[
        Path, typer.Argument(metavar="DEPENDENCIES", help="A file of `solve`; - is standard input.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="Where to write; its suffix says the format; - is standard output."
        ),
    ] = STANDARD,
    form: Annotated[
        Format | None,
        typer.Option("--format", help="The format.", show_default="by the suffix of FILE, else csv"),
    ] = None,
) -> None:
    """Write dependencies for other programs: graphs (GraphML), tables (CSV, Parquet) and JSON.

    Exit codes: 0 done; 2 wrong usage, or a file cannot be read or written, or a package is missing.
    """
    chosen = form or (Format.csv if out == STANDARD else _SUFFIXES.get(out.suffix.lower()))
    if chosen is None:
        fail(f"{out}: the suffix is none of {', '.join(_SUFFIXES)}; give one of them, or --format")
    if chosen is Format.parquet and out == STANDARD and sys.stdout.isatty():
        fail("standard output is a terminal and Parquet is no text; give --out FILE")
    with interruptible(), one_line_errors():
        from covlasso.graph import encode

        content = encode(read_dependencies(file), chosen.value)
        if out == STANDARD:
            write_bytes(content)
        else:
            out.write_bytes(content)
