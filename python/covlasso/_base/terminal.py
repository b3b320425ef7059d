"""The console of all that the package prints: names and paths are shown as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console(*, stderr: bool = False) -> Console:
    """Make a console to which no text is markup ("[red]") or the code of an emoji (":cat:")."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False)
