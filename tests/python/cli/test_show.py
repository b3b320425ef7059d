"""``covlasso show``: which category is meant, and that what is printed is what the raw logits say."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from odd_names import NAMES
from typer.testing import CliRunner

import covlasso
from covlasso import Moments, SplitMoments
from covlasso.cli import app
from covlasso.solver import solve_moments

N, SAMPLES = len(NAMES), 500


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def batch():
    rng = np.random.default_rng(6)
    common = rng.standard_normal((SAMPLES, 5))
    return {
        name: common @ rng.standard_normal((5, N)) + rng.standard_normal((SAMPLES, N)) + 0.4 for name in "ab"
    }


@pytest.fixture
def moments(tmp_path, batch):
    """File of moments, its second half held out."""
    halves = []
    for half in (slice(0, 250), slice(250, None)):
        halves.append(Moments(["a", "b"], NAMES))
        halves[-1].update({name: rows[half] for name, rows in batch.items()})
    SplitMoments(*halves).save(tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def solved(moments, *origin, **options):
    """File of dependencies, and the dependencies."""
    direction = dict(zip(("target", "source", "kind"), origin, strict=False))
    found = solve_moments(Moments.load(moments), **direction, **{"terms": 3, **options})
    found.save(moments.parent / "d.safetensors")
    return moments.parent / "d.safetensors", found


def invoke(*arguments, **options):
    return CliRunner().invoke(app, ["show", *map(str, arguments)], **options)


def record(*arguments):
    outcome = invoke(*arguments, "--json", "-")
    assert outcome.exit_code == 0, outcome.stderr
    return json.loads(outcome.stdout)


@pytest.mark.parametrize(
    "origin", [("a", "a"), ("b", "a"), ("a", "a", "covariance"), ("a", "b", "correlation")]
)
def test_a_category_is_what_the_raw_logits_say(moments, batch, origin):
    file, found = solved(moments, *origin)
    entry = record(file, "#1", "--moments", moments)
    target, source = (batch[name].astype(float) for name in origin[:2])
    kind = origin[2] if len(origin) > 2 else "second_moment"
    row = found.coef.toarray()[1]
    if kind != "second_moment":
        target, source = target - target[:250].mean(axis=0), source - source[:250].mean(axis=0)
    if kind == "correlation":
        target, source = target / target[:250].std(axis=0), source / source[:250].std(axis=0)
    residual, held = target[250:, 1] - source[250:] @ row, target[250:, 1]
    energy = np.mean(held**2) if kind == "second_moment" else held.var()
    equation = entry["equation"]
    assert equation["r2_held_out"] == pytest.approx(1 - np.mean(residual**2) / energy, rel=1e-9)
    assert equation["r2"] == found.r2[1]
    assert equation["kkt"] == found.kkt[1]
    terms = equation["terms"]
    assert {term["category"]: term["coefficient"] for term in terms} == {
        j: row[j] for j in np.flatnonzero(row)
    }
    assert [abs(term["coefficient"]) for term in terms] == sorted(np.abs(row[row != 0]), reverse=True)
    assert [term["name"] for term in terms] == [found.source_label(term["category"]) for term in terms]
    assert sum(term["share"] for term in terms) == pytest.approx(1.0)
    column = found.coef.toarray()[:, 1]
    assert {d["category"]: d["coefficient"] for d in entry["dependents"]} == {
        t: column[t] for t in np.flatnonzero(column)
    }


def test_the_page_shows_the_record(moments):
    file, found = solved(moments, "a", "a", refit=True)
    outcome = invoke(file, "sports car", "--moments", moments)
    entry = record(file, "sports car", "--moments", moments)
    assert outcome.exit_code == 0
    assert outcome.stderr == ""
    assert (
        f"R^2 {found.r2[0]:.2f} in sample, {entry['equation']['r2_held_out']:.2f} held out" in outcome.stdout
    )
    for term in entry["equation"]["terms"] + entry["dependents"]:
        line = next(line for line in outcome.stdout.splitlines() if f"{term['coefficient']:+.3f}" in line)
        assert NAMES[term["category"]] in line
        assert f"#{term['category']}" in line


def test_markup_in_names_is_text(moments):
    file, _ = solved(moments, "a", "a")
    outcome = invoke(file, "#7")
    assert outcome.stdout.startswith("[bold]x (#7)\n")


def test_a_misspelt_name_is_shown_and_said(moments):
    file, _ = solved(moments, "a", "a")
    outcome = invoke(file, "sprots car")
    assert outcome.exit_code == 0
    assert outcome.stderr == "'sprots car': showing #0 sports car\n"
    assert outcome.stdout.startswith("sports car (#0)")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("crane", "'crane' fits 2 categories, give a number: #2 crane (R^2 0."),
        ("olf", "'olf' fits 2 categories, give a number: #4 timber wolf (R^2 0."),
        ("zebra crossing", "no category 'zebra crossing' among the 12 names or numbers"),
        ("#12", "no category '#12' among the 12 names or numbers"),
    ],
)
def test_no_category_or_several_is_exit_code_2(moments, text, message):
    file, _ = solved(moments, "a", "a")
    outcome = invoke(file, text)
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith(f"error: {message}")
    assert outcome.stderr.count("\n") == 1


def test_without_names_there_are_numbers(tmp_path):
    gram = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
    covlasso.solve(gram, terms=1).save(tmp_path / "d.safetensors")
    outcome = invoke(tmp_path / "d.safetensors", "1")
    assert outcome.exit_code == 0
    assert outcome.stdout.startswith("#1 (#1)\n")
    assert "no category 'car' among the 3 numbers" in invoke(tmp_path / "d.safetensors", "car").stderr


def test_a_source_that_is_no_target_shows_who_uses_it(tmp_path):
    gram = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
    found = covlasso.solve(gram, terms=1, targets=[0], names=["car", "truck", "tub"])
    found.save(tmp_path / "d.safetensors")
    entry = record(tmp_path / "d.safetensors", "truck")
    assert entry["equation"] is None
    assert [(d["name"], d["coefficient"]) for d in entry["dependents"]] == [("car", found.coef[0, 1])]
    assert "is no target" in invoke(tmp_path / "d.safetensors", "truck").stdout
    assert record(tmp_path / "d.safetensors", "tub")["dependents"] == []
    assert "In no equation" in invoke(tmp_path / "d.safetensors", "tub").stdout


def test_between_networks_without_names_nobody_knows_the_twin(tmp_path):
    rng = np.random.default_rng(1)
    f, g = rng.standard_normal((50, 3)), rng.standard_normal((50, 4))
    found = covlasso.solve(g.T @ g, f.T @ g, (f**2).sum(axis=0), terms=2, exclude=None)
    found.save(tmp_path / "d.safetensors")
    assert record(tmp_path / "d.safetensors", "2")["dependents"] is None
    assert invoke(tmp_path / "d.safetensors", "2").exit_code == 0
    assert invoke(tmp_path / "d.safetensors", "3").exit_code == 2  # a source, and no target


def test_the_overview_ranks_by_held_out_r2(moments, batch):
    file, found = solved(moments, "a", "a")
    held = batch["a"][250:]
    residual = held - held @ found.coef.toarray().T
    r2 = 1 - np.mean(residual**2, axis=0) / np.mean(held**2, axis=0)
    entry = record(file, "--moments", moments, "--top", "4")
    assert [e["category"] for e in entry["best_explained"]] == np.argsort(-r2)[:4].tolist()
    assert [e["category"] for e in entry["least_explained"]] == np.argsort(r2)[:4].tolist()
    np.testing.assert_allclose(
        [e["r2_held_out"] for e in entry["least_explained"]], np.sort(r2)[:4], rtol=1e-9
    )
    assert entry["median_r2_held_out"] == pytest.approx(np.median(r2), rel=1e-9)
    assert entry["median_r2"] == np.median(found.r2)
    used = np.count_nonzero(found.coef.toarray(), axis=0)
    assert [e["dependents"] for e in entry["most_used"]] == np.sort(used)[::-1][:4].tolist()
    assert all(used[e["category"]] == e["dependents"] for e in entry["most_used"])
    assert entry["beside"]["held_out"]["r2"] == pytest.approx(np.median(r2), rel=1e-9)
    centred = 1 - np.mean(residual**2, axis=0) / np.var(held, axis=0)
    assert entry["beside"]["held_out"]["r2_centred"] == pytest.approx(np.median(centred), rel=1e-9)
    text = invoke(file, "--moments", moments, "--top", "4").stdout
    assert f"{np.median(centred):.2f} held out" in text
    assert f"explained {entry['beside']['explained']} of 12 beat every draw" in " ".join(text.split())
    for e in entry["best_explained"] + entry["least_explained"]:
        assert f"{e['r2']:.2f}" in text
    plain = record(file)
    best, least = ([e["category"] for e in plain[key]] for key in ("best_explained", "least_explained"))
    assert best == np.argsort(-found.r2)[:6].tolist()  # of 12, none in both
    assert least == np.argsort(found.r2)[:6].tolist()
    assert plain["median_r2_held_out"] is plain["best_explained"][0]["r2_held_out"] is None


def test_moments_that_do_not_fit_are_named(moments, tmp_path, batch):
    file, _ = solved(moments, "a", "a")
    whole = Moments(["a", "b"])
    whole.update(batch)
    whole.save(tmp_path / "whole.safetensors")
    other = Moments(["c"])
    other.update({"c": np.eye(4)})
    SplitMoments(other, other).save(tmp_path / "other.safetensors")
    for arguments, message in (
        (
            (file, "--moments", tmp_path / "whole.safetensors"),
            "has no held-out part; make it with --held-out",
        ),
        ((file, "--moments", tmp_path / "other.safetensors"), "'a'"),
        ((file, "--moments", tmp_path / "none"), "none"),
        ((file, "--moments", file), "these are dependencies; give the moments"),
        ((tmp_path / "none",), "none"),
        ((moments,), "these are moments; run `covlasso solve` first"),
    ):
        outcome = invoke(*arguments)
        assert (outcome.exit_code, outcome.stdout) == (2, "")
        assert message in outcome.stderr
        assert outcome.stderr.count("\n") == 1


def test_a_pipe_from_solve(moments):
    runner = CliRunner()
    written = runner.invoke(app, ["solve", str(moments), "--target", "a", "--terms", "3", "--out", "-"])
    outcome = invoke("-", "racer", input=written.stdout_bytes)
    assert outcome.exit_code == 0
    assert outcome.stdout.startswith("racer (#1)")


def test_a_json_file_that_cannot_be_written_is_one_clear_error(moments):
    file, _ = solved(moments, "a", "a")
    for place, reason in (
        (moments.parent, "Is a directory"),
        (moments.parent / "no" / "x.json", "No such file or directory"),
    ):
        outcome = invoke(file, "--json", str(place))
        assert (outcome.exit_code, outcome.stdout) == (2, "")
        assert outcome.stderr == f"error: cannot write {place}: {reason}; give another FILE to --json\n"


def test_r2_with_a_focus_is_not_put_beside_that_of_all_samples_unsaid(tmp_path, batch):
    halves = [Moments(["a"], NAMES, classes="decisions") for _ in range(2)]
    for one, half in zip(halves, (slice(0, 250), slice(250, None)), strict=True):
        one.update({"a": batch["a"][half]})
    SplitMoments(*halves).save(tmp_path / "m.safetensors")
    most = int(np.argmax(halves[0].class_counts("a")))
    file, found = solved(tmp_path / "m.safetensors", focus=0.3)
    outcome = invoke(file, f"#{most}", "--moments", tmp_path / "m.safetensors")
    assert f"focus 0.3, R^2 {found.r2[most]:.2f} in sample with it, " in outcome.stdout
    assert "held out over all samples" in outcome.stdout


TOKENS = ["child", " child", " Child", "dog", "\x1b[31m\n", "\u202eabc", "|", "'"]


@pytest.fixture
def vocabulary(tmp_path):
    """File of dependencies between tokens, one of which is no target."""
    rows = np.random.default_rng(3).standard_normal((200, len(TOKENS)))
    rows[:, 0] += rows[:, 1] + rows[:, 4] + rows[:, 5] + rows[:, 6]
    found = covlasso.solve(rows.T @ rows, terms=4, targets=[0, 1, 3, 4, 5, 6, 7], names=TOKENS)
    found.save(tmp_path / "d.safetensors")
    return tmp_path / "d.safetensors", found


def test_a_token_with_its_blank_is_that_token_and_without_it_is_asked_for(vocabulary):
    file, found = vocabulary
    assert record(file, " child")["category"] == 1
    assert record(file, "'child'")["category"] == 0
    assert record(file, "#0")["category"] == 0
    outcome = invoke(file, "child")
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    r2 = [f"{value:.2f}" for value in found.r2]
    assert outcome.stderr == (
        f"error: 'child' fits 3 categories, give a number: #0 'child' (R^2 {r2[0]}); "
        f"#1 ' child' (R^2 {r2[1]}); #2 ' Child'\n"
    )
    assert "no category 'zzzz' among the 8 names or numbers" in invoke(file, "zzzz").stderr
    outcome = invoke(file, "chlid")
    assert "'chlid' fits 3 categories" in outcome.stderr


def test_at_a_terminal_a_number_is_asked_for(vocabulary, monkeypatch):
    file, _ = vocabulary
    monkeypatch.setattr(sys.modules["covlasso.cli.show"], "_at_terminal", lambda: True)
    outcome = invoke(file, "child", input="7\nx\n#1\n")  # 7 is a category, and none of these
    assert outcome.exit_code == 0
    assert "' Child'" in outcome.stderr
    assert "' child' (#1)\nwithin" in outcome.stdout
    assert "'child' (#0)\nwithin" in invoke(file, "child", input="\n").stdout  # the first one
    assert invoke(file, "child", "--json", "-", input="1\n").exit_code == 2  # no question beside JSON


def test_what_cannot_be_seen_breaks_no_table(vocabulary):
    file, _ = vocabulary
    outcome = invoke(file, "'child'")
    lines = outcome.stdout.splitlines()
    for number, shown in ((4, r"'\x1b[31m\n'"), (5, r"'\u202eabc'"), (6, "'|'")):
        line = next(line for line in lines if line.split() and f"#{number}" in line.split())
        assert f" {shown} " in line
    assert all(character.isprintable() for line in lines for character in line)
    assert r"'\x1b[31m\n'" in invoke(file).stdout


def test_of_many_targets_one_is_measured_alone_with_the_same_figures(moments, monkeypatch):
    file, _ = solved(moments, "a", "a", refit=True)
    whole = record(file, "#1", "--moments", moments)
    monkeypatch.setattr(sys.modules["covlasso.cli.show"], "_MANY", 3)
    alone = record(file, "#1", "--moments", moments)
    for name in ("r2", "r2_held_out", "r2_centred_held_out", "random_r2_held_out"):
        assert alone["equation"][name] == pytest.approx(whole["equation"][name], rel=1e-9)
    assert alone["dependents"] == whole["dependents"]
