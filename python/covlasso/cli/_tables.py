"""The one table and the number formats of all commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from covlasso._base.digits import percent_text, r2_text
from covlasso._base.terminal import printing


def words(heading: str = "", *, whole: bool = False, wide: bool = False) -> Column:
    """Column of words, to the left; ``whole``: on one line each, ``wide``: as wide as there is room."""
    return Column(heading, overflow="fold", no_wrap=whole, ratio=1 if wide else None)


class _Fraction:
    """The longest fraction in a column: what stands behind the decimal point, and the point."""

    length = 0


@dataclass(frozen=True)
class _Number:
    """A number that leaves room behind it, so that the decimal points of its column stand in one line."""

    text: str
    longest: _Fraction

    def __rich__(self) -> RenderableType:
        return Padding(Text(self.text), (0, self.longest.length - _fraction(self.text), 0, 0))


def _fraction(number: str) -> int:
    return len(number) - number.index(".") if "." in number else 0


class _Table(Table):
    """A table under a heading as wide as the console, with numbers aligned by their decimal points."""

    def __init__(self, heading: str, *columns: Column, **options: Any):
        super().__init__(*columns, **options)
        self._heading = heading
        self._longest = [_Fraction() for _ in columns]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give the heading and the table."""
        if self._heading:
            yield Text(self._heading, style="bold")
        yield from super().__rich_console__(console, options)

    def add_row(self, *renderables: RenderableType | None, **options: Any) -> None:
        """Add a row; text of a column of numbers is one if it reads as one."""
        cells: list[RenderableType | None] = []
        for cell, column, longest in zip(renderables, self.columns, self._longest, strict=False):
            if column.justify == "right" and isinstance(cell, str) and _NUMBER.fullmatch(cell):
                longest.length = max(longest.length, _fraction(cell))
                cells.append(_Number(cell, longest))
            else:
                cells.append(cell)
        super().add_row(*cells, **options)


_NUMBER = re.compile(r"[+-]?[0-9,]+(\.[0-9]+)?(e[+-]?[0-9]+)?%?")


def table(title: str, *columns: Column | str) -> Table:
    """Make a table with a title; a column that is only a heading has numbers, to the right and never cut."""
    return _Table(
        title,
        *(one if isinstance(one, Column) else Column(one, justify="right", no_wrap=True) for one in columns),
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )


def facts(rows: Mapping[str, str]) -> Table:
    """Make a table of names with what is said of them."""
    made = Table(Column(), words(), box=box.SIMPLE, show_header=False, show_edge=False, pad_edge=False)
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
    """Per cent of a share, as of `percent_text`."""
    return "" if value is None else percent_text(value)


def say(what: RenderableType, *, stderr: bool = False) -> None:
    """Print a table, or a line as it is: not cut, and nothing in it taken for markup."""
    with printing(stderr=stderr) as console:
        console.print(what, highlight=False, soft_wrap=isinstance(what, str))
