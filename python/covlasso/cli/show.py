"""``covlasso show``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from covlasso._base.digits import r2_text
from covlasso.cli._common import (
    STANDARD,
    Json,
    fail,
    interruptible,
    one_line_errors,
    read_dependencies,
    write_json,
)
from covlasso.dependencies import Categories

if TYPE_CHECKING:
    from covlasso._base.arrays import Float64, Places
    from covlasso.dependencies import Dependencies
    from covlasso.evidence import Evaluation
    from covlasso.graph import HeldOut
    from covlasso.moments import SplitMoments

_MANY = 5000  # targets beyond which a category's figures are measured without those of all others
_LISTED = 20  # categories that a text may mean, where it is not clear


def show(
    file: Annotated[
        Path, typer.Argument(metavar="DEPENDENCIES", help="A file of `solve`; - is standard input.")
    ],
    category: Annotated[
        str | None,
        typer.Argument(metavar="CATEGORY", help="Name, part of a name, or number (17 or #17). Without: all."),
    ] = None,
    moments: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Moments with a held-out part, to check the equations on."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Categories per table, without CATEGORY.")] = 10,
    json_file: Json = None,
) -> None:
    """Print the equation of a category and who depends on it; without CATEGORY an overview.

    A misspelt name finds the one that is similar. Where several categories fit, as the tokens ' child' and
    'child', they are listed with their numbers, and at a terminal one is asked for; a name with its blank,
    ' child', is that one. What the JSON holds is said by help() of covlasso.graph.category and
    covlasso.graph.overview.

    Exit codes: 0 done; 2 no such category, or several; or a file cannot be read or written.
    """
    with interruptible(), one_line_errors():
        from rich.console import Group

        from covlasso.cli._equation_tables import category_tables, overview_tables
        from covlasso.cli._tables import say
        from covlasso.evidence import beside_record, cautions
        from covlasso.graph import category as category_record
        from covlasso.graph import overview

        deps = read_dependencies(file)
        ask = file != STANDARD and json_file != STANDARD and _at_terminal()
        number = None if category is None else _number(deps, category, ask=ask)
        split, measured, rows = (None, None, None) if moments is None else _measured(deps, moments, number)
        held_out = None if measured is None else _held_out(deps, measured, rows)
        fit = None if split is None else split.fit
        if number is None:
            record = {**overview(deps, held_out, top), "beside": beside_record(deps, fit, measured)}
            parts = overview_tables(deps, record)
        else:
            said = cautions(deps, fit, measured if rows is None else None)
            record = {**category_record(deps, held_out, number), "cautions": said}
            parts = category_tables(record)
        if json_file is not None:
            write_json(record, json_file)
        if json_file != STANDARD:
            say(Group(*parts))


def _number(deps: Dependencies, text: str, *, ask: bool) -> int:
    """Return the category that ``text`` means; where several fit, that which somebody at a terminal names."""
    names = deps.source_names if deps.intra else deps.target_names
    numbers = range(deps.n_sources) if deps.intra else deps.targets.tolist()
    categories = Categories(names, numbers)
    found = categories.match(text)
    if not found.places:
        known = "numbers" if names is None else "names or numbers"
        near = "" if found.literal else "; ".join(map(categories.entry, categories.nearest(text)))
        remedy = f"the nearest: {near}" if near else "`covlasso export` lists them"
        fail(f"no category {text!r} among the {len(numbers)} {known}; {remedy}")
    if len(found.places) > 1:
        return _one_of(deps, categories, text, found.places, ask=ask)
    place = found.places[0]
    if not found.literal:
        typer.echo(f"{text!r}: showing {categories.entry(place)}", err=True)
    return numbers[place]


def _one_of(
    deps: Dependencies, categories: Categories, text: str, places: Sequence[int], *, ask: bool
) -> int:
    """Ask which of several categories is meant, or end with a line that lists them with their R^2."""
    numbers = [categories.numbers[place] for place in places]
    rows = dict(zip(deps.targets.tolist(), deps.r2.tolist(), strict=True))
    r2 = [r2_text(rows[number]) if number in rows else "" for number in numbers]
    more = len(places) - _LISTED
    rest = f"; and {more} more" if more > 0 else ""
    if not ask:
        known = zip(places[:_LISTED], r2, strict=False)
        said = "; ".join(f"{categories.entry(place)}{one and f' (R^2 {one})'}" for place, one in known)
        fail(f"{text!r} fits {len(places)} categories, give a number: {said}{rest}")
    from rich.text import Text

    from covlasso.cli._tables import say, table, words

    shown = table(f"{text!r} fits {len(places)} categories{rest}", "number", words("category"), "R^2")
    for number, place, one in list(zip(numbers, places, r2, strict=True))[:_LISTED]:
        shown.add_row(f"#{number}", Text(categories.shown(place) if categories.names else ""), one)
    say(shown, stderr=True)
    while True:
        answer = typer.prompt("number", default=f"#{numbers[0]}", err=True).strip().removeprefix("#")
        if answer.isdecimal() and int(answer) in numbers:
            return int(answer)


def _at_terminal() -> bool:
    """Whether somebody can be asked: input and error output are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _measured(
    deps: Dependencies, file: Path, number: int | None
) -> tuple[SplitMoments, Evaluation, Places | None]:
    """Figures on the held-out part of a file of moments, whose fit part the dependencies were found on.

    Of the category alone where there are many targets: the third is its row then, and None where figures are
    of all.
    """
    import numpy as np

    from covlasso.evidence import check_found_on, evaluate, origin_of
    from covlasso.moments import SplitMoments

    split = SplitMoments.load(file, classes=deps.focus is not None)
    if split.held_out is None:
        fail(f"{file} has no held-out part; make it with --held-out")
    check_found_on(deps, origin_of(deps, split.fit, None, None), split.fit)
    rows = np.flatnonzero(deps.targets == number)
    if deps.n_targets <= _MANY or len(rows) == 0:
        return split, evaluate(deps, split), None
    return split, evaluate(deps.take(rows), split), rows


def _held_out(deps: Dependencies, measured: Evaluation, rows: Places | None) -> HeldOut:
    """R^2 of the same kind as `Dependencies.r2`, and what stands beside it; NaN where it is not of all."""
    import numpy as np

    from covlasso.graph import HeldOut

    kind = "second_moment" if deps.origin is None else deps.origin.kind
    quality = measured.held_out
    drawn = None if measured.random is None else measured.random.held_out
    assert quality is not None  # noqa: S101  # there is a held-out part

    def of_all(values: Float64) -> Float64:
        if rows is None:
            return values
        every = np.full(deps.n_targets, np.nan)
        every[rows] = values
        return every

    random = None if drawn is None else of_all(drawn.of_kind(kind))
    return HeldOut(of_all(quality.of_kind(kind)), of_all(quality.r2_centred), random)
