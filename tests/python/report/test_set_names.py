"""What the sets of a report are called, so that no two have one name."""

from __future__ import annotations

import numpy as np
import pytest
from report_reader import read, small_deps, small_halves
from typer.testing import CliRunner

import covlasso
from covlasso.cli import app
from covlasso.dependencies import in_words
from covlasso.report.entry import match
from covlasso.report.set_names import set_names


@pytest.fixture(scope="module")
def halves():
    return small_halves()


def names(sets, given=None, moments=()):
    return set_names([match(one, moments) for one in sets], given)


def test_the_full_name_has_every_setting(halves):
    deps = small_deps(halves, "a", "b", terms=2, kind="covariance", positive=True, l2=5.0, allow_same=True)
    assert deps.n_terms.tolist() == [2] * 12
    (name,) = names([deps])
    assert name.full == (
        "a from b, centred, 2 terms, refitted, no negative coefficients, l2 5, own category allowed"
    )
    assert name.full == in_words(deps)
    assert name.short == "a from b"


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({}, {"kind": "covariance"}, ("uncentred", "centred")),
        ({"kind": "covariance"}, {"kind": "correlation"}, ("centred", "standardised")),
        ({}, {"row_centred": True}, ("", "row-centred")),
        ({}, {"terms": 1}, ("3 terms", "1 term")),
        ({}, {"refit": False}, ("refitted", "Lasso")),
        ({}, {"method": "pursuit", "refit": False}, ("refitted", "matching pursuit")),
        ({}, {"l2": 0.5}, ("", "l2 0.5")),
        ({}, {"targets": np.array([1, 4])}, ("", "2 of 12 targets")),
        ({"positive": True, "terms": 1}, {"terms": 1}, ("no negative coefficients", "")),
    ],
)
def test_the_short_name_has_what_differs(halves, one, other, words):
    found = names([small_deps(halves, **one), small_deps(halves, **other)])
    assert [name.short for name in found] == [", ".join(filter(None, ["within a", word])) for word in words]


def test_lambdas_are_told_apart(halves):
    sets = [small_deps(halves, terms=None, lam=lam, refit=False) for lam in (1.0, 2.5)]
    assert [len(np.unique(one.n_terms)) > 1 for one in sets] == [True, True]
    assert [name.short for name in names(sets)] == ["within a, lambda 1", "within a, lambda 2.5"]


def test_a_focus_is_named():
    rng = np.random.default_rng(0)
    moments = covlasso.Moments(["a"], [f"c{i}" for i in range(5)], classes="decisions")
    moments.update({"a": rng.normal(size=(400, 5))})
    sets = [covlasso.solve_moments(moments, terms=2, focus=focus) for focus in (None, 0.3)]
    assert [name.short for name in names(sets)] == ["within a", "within a, focus 0.3 by decisions"]


def test_equal_settings_are_told_apart_by_file_or_number(halves):
    sets = [small_deps(halves), small_deps(small_halves(seed=1)), small_deps(halves, "b", "b")]
    assert [name.short for name in names(sets)] == ["within a, set 1", "within a, set 2", "within b"]
    found = names(sets, ["epoch 1", "epoch 2", "other"])
    assert [name.short for name in found] == ["within a, epoch 1", "within a, epoch 2", "within b"]
    assert found[0].full == "within a, uncentred, 3 terms, refitted, epoch 1"
    found = names(sets[:2], ["same", "same"])
    assert [name.short for name in found] == ["within a, same, set 1", "within a, same, set 2"]


def test_what_is_unknown_is_left_out():
    deps = covlasso.solve(np.eye(3) + 0.3, terms=1)
    assert names([deps])[0].full == "within one network, 1 term, Lasso"


@pytest.mark.parametrize("given", [["one"], ["a", "b", "c"], "ab"])
def test_names_are_one_for_each(halves, tmp_path, given):
    sets = [small_deps(halves), small_deps(halves, terms=2)]
    with pytest.raises(ValueError, match=r"names has \d for 2 sets"):
        covlasso.write_report(tmp_path / "r.html", sets, names=given)


def test_checkpoints_each_find_their_moments_and_have_the_name_of_their_file(tmp_path):
    files = []
    for seed, folder in enumerate(("first", "second")):
        halves = small_halves(seed=seed)
        (tmp_path / folder).mkdir()
        halves.save(tmp_path / folder / "m.safetensors")
        small_deps(halves).save(tmp_path / folder / "d.safetensors")
        files.append(tmp_path / folder)
    one, other = files
    command = ["report", one / "d.safetensors", "--other", other / "d.safetensors"]
    command += ["--moments", one / "m.safetensors", "--moments", other / "m.safetensors"]
    outcome = CliRunner().invoke(app, [str(part) for part in [*command, "--out", tmp_path / "r.html"]])
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    data = read(tmp_path / "r.html")
    assert [record["title"] for record in data.record["sets"]] == ["within a, first/d", "within a, second/d"]
    for k, seed in enumerate((0, 1)):
        halves = small_halves(seed=seed)
        expected = covlasso.evaluate(small_deps(halves), halves).held_out.r2
        assert np.allclose(data.array(f"{k}.heldOut"), expected, atol=1e-6)


def test_the_commands_head_their_tables_with_the_settings(tmp_path):
    small_halves().save(tmp_path / "m.safetensors")
    file = str(tmp_path / "d.safetensors")

    def said(*command):
        outcome = CliRunner().invoke(app, [str(part) for part in command], env={"COLUMNS": "120"})
        assert outcome.exit_code == 0, outcome.stderr
        return outcome.stdout

    words = "within b, standardised, 2 terms, refitted"
    asked = ("--target", "b", "--source", "b", "--kind", "correlation", "--terms", "2", "--refit")
    assert said("solve", tmp_path / "m.safetensors", *asked, "--out", file).startswith(words)
    assert said("show", file).startswith(words)
    assert words in said("show", file, "3")
    assert words in said("evaluate", file, "--moments", tmp_path / "m.safetensors")
