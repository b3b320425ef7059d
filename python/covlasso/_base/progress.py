"""Progress of long work: what callers are told, and the bars that the package draws on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from covlasso._base.terminal import console

Report = Callable[[int, int], object]
"""Called with (done, total)."""
TitledReport = Callable[[str, int, int], object]
"""Called with (title of the piece of work, done, total)."""

Tick = Callable[[], object]
"""Called when one more is done."""


def ticks(progress: Report | None, total: int) -> Tick:
    """Make what counts one more of ``total``, and reports it."""
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return tick


def duration(seconds: float) -> str:
    """Say a time in one unit: "40 s", "15 min", "2.5 h"."""
    if seconds < 90.0:
        return f"{max(seconds, 1.0):.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"


@contextmanager
def reporter(progress: bool | Report | None) -> Iterator[Report | None]:
    """Make what the core calls with (done, total): nothing, a bar (``True``), or the caller's function.

    An exception of the caller's function ends the solve and carries a note with the counts (Python 3.11 or
    newer).
    """
    if progress is None or progress is False:
        yield None
    elif progress is True:
        with bars() as report:
            yield lambda done, total: report("paths", done, total)
    elif callable(progress):
        yield _noting(progress)
    else:
        raise TypeError(
            f"progress must be True, False, None or a function of (done, total), got {progress!r}"
        )


@contextmanager
def bars(*, transient: bool = False) -> Iterator[Callable[..., object]]:
    """Draw a bar per piece of work, told as (title, done, total); ``note=`` stands after it.

    ``transient`` bars are wiped at the end.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console(stderr=True), transient=transient) as bar:
        tasks: dict[str, Any] = {}

        def report(title: str, done: int, total: int, note: str = "") -> None:
            if title not in tasks:
                # what was there at the beginning tells nothing of the time that is left
                tasks[title] = bar.add_task(title, total=total, note=note, completed=done)
            bar.update(tasks[title], completed=done, note=note)

        yield report


def on_terminal() -> bool:
    """Whether standard error is a terminal, where a bar can be drawn."""
    return console(stderr=True).is_terminal


def _noting(progress: Report) -> Report:
    def report(done: int, total: int) -> None:
        try:
            progress(done, total)
        except BaseException as error:
            if hasattr(error, "add_note"):
                error.add_note(f"raised by progress when {done} of {total} targets were done")
            raise

    return report
