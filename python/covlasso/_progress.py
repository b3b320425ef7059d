"""Progress of a long solve: a bar on stderr, or the caller's function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[int, int], object]


@contextmanager
def reporter(progress: bool | Report | None) -> Iterator[Report | None]:
    """Make what the core calls with (done, total): nothing, a rich bar (``True``), or the caller's function.

    An exception of the caller's function ends the solve and carries a note with the counts (Python 3.11 or
    newer).
    """
    if progress is None or progress is False:
        yield None
    elif progress is True:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("paths"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("paths", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    elif callable(progress):
        yield _noting(progress)
    else:
        raise TypeError(
            f"progress must be True, False, None or a function of (done, total), got {progress!r}"
        )


def _noting(progress: Report) -> Report:
    def report(done: int, total: int) -> None:
        try:
            progress(done, total)
        except BaseException as error:
            if hasattr(error, "add_note"):
                error.add_note(f"raised by progress when {done} of {total} targets were done")
            raise

    return report
