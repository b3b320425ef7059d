"""The console of all that the package prints: names and paths are shown as they are."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_UNLIMITED = 10_000  # columns, where nobody sees the width


def console(*, stderr: bool = False, file: IO[str] | None = None, width: int | None = None) -> Console:
    """Make a console to which no text is markup ("[red]") or the code of an emoji (":cat:")."""
    from rich.console import Console

    return Console(stderr=stderr, file=file, width=width, markup=False, emoji=False)


@contextmanager
def printing(*, stderr: bool = False, width: int = _UNLIMITED) -> Iterator[Console]:
    """Give a console for standard output (or error).

    What goes to a file or another command has ``width``, unless COLUMNS is set, and no blanks at the ends of
    lines.
    """
    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        yield console(stderr=stderr)
        return
    text = io.StringIO()
    yield console(file=text, width=None if "COLUMNS" in os.environ else width)
    stream.write("".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines()))
    stream.flush()
