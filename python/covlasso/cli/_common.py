"""What the commands share: exit codes, options, the bar, JSON, and the one line of an error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from covlasso._base.progress import TitledReport
    from covlasso.dependencies import Dependencies
    from covlasso.logits import LogitFile
    from covlasso.moments import ClassChoice, SplitMoments, WantedClasses

UNCERTIFIED = 1
USAGE = 2
INTERRUPTED = 130

_REPEATED = 5  # names of several categories that are listed

STANDARD = Path("-")  # standard input or output in the place of a file

_OPTIONAL = (  # packages that single commands need
    "accelerate", "gguf", "matplotlib", "pandas", "pyarrow", "timm", "torch", "transformers",
)  # fmt: skip

Threads = Annotated[
    int | None, typer.Option(min=1, help="Number of threads.", show_default="one per hardware thread")
]
Device = Annotated[
    str, typer.Option(metavar="NAME", help="cpu, cuda, cuda:1, ..., or several: cuda:0,cuda:1.")
]
Json = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write the result as JSON; - is standard output."),
]
Classes = Annotated[
    str,
    typer.Option(
        metavar="labels|decisions|none",
        help="Keep the mean logits by class, too: by labels, or by each model's own decisions.",
        show_default="decisions, where they take at most 256 MB or a quarter of the moments",
    ),
]

RowCentred = Annotated[
    bool,
    typer.Option(
        "--row-centred",
        help="Logits less their mean over the categories, row by row, which decisions do not see.",
    ),
]


def wanted_classes(option: str) -> WantedClasses:
    """Value of --classes as the functions behind the commands take it."""
    if option not in ("auto", "labels", "decisions", "none"):
        fail(f"--classes {option}: one of labels, decisions, none is expected")
    return None if option == "none" else option  # type: ignore[return-value]


def say_classes(choice: ClassChoice) -> None:
    """Print what means by class take, before it is taken."""
    from covlasso.cli._tables import say

    say(f"classes: {choice}")


def say_repeated(class_names: Mapping[str, Sequence[str]]) -> None:
    """Print which names several categories have, once where models share their list."""
    from covlasso.cli._tables import say
    from covlasso.dependencies import on_one_line, repeated

    for names in dict.fromkeys(map(tuple, class_names.values())):
        found = repeated(names)
        if not found:
            continue
        listed = [f"{on_one_line(name)} ({_few(places)})" for name, places in found.items()]
        more = f" and {len(found) - _REPEATED} more" if len(found) > _REPEATED else ""
        say(f"names of several categories, shown with their numbers: {'; '.join(listed[:_REPEATED])}{more}")


def _few(numbers: Sequence[int]) -> str:
    """List numbers, of many only the first ones and how many there are."""
    if len(numbers) <= _REPEATED:
        return ", ".join(map(str, numbers))
    return f"{', '.join(map(str, numbers[:_REPEATED]))}, ... {len(numbers)} in all"


def say_left_out(files: Iterable[LogitFile]) -> None:
    """Print which columns of files are no categories."""
    from covlasso.cli._tables import say

    for file in files:
        if file.left_out:
            say(f"{file.where}: no categories, left out: {', '.join(file.left_out)} (an index of pandas)")


def devices(option: str) -> str | list[str]:
    """Value of --device as `covlasso.path` takes it."""
    return option.split(",") if "," in option else option


@contextmanager
def interruptible() -> Iterator[None]:
    """Answer Ctrl-C with one line that says how far the work had come."""
    try:
        yield
    except KeyboardInterrupt as interruption:
        fail(str(interruption) or "interrupted", INTERRUPTED)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Answer bad input, a file that cannot be read or written, or a missing package with one line."""
    try:
        yield
    except (typer.Exit, BrokenPipeError):  # a reader such as head that has enough is no error of ours
        raise
    except OSError as cause:
        place = "" if cause.filename is None else f"{cause.filename}: "
        fail(f"{place}{cause.strerror or cause}")
    except ModuleNotFoundError as cause:
        package = (cause.name or "").partition(".")[0]
        if package not in _OPTIONAL:
            raise
        fail(f"{package} is not installed; pip install {package}")
    except (TypeError, ValueError, RuntimeError, ImportError, MemoryError) as cause:
        fail(str(cause) or type(cause).__name__)


@contextmanager
def progress_bar() -> Iterator[TitledReport | None]:
    """Draw a bar on standard error with one line per piece of work; nothing where that is no terminal."""
    from covlasso._base.progress import bars, on_terminal

    if not on_terminal():
        yield None
        return
    with bars(transient=True) as report:
        yield report


def check_new_file(file: Path, force: bool) -> None:
    """Before long work: refuse to overwrite ``file`` unless ``force``, and a folder that is not there."""
    if file == STANDARD:
        if sys.stdout.isatty():
            fail("standard output is a terminal; give --out FILE, or send it on to a file or a command")
        return
    if file.is_dir():
        fail(f"{file} is a folder; give --out a file")
    if file.exists() and not force:
        fail(f"{file} is there already; give --force to overwrite it, or another FILE to --out")
    if not file.parent.is_dir():
        fail(f"there is no folder {file.parent}; make it, or give another FILE to --out")


def read_dependencies(file: Path) -> Dependencies:
    """Dependencies of a file, or of standard input for ``-``."""
    from covlasso.dependencies import Dependencies

    if file != STANDARD:
        return Dependencies.load(file)
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        copy.write_bytes(sys.stdin.buffer.read())
        try:
            return Dependencies.load(copy)
        except ValueError as cause:
            raise ValueError(str(cause).replace(str(copy), "standard input")) from cause


def read_groups(file: Path | None, pattern: str | None) -> list[str] | None:
    """Read what each row was cut from, by --groups and --groups-regex; None where --groups is not given."""
    if file is None:
        if pattern is not None:
            fail("--groups-regex looks at the lines of --groups; give that FILE too")
        return None
    from covlasso.moments import by_pattern, read_keys

    keys = read_keys(file)
    return keys if pattern is None else by_pattern(keys, pattern)


def held_out_rows(
    split: SplitMoments | None, logits: LogitFile, rows: Path | None, keys: list[str] | None
) -> Any:
    """Held-out rows of the logits: those in a file, else those of groups, else each row for itself."""
    import numpy as np

    if rows is not None and keys is not None:
        fail("--rows and --groups both say which rows are held out; give one of them")
    if rows is not None:
        return np.load(rows, allow_pickle=False)
    if keys is None:
        return held_out_by_number(split, logits)
    if split is None or not split.split.held_out:
        fail("--groups needs --moments FILE with a held-out part: its split says which groups are held out")
    return split.held_out_rows(logits.shape[0], keys)


def held_out_by_number(split: SplitMoments | None, logits: LogitFile) -> Any:
    """Held-out rows of the logits that the moments were made of, where each row was a group of its own."""
    try:
        return None if split is None else split.held_out_rows(logits.shape[0])
    except ValueError as cause:
        fail(f"{logits.where}: {cause}; --rows FILE or --groups FILE says which")


def write_dependencies(deps: Dependencies, file: Path) -> None:
    """Save to a file, or to standard output for ``-``."""
    if file != STANDARD:
        deps.save(file)
        return
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        deps.save(copy)
        write_bytes(copy.read_bytes())


def write_bytes(content: bytes) -> None:
    """Write to standard output, byte by byte."""
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def write_json(value: dict[str, Any], file: Path) -> None:
    """Write ``value`` as one line of JSON to ``file``, or to standard output for ``-``."""
    text = json.dumps(value, allow_nan=False) + "\n"
    try:
        if file == STANDARD:
            print(text, end="", flush=True)
        else:
            file.write_text(text, encoding="utf-8")
    except OSError as cause:
        fail(f"cannot write {file}: {cause.strerror or cause}; give another FILE to --json")


def fail(message: str, code: int = USAGE) -> NoReturn:
    """End with one line on standard error."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(code)
