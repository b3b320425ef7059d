"""``covlasso solve --targets``: names, numbers, ranges, files, samples, and what is said of a wrong one."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import covlasso
from covlasso import Dependencies, Moments
from covlasso.cli import app
from covlasso.solver import path_moments, solve_moments

NAMES = ["car", " car", "Car", "crane", "crane", "x,y", "7", "children", ":", "@at", "\n", "犬"]
N = len(NAMES)


@pytest.fixture(scope="module")
def moments():
    rng = np.random.default_rng(4)
    made = Moments(["a"], NAMES)
    made.update(
        {"a": rng.standard_normal((300, 5)) @ rng.standard_normal((5, N)) + rng.standard_normal((300, N))}
    )
    return made


@pytest.fixture
def file(tmp_path, moments):
    moments.save(tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def invoke(file, *arguments):
    out = file.parent / "d.safetensors"
    given = [file, "--terms", 2, "--out", out, "--force", *arguments]
    return CliRunner().invoke(app, ["solve", *map(str, given)])


def solved(file, *arguments):
    outcome = invoke(file, *arguments)
    assert outcome.exit_code == 0, outcome.stderr
    return Dependencies.load(file.parent / "d.safetensors").targets.tolist()


@pytest.mark.parametrize(
    ("lists", "wanted"),
    [
        (["car"], [0]),
        ([" car"], [1]),
        (["car, car,Car"], [0, 1, 2]),  # the blank belongs to the name
        (["car, 犬"], [0, 11]),  # and not where no name has it
        (["#7,7"], [7, 6]),  # a name comes before a number
        (["9,10"], [9, 10]),
        (["2:5"], [2, 3, 4]),
        (["#10:"], [10, 11]),
        ([":2,11"], [0, 1, 11]),
        ([":"], [8]),
        (["x,y"], [5]),
        (["x,y", "car,#1"], [5, 0, 1]),
        (["@at"], [9]),
        (["' car','car'"], [1, 0]),  # as they are shown
        ([r"'\n'"], [10]),
    ],
)
def test_what_a_list_names(file, lists, wanted):
    assert solved(file, *(word for text in lists for word in ("--targets", text))) == wanted


def test_a_file_has_a_name_or_a_number_or_a_range_in_each_line(file, tmp_path):
    (tmp_path / "some.txt").write_text(" car\nx,y\r\n#3\n9:11\n")
    assert solved(file, "--targets", f"@{tmp_path / 'some.txt'}") == [1, 5, 3, 9, 10]
    assert solved(file, "--targets", tmp_path / "some.txt") == [1, 5, 3, 9, 10]
    np.save(tmp_path / "some.npy", np.array([11, 2]))
    assert solved(file, "--targets", f"@{tmp_path / 'some.npy'}", "--targets", "0") == [11, 2, 0]


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (
            ["cra"],
            "--targets: 'cra' is no category of 'a', by name or number; the nearest: #3 'crane'; #4 'crane'",
        ),
        (
            ["car,childern"],
            "--targets: 'childern' is no category of 'a', by name or number; the nearest: #7 ",
        ),
        (["12"], "--targets: '12' is no category of 'a', by name or number; it has 12"),
        (["#12"], "'#12' is no category"),
        (["3:13"], "'3:13' is no range of categories; they are 0:12, the last one not included"),
        (["5:5"], "'5:5' is no range"),
        (["crane"], "--targets: 'crane' is the name of the categories 3 and 4; give a number, as #3"),
        (["car,0:3"], "--targets has #0 'car' more than once; give each category once"),
        (["car", "#0,3,#3"], "--targets has #0 'car' more than once, and 1 others, too"),
        (["@FOLDER/none.txt"], "--targets: there is no file"),
        (["@FOLDER/bad.txt"], "bad.txt, line 2: 'zebra' is no category"),
        (["@FOLDER/bad.npy"], "bad.npy, entry 1: '12' is no category"),
    ],
)
def test_a_wrong_list_is_one_line_that_names_the_word(file, tmp_path, lists, message):
    (tmp_path / "bad.txt").write_text("car\nzebra\n")
    np.save(tmp_path / "bad.npy", np.array([12]))
    given = [text.replace("FOLDER", str(tmp_path)) for text in lists]
    outcome = invoke(file, *(word for text in given for word in ("--targets", text)))
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert not (tmp_path / "d.safetensors").exists()


def test_a_sample_is_drawn_by_its_seed(file):
    every = [solved(file, "--sample", 5, "--seed", seed) for seed in range(30)]
    assert all(drawn == sorted(set(drawn)) and len(drawn) == 5 for drawn in every)
    assert solved(file, "--sample", 5, "--seed", 3) == every[3]
    assert solved(file, "--sample", 5) == every[0]
    assert {target for drawn in every for target in drawn} == set(range(N))
    assert set(solved(file, "--sample", 2, "--targets", "#3,0:2,9")) < {0, 1, 3, 9}
    outcome = invoke(file, "--sample", 5, "--seed", 7, "--json", "-")
    assert json.loads(outcome.stdout)["sample"] == {"of": N, "seed": 7}
    assert json.loads(invoke(file, "--json", "-").stdout)["sample"] is None
    assert f"drawn from {N} categories, seed 7" in " ".join(
        invoke(file, "--sample", 5, "--seed", 7).stdout.split()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sample", 13], "--sample 13, and there are 12 categories to draw from"),
        (["--sample", 3, "--targets", "#0,#1"], "--sample 3, and there are 2 categories to draw from"),
        (["--seed", 1], "--seed is of the draw of --sample"),
    ],
)
def test_a_wrong_sample_is_one_line(file, arguments, message):
    outcome = invoke(file, *arguments)
    assert (outcome.exit_code, outcome.stderr.count("\n")) == (2, 1)
    assert message in outcome.stderr


@pytest.mark.parametrize("solve", [solve_moments, path_moments])
def test_python_takes_numbers_and_names(moments, solve):
    place = {"terms": 2} if solve is solve_moments else {"max_terms": 2}
    for targets, wanted in (
        ([1, 4], [1, 4]),
        ((4,), [4]),
        (range(3), [0, 1, 2]),
        (np.array([5, 2], dtype=np.uint8), [5, 2]),
        (["car", 7, " car"], [0, 7, 1]),
        (np.array(["犬", "7"]), [11, 6]),
        (None, list(range(N))),
    ):
        assert solve(moments, targets=targets, **place).targets.tolist() == wanted


def test_arrays_have_the_names_that_they_are_given(moments):
    gram = moments.second_moment("a")
    assert covlasso.path(gram, targets=["Car", 0], names=NAMES, max_terms=2).targets.tolist() == [2, 0]
    assert covlasso.solve(gram, targets=["犬"], names=NAMES, terms=2).targets.tolist() == [11]
    with pytest.raises(ValueError, match=r"targets\[0\] is 'Car', and there are no names; give numbers"):
        covlasso.path(gram, targets=["Car"])


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        ("car", TypeError, "targets is 'car'; a sequence of category numbers or names is expected"),
        ([0, "cat"], ValueError, r"targets\[1\] is 'cat', no name of a category; near: "),
        (
            ["crane"],
            ValueError,
            r"targets\[0\] is 'crane', the name of the categories \[3, 4\]; give a number",
        ),
        ([1, 12], ValueError, r"targets\[1\] is 12; it must be from 0 to 11"),
        (["car", 0], ValueError, r"targets\[1\] repeats 0 of targets\[0\]"),
        ([], ValueError, "a non-empty sequence"),
        ([0.5], TypeError, "targets is float64; integers are expected"),
        ([True, False], TypeError, "targets is bool"),
        (["car", 0.5], TypeError, "targets is float64"),
        (3, ValueError, "a non-empty sequence"),
    ],
)
def test_python_refuses_what_is_no_category(moments, targets, error, message):
    with pytest.raises(error, match=message):
        solve_moments(moments, targets=targets, terms=2)
