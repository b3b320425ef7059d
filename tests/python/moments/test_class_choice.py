"""What is kept where nobody said: sums by class that are cheap, and what they take."""

import pytest

from covlasso.moments import Split, choose_classes

WHOLE, HALVES = Split(), Split(0.5)
THOUSAND = {f"m{k}": 1000 for k in range(4)}


@pytest.mark.parametrize(("categories", "columns", "split", "kind", "said"), [
    ({"a": 1000}, {"a": 1000}, WHOLE, "decisions", "decisions, 8 MB"),
    (THOUSAND, THOUSAND, HALVES, "decisions", "decisions, 256 MB"),
    (THOUSAND, THOUSAND, Split(0.0, 2), None, "none (decisions: 384 MB)"),
    ({"a": 49_152}, {"a": 576}, WHOLE, "decisions", "decisions, 226 MB"),
    ({"a": 49_152}, {"a": 576}, HALVES, None, "none (decisions: 453 MB)"),
    ({"a": 21_841}, {"a": 21_841}, WHOLE, None, "none (decisions: 3816 MB)"),
    ({"a": 10, "b": 200}, {"a": 20, "b": 200}, WHOLE, "decisions", "decisions, 369.6 kB"),
    ({"a": 1000, "b": 100}, {"a": 1000, "b": 20_000}, HALVES, "decisions", "decisions, 370 MB"),
])  # fmt: skip
def test_cheap_or_not(categories, columns, split, kind, said):
    choice = choose_classes("auto", categories, columns, split)
    assert (choice.kind, str(choice)) == (kind, said)


def test_what_is_asked_for_is_kept():
    sizes = {"a": 21_841, "b": 1000}
    assert str(choose_classes("decisions", sizes, sizes, WHOLE)) == "decisions, 4174 MB"
    assert str(choose_classes("labels", sizes, sizes, WHOLE)) == "labels, 3991 MB"
    assert str(choose_classes(None, sizes, sizes, WHOLE)) == "none (decisions: 4174 MB)"
    with pytest.raises(ValueError, match="classes is 'own'; one of 'labels', 'decisions' or None"):
        choose_classes("own", sizes, sizes, WHOLE)
