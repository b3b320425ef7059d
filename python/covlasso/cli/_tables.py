"""The one table and the number formats of all commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich import box
from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from covlasso._base.digits import r2_text
from covlasso._base.terminal import printing


def words(heading: str = "", *, whole: bool = False, wide: bool = False) -> Column:
    """Column of words, to the left; ``whole``: on one line each, ``wide``: as wide as there is room."""
    return Column(heading, overflow="fold", no_wrap=whole, ratio=1 if wide else None)


def table(title: str, *columns: Column | str) -> Table:
    """Make a table with a title; a column that is only a heading has numbers, to the right."""
    columns = tuple(one if isinstance(one, Column) else Column(one, justify="right") for one in columns)
    return Table(
        *columns,
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )


def facts(rows: Mapping[str, str]) -> Table:
    """Make a table of names with what is said of them."""
    made = Table(box=box.SIMPLE, show_header=False, show_edge=False, pad_edge=False)
    for name, value in rows.items():
        made.add_row(name, Text(value))
    return made


def number(value: float | None, none: str = "") -> str:
    """Two decimals, and more where these would be 1.00, as of `r2_text`."""
    return none if value is None else r2_text(value)


def careful(sentences: Iterable[str]) -> list[RenderableType]:
    """Lines of warning, each after an empty one; none where there is nothing to say."""
    parts: list[RenderableType] = []
    for sentence in sentences:
        parts += [Text(), Text.assemble(("Careful: ", "bold"), sentence)]
    return parts


def significant(value: float | None) -> str:
    """Three significant digits."""
    return "not finite" if value is None else f"{value:.3g}"


def percent(value: float | None) -> str:
    """Per cent of a share."""
    return "" if value is None else f"{value:.1%}"


def say(what: RenderableType, *, stderr: bool = False) -> None:
    """Print a table, or a line as it is: not cut, and nothing in it taken for markup."""
    with printing(stderr=stderr) as console:
        console.print(what, highlight=False, soft_wrap=isinstance(what, str))
