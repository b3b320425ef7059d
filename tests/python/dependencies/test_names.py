"""Which category is meant by a name, a part of one, or a number."""

import pytest
from odd_names import NAMES

from covlasso.dependencies import match

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
