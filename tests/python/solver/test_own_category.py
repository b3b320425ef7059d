"""Between two networks: no category slips in as its own explanation because its name is written otherwise."""

import json
import unicodedata

import numpy as np
import pytest
from oracles import assert_refused
from typer.testing import CliRunner

from covlasso import Dependencies, Moments, choose_focus, solve_moments, stability
from covlasso.cli import app
from covlasso.solver import path_moments

NAMES = [
    "tench", "great white shark", "jack-o'-lantern", "Löwe", "sports car", "T-shirt", "sea lion", "grey fox",
    "ice cream", "crane",
]  # fmt: skip
RESPELT = {
    "case": str.upper,
    "blank after": lambda name: name + " ",
    "blanks": lambda name: f"  {name.replace(' ', '   ')}",
    "tabs": lambda name: name.replace(" ", "\t"),
    "underscores": lambda name: name.replace(" ", "_").replace("-", "_"),
    "hyphens": lambda name: name.replace(" ", "-").title(),
    "dashes": lambda name: name.replace("-", "\u2011").replace(" ", "\xa0"),
    "joined": lambda name: name.title().replace(" ", ""),
    "synonyms": lambda name: f"{name.upper()}, Latin name, another",
    "decomposed": lambda name: unicodedata.normalize("NFD", name),
}


def logits(n=10, p=None, order=None, samples=400, seed=0):
    """Two networks, the second of which has the logits of the first with some noise, in another order."""
    rng = np.random.default_rng(seed)
    f = rng.standard_normal((samples, 4)) @ rng.standard_normal((4, n)) + rng.standard_normal((samples, n))
    g = f[:, np.arange(n) if order is None else order] + 0.1 * rng.standard_normal((samples, n))
    if p is not None:
        g = np.concatenate([g, rng.standard_normal((samples, p - n))], axis=1)
    return {"a": f, "b": g}


def moments_of(batch, a, b, **options):
    names = {model: names for model, names in (("a", a), ("b", b)) if names is not None}
    moments = Moments(["a", "b"], names, **options)
    moments.update(batch)
    return moments


def terms_at(found, own):
    """Which targets have a term in one of their own categories."""
    return [bool(row[list(places)].any()) for row, places in zip(found.coef.toarray(), own, strict=True)]


def solve(moments, **options):
    return solve_moments(moments, target="a", source="b", terms=4, **options)


@pytest.mark.parametrize("respelt", RESPELT)
@pytest.mark.parametrize("more", [0, 3])
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_name_in_other_case_and_with_other_blanks_is_the_same(respelt, more, shuffled):
    n = len(NAMES)
    order = np.random.default_rng(1).permutation(n) if shuffled else np.arange(n)
    batch = logits(order=order, p=n + more)
    others = [f"something else {k}" for k in range(more)]
    exact = [NAMES[k] for k in order] + others
    odd = [RESPELT[respelt](NAMES[k]) for k in order] + others
    found = solve(moments_of(batch, NAMES, odd))
    own = [[int(np.flatnonzero(order == i)[0])] for i in range(n)]
    assert not any(terms_at(found, own))
    expected = solve(moments_of(batch, NAMES, exact))
    np.testing.assert_array_equal(found.coef.toarray(), expected.coef.toarray())
    np.testing.assert_array_equal(found.r2, expected.r2)
    free = solve(moments_of(batch, NAMES, odd), allow_same=True)
    assert all(terms_at(free, own))


UNDECIDED = {
    "other words": ([f"n{k:05d}" for k in range(len(NAMES))], 0),
    "prefixes": ([f"n{k}, {name}" for k, name in enumerate(NAMES)], 0),
    "one of ten differs": ([*NAMES[:-1], "crane (machine)"], 9),
    "few are shared, elsewhere": ([f"x{k}" for k in range(len(NAMES) - 2)] + NAMES[:2], 2),
}


@pytest.mark.parametrize("case", UNDECIDED)
def test_lists_of_one_length_with_other_names_need_a_decision(case, tmp_path):
    names, shared = UNDECIDED[case]
    moments = moments_of(logits(), NAMES, names, classes="decisions")
    direction = {"target": "a", "source": "b"}
    batch = logits(seed=5)
    for call in (
        lambda: solve(moments),
        lambda: path_moments(moments, **direction),
        lambda: stability([moments, moments], **direction, terms=2),
        lambda: choose_focus(
            moments, batch["a"], source_logits=batch["b"], **direction, alphas=[0.1], terms=[2]
        ),
    ):
        assert_refused(
            call,
            ValueError,
            ("'a' and 'b'", f"share {shared} names", "same_by='number'", "same_by='name'", "allow_same"),
        )
    numbers = [[i] for i in range(len(NAMES))]
    named = [[j for j, other in enumerate(names) if other == name] for name in NAMES]
    found = solve(moments, same_by="number")
    assert not any(terms_at(found, numbers))
    same_names = solve(moments_of(logits(), NAMES, NAMES))
    np.testing.assert_array_equal(found.coef.toarray(), same_names.coef.toarray())
    by_name = solve(moments, same_by="name")
    assert not any(terms_at(by_name, named))
    lost = [i for i, own in enumerate(named) if i not in own]
    assert [i for i, used in enumerate(terms_at(by_name, numbers)) if used] == lost
    for one in (found, by_name):
        one.save(tmp_path / "d")
        assert Dependencies.load(tmp_path / "d").origin == one.origin
        assert stability([moments, moments], **direction, terms=2, same_by=one.origin.same_by).n_subsets == 2


def test_shared_names_in_another_order_are_matched_by_name():
    order = np.roll(np.arange(len(NAMES)), 3)
    names = [NAMES[k] for k in order]
    names[0] = "a new one"  # in the place of number 7
    found = solve(moments_of(logits(order=order), NAMES, names))
    own = [[j for j, name in enumerate(names) if name == wanted] for wanted in NAMES]
    assert [bool(places) for places in own].count(False) == 1
    assert not any(terms_at(found, own))


def test_names_that_a_list_tells_apart_by_case_alone_are_other_categories():
    letters, others = ["A", "a", "-", "_", "B", "c"], ["a", "_", "b", "B", "x", "y", "z"]
    order = [1, 3, 0, 4, 2, 5]  # the source called "b" has the logit of "A", "x" that of "-"
    found = solve(moments_of(logits(6, 7, order), letters, others))
    assert (
        terms_at(found, [[j for j, name in enumerate(others) if name == one] for one in letters])
        == [False] * 6
    )
    assert found.coef.toarray()[0, 2] != 0.0
    assert found.coef.toarray()[2, 4] != 0.0


def test_repeated_names_are_all_left_out():
    names = ["crane", *NAMES[1:]]
    odd = ["x", *(name.upper() for name in names[1:]), "Crane "]
    batch = logits(p=len(odd))
    found = solve(moments_of(batch, names, odd))
    own = [
        [j for j, other in enumerate(odd) if other.strip().casefold() == name.casefold()] for name in names
    ]
    assert own[0] == own[9] == [9, 10]
    assert not any(terms_at(found, own))


def invoke(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "300"})


@pytest.mark.parametrize(
    ("b", "p", "options", "words"),
    [
        (NAMES, None, [], "excluded for 10 targets, by number (both have the same names)"),
        (None, None, [], "excluded for 10 targets, by number (b without class names)"),
        (None, 12, [], "excluded for 0 targets: b without class names, and 10 and 12 categories"),
        (NAMES[::-1], None, [], "excluded for 10 targets, by name"),
        ([n.upper() for n in NAMES], None, [],
         "by name, 10 of them but for case, blanks, hyphens or synonyms"),
        (["x1", "x2", *NAMES[:3], *list("stuvwyz")], 12, [],
         "excluded for 3 targets, by name; no source is called 'Löwe', 'sports car', 'T-shirt' or 4 more"),
        (["grey wolf", *[n.replace("grey", "gray") for n in NAMES]], 11, [],
         "excluded for 9 targets, by name; no source is called 'grey fox' (but 'gray fox')"),
        (list("klmnopqrst"), None, ["--same-by", "number"], "excluded for 10 targets, by number (as asked)"),
        (list("klmnopqrst"), None, ["--allow-same"], "excluded for 0 targets, as it is allowed"),
    ],
)  # fmt: skip
def test_the_command_says_how_the_same_category_was_found(b, p, options, words, tmp_path):
    moments_of(logits(p=p), NAMES, b).save(tmp_path / "m")
    arguments = [tmp_path / "m", "--target", "a", "--source", "b", "--terms", 2, *options]
    outcome = invoke("solve", *arguments, "--out", tmp_path / "d")
    assert outcome.exit_code == 0, outcome.output
    assert words in " ".join(outcome.output.split())
    outcome = invoke("solve", *arguments, "--out", tmp_path / "e", "--json", "-")
    assert words in json.loads(outcome.stdout)["own_category"]


def test_the_command_asks_in_one_line(tmp_path):
    moments_of(logits(), NAMES, list("klmnopqrst")).save(tmp_path / "m")
    arguments = ["solve", tmp_path / "m", "--target", "a", "--source", "b", "--terms", 2]
    outcome = invoke(*arguments, "--out", tmp_path / "d")
    assert outcome.exit_code == 2
    (line,) = outcome.output.splitlines()
    assert line.startswith(
        "error: 'a' and 'b' have 10 categories each and share 0 names; are number 0, 'tench'"
    )
    assert not (tmp_path / "d").exists()
    for choice in ("number", "name"):
        assert invoke(*arguments, "--same-by", choice, "--out", tmp_path / choice).exit_code == 0
        outcome = invoke(
            "evaluate", tmp_path / choice, "--moments", tmp_path / "m", "--in-sample", "--baselines"
        )
        assert outcome.exit_code == 0, outcome.output


@pytest.mark.parametrize(
    ("b", "p", "by", "words"),
    [
        (None, None, "name", ("same_by is 'name'", "'b' has no class names")),
        ([*NAMES, "x"], 11, "number", ("same_by is 'number'", "10 categories", "11")),
        (NAMES, None, "order", ("same_by is 'order'",)),
    ],
)
def test_choices_that_cannot_be(b, p, by, words):
    assert_refused(lambda: solve(moments_of(logits(p=p), NAMES, b), same_by=by), ValueError, words)
