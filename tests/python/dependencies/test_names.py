"""Which category is meant by a name, a part of one, or a number."""

from difflib import SequenceMatcher

import numpy as np
import pytest
from odd_names import NAMES

from covlasso.dependencies import labels, match
from covlasso.dependencies.similar import similar

N = len(NAMES)


@pytest.mark.parametrize(
    ("text", "places", "literal"),
    [
        ("sports car", [0], True),
        ("#3", [3], True),
        ("3", [3], True),
        ("7", [10], True),  # the name comes before the number
        ("#7", [7], True),
        ("crane", [2, 3], True),
        ("Sports Car", [0], False),
        ("sports", [0], False),
        ("wolf", [5], False),  # the beginning of one, a part of another
        ("olf", [4, 5], False),
        ("sprots car", [0], False),
        ("GRÜSSE", [9], False),
        ("", [6], True),
        ("<script>", [8], True),
        ("12", [], False),
        ("#12", [], True),
        ("zebra crossing", [], False),
        (" ", [], False),
    ],
)
def test_what_a_text_means(text, places, literal):
    found = match(text, NAMES, range(N))
    assert (found.places, found.literal) == (places, literal)


def test_numbers_are_those_of_the_targets():
    assert match("9", None, [4, 9]).places == [1]
    assert match("9", ["x", "y"], [4, 9]).places == [1]
    assert match("0", None, [4, 9]).places == []


def test_whole_words_come_before_beginnings_and_parts():
    names = ["carton", "sports car", "scarf", "freight car", "boxcar"]
    assert match("car", names, range(5)).places == [1, 3]
    assert match("car", [*names, "car wheel"], range(6)).places == [5]
    assert match("cart", names, range(5)).places == [0]
    assert match("c++", ["c++ code", "c+++"], range(2)).places == [0, 1]  # signs are no letters


TOKENS = [
    " child",
    "child",
    " Child",
    "Child",
    " children",
    "\u0120child",
    "15",
    " grandchild",
    "'",
    "\n",
    "\\n",
]


@pytest.mark.parametrize(
    ("text", "places", "literal"),
    [
        (" child", [0], True),
        ("child", [0, 1, 5, 2, 3], False),  # as the shell gives it: which one?
        ("CHILD", [0, 1, 2, 3, 5], False),
        (" CHILD", [0, 1, 2, 3, 5], False),
        (" children", [4], True),
        ("children", [4], False),
        ("grand", [7], False),
        ("'child'", [1], True),  # as it is shown
        ("' child'", [0], True),
        ("'", [8], True),
        ("#1", [1], True),
        ("1", [1], True),
        ("15", [6], True),
        ("chlidren", [4, 1, 3], False),
    ],
)
def test_a_token_is_told_from_others_by_its_blank(text, places, literal):
    found = match(text, TOKENS, range(len(TOKENS)))
    assert (found.places, found.literal) == (places, literal)


def test_labels_show_blanks_and_what_cannot_be_seen_and_are_different():
    assert labels([" a", "a", "\n", "\\n", "\u202ex", "a"], range(6)) == (
        "' a'", "'a' #1", r"'\n' #2", r"'\n' #3", r"'\u202ex'", "'a' #5",
    )  # fmt: skip
    assert labels(["a b", "b", ""], [4, 5, 6]) == ("a b", "b", "#6")


def test_similar_names_are_those_of_difflib():
    rng = np.random.default_rng(0)
    names = ["".join(rng.choice(list("abcdeé犬 "), rng.integers(0, 12))) for _ in range(3000)]
    for text in ["abcde", "bad cafe", "aaaa", "犬犬", "x", ""]:
        ratios = [SequenceMatcher(a=name, b=text, autojunk=False).ratio() for name in names]
        for cutoff in (0.0, 0.5, 0.6):
            wanted = sorted((k for k in range(3000) if ratios[k] >= cutoff), key=lambda k: (-ratios[k], k))
            assert similar(text, names, 7, cutoff) == wanted[:7]
