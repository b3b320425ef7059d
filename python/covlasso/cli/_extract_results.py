"""What ``covlasso extract`` shows and writes: the bar, a summary, what was skipped."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from covlasso.cli._common import STANDARD, say_repeated, write_json

if TYPE_CHECKING:
    from covlasso.torch import Extraction, PassProgress

SCHEMA = "covlasso-extract-1"


class Notes:
    """What should be known before the pass: printed where that is wanted, and kept.

    Attributes
    ----------
    lines : list of str
        What was said.
    """

    def __init__(self, quiet: bool):
        self.lines: list[str] = []
        self._quiet = quiet

    def __call__(self, note: str) -> None:
        """Keep a line, and print it."""
        from covlasso.cli._tables import say

        self.lines.append(note)
        if not self._quiet:
            say(note)


def _undrawn(*_: object) -> None:
    """No bar."""


@contextmanager
def watched(what: str, total: int, log_freq: int, rank: int) -> Iterator[Callable[[PassProgress], None]]:
    """Show a bar where standard error is a terminal, lines every ``log_freq`` batches elsewhere.

    An interruption is given the number of samples seen; ``what`` they are: pictures, positions.
    """
    from covlasso._base.progress import bars, on_terminal

    seen = 0
    drawn = rank == 0 and on_terminal()

    def tell(now: PassProgress) -> None:
        nonlocal seen
        seen = now.done
        pace, skipped = f"{now.rate:.1f} a second", f"{now.skipped} skipped"
        if drawn:
            draw(what, now.done, total, f"{pace}, {skipped}")
        elif rank == 0 and log_freq and now.batches % log_freq == 0:
            left = f"{(total - now.done) / now.rate:.0f} s left"
            line = f"{now.done} of {total} {what}, {pace}, {left}, {skipped}"
            print(line, file=sys.stderr, flush=True)

    try:
        with bars(transient=True) if drawn else nullcontext(_undrawn) as draw:
            yield tell
    except KeyboardInterrupt as interruption:
        raise KeyboardInterrupt(
            f"interrupted after {seen} of {total} {what}; the same command goes on from the last state"
        ) from interruption


def write_skipped(skipped: Sequence[tuple[str, str]], out: Path) -> None:
    """List what could not be read beside ``out``; no list says that there is none."""
    file = out.with_name(f"{out.stem}.skipped.txt")
    if skipped:
        lines = (f"{sample}\t{reason}\n" for sample, reason in skipped)
        file.write_text("".join(lines), encoding="utf-8")
    else:
        file.unlink(missing_ok=True)


def tell(
    found: Extraction,
    out: Path,
    seconds: float,
    json_file: Path | None,
    notes: Sequence[str],
    words: Mapping[str, str],
) -> None:
    """Print a summary, and write it as JSON.

    The JSON has schema "covlasso-extract-1", ``file``, ``models`` (by name: ``categories``; ``features``,
    the width of the last layer's input where that is accumulated, else null; ``top1``, the share of the
    labelled samples that the model names rightly, or null), ``classes`` ("labels", "decisions" or null: what
    means by class are of), ``samples``, ``fit``, ``held_out``, ``labelled``,
    ``skipped`` (path and reason of each), ``notes`` (lines that were said before the pass) and ``seconds``.

    ``words`` of the summary are "categories", "samples", "skipped" and "top1".
    """
    fit, held_out = found.moments.fit, found.moments.held_out
    models = {
        name: {
            "categories": fit.sizes[name],
            "features": fit.heads[name].features if name in fit.heads else None,
            "top1": found.correct[name] / found.labelled if found.labelled else None,
        }
        for name in fit.names
    }
    record = {
        "schema": SCHEMA,
        "file": str(out),
        "models": models,
        "classes": fit.classes,
        "row_centred": fit.row_centred,
        "samples": found.count,
        "fit": fit.count,
        "held_out": held_out.count if held_out is not None else 0,
        "labelled": found.labelled,
        "skipped": [list(pair) for pair in found.skipped],
        "notes": list(notes),
        "seconds": seconds,
    }
    if json_file is not None:
        write_json(record, json_file)
    if json_file != STANDARD:
        say_repeated(fit.class_names)
        _show(record, out, words)


def _show(record: dict[str, Any], out: Path, called: Mapping[str, str]) -> None:
    from rich.text import Text

    from covlasso.cli._tables import percent, say, table, words

    shown = table("", words(), called["categories"], "last layer's input", called["top1"])
    for name, model in record["models"].items():
        features = str(model["features"] or "")
        shown.add_row(Text(name), str(model["categories"]), features, percent(model["top1"]))
    say(shown)
    say(
        f"{record['samples']} {called['samples']}: {record['fit']} to fit on, {record['held_out']} held out; "
        f"{len(record['skipped'])} skipped; {record['seconds']:.1f} s"
    )
    if record["skipped"]:
        say(f"skipped {called['skipped']}: {out.with_name(f'{out.stem}.skipped.txt')}")
    say(f"written to {out}{', row-centred' if record['row_centred'] else ''}")
