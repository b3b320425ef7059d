"""Categories that options name: --targets, --sample and --seed of ``solve``, --paths of ``report``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from covlasso.cli._common import fail

if TYPE_CHECKING:
    from covlasso.dependencies import Categories
    from covlasso.moments import Moments

_RANGE = re.compile(r"#?(\d*):#?(\d*)")


class Chosen(NamedTuple):
    """Numbers of categories, None for all, and how they were drawn: ``{"of": ..., "seed": ...}``, or None."""

    numbers: Any
    sample: dict[str, int] | None


def chosen_targets(
    lists: Sequence[str] | None, sample: int | None, seed: int | None, moments: Moments, model: str
) -> Chosen:
    """Categories of a model that the options name, in their order, or those drawn from them."""
    import numpy as np

    from covlasso.dependencies import Categories

    if seed is not None and sample is None:
        fail("--seed is of the draw of --sample; give that, too")
    numbers = np.arange(moments.sizes[model], dtype=np.int32)
    categories = Categories(moments.class_names.get(model), range(len(numbers)))
    if lists is not None:
        numbers = np.array(listed(lists, categories, f"of {model!r}"), dtype=np.int32)
    if sample is None:
        return Chosen(numbers if lists is not None else None, None)
    if sample > len(numbers):
        fail(f"--sample {sample}, and there are {len(numbers)} categories to draw from")
    seed = seed or 0
    drawn = np.random.default_rng(seed).choice(len(numbers), sample, replace=False)
    return Chosen(numbers[np.sort(drawn)], {"of": len(numbers), "seed": seed})


def listed(lists: Sequence[str], categories: Categories, whose: str, option: str = "--targets") -> list[int]:
    """Numbers of the categories in the lists of an option, each once; ``whose`` they are, for errors."""
    found = [place for text in lists for place in _listed(text, categories, whose, option)]
    _check_once(found, categories, option)
    return [categories.numbers[place] for place in found]


def _listed(text: str, categories: Categories, whose: str, option: str) -> list[int]:
    """Categories of one list: a name as a whole, a file, or words with commas between."""
    found = _one(text, categories, option)
    if found:
        return found
    file = Path(text.removeprefix("@"))
    if text.startswith("@") or file.is_file():
        words = _of_file(file, option)
    else:
        words = ((option, word) for word in text.split(","))
    return [place for where, word in words for place in _of_word(word, categories, where, whose)]


def _of_file(file: Path, option: str) -> Iterator[tuple[str, str]]:
    """Words of a file, and where they stand: numbers of a .npy file, or lines as they are."""
    from covlasso.moments import read_keys

    if not file.is_file():
        fail(f"{option}: there is no file {file}")
    kind = "entry" if file.suffix == ".npy" else "line"
    for number, word in enumerate(read_keys(file), 1):
        yield f"{file}, {kind} {number}", word


def _of_word(word: str, categories: Categories, where: str, whose: str) -> list[int]:
    """Categories of a name, a number or a range; blanks around it count where that is a name."""
    tries = (find(text, categories, where) for text in (word, word.strip()) for find in (_one, _range))
    found = next(filter(None, tries), None)
    if found is None:
        near = "; ".join(map(categories.entry, categories.nearest(word)))
        fail(
            f"{where}: {word!r} is no category {whose}, by name or number"
            + (f"; the nearest: {near}" if near else f"; it has {len(categories.numbers)}")
        )
    return found


def _one(text: str, categories: Categories, where: str) -> list[int]:
    """Return the category that a text names; none where it is no name or number."""
    found = categories.exactly(text)
    if len(found) > 1:
        numbers = [categories.numbers[place] for place in found]
        named = f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
        fail(f"{where}: {text!r} is the name of the categories {named}; give a number, as #{numbers[0]}")
    return found


def _range(text: str, categories: Categories, where: str) -> list[int]:
    """Return the categories of FIRST:LAST, without LAST; all that there are where one of them is left out."""
    bounds = _RANGE.fullmatch(text)
    if bounds is None or text == ":":
        return []
    n = max(categories.numbers, default=-1) + 1
    first, last = int(bounds[1] or 0), int(bounds[2] or n)
    if not first < last <= n:
        fail(f"{where}: {text!r} is no range of categories; they are 0:{n}, the last one not included")
    return [place for place, number in enumerate(categories.numbers) if first <= number < last]


def _check_once(found: list[int], categories: Categories, option: str) -> None:
    from collections import Counter

    twice = [place for place, count in Counter(found).items() if count > 1]
    if twice:
        more = f", and {len(twice) - 1} others, too" if len(twice) > 1 else ""
        fail(f"{option} has {categories.entry(twice[0])} more than once{more}; give each category once")
