"""Careless use of the commands: wrong files, suspicious logits, words that options swallow, pipes."""

import numpy as np
import pytest
from typer.testing import CliRunner

import covlasso
from covlasso.cli import app

ROWS, N = 300, 6
MOMENTS = ("--moments", "ok.safetensors")
NAMES = ["alpha", "beta", "gamma", "airship", "mouse", "xx"]


def logits(seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((ROWS, N)) @ np.random.default_rng(9).standard_normal((N, N))


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("ok.npy", logits())
    np.save("other.npy", logits(1))
    (tmp_path / "names.txt").write_text("\n".join(NAMES), encoding="utf-8")
    for name in ("ok", "other"):
        options = ["--names", "ok", "--class-names", "names.txt", "--out", f"{name}.safetensors"]
        assert run("moments", f"{name}.npy", *options).exit_code == 0
    assert run("solve", "ok.safetensors", "--terms", 2, "--out", "d.safetensors").exit_code == 0
    return tmp_path


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (
            ("solve", "ok.npy", "--terms", 2, "--out", "x"),
            "ok.npy: these are logits; run `covlasso moments` first",
        ),
        (("show", "ok.npy"), "these are logits; run `covlasso moments` first, then `covlasso solve`"),
        (("show", "ok.safetensors"), "these are moments; run `covlasso solve` first"),
        (("export", "ok.safetensors"), "these are moments; run `covlasso solve` first"),
        (("solve", "d.safetensors", "--terms", 2, "--out", "x"), "these are dependencies; give the moments"),
        (("evaluate", "d.safetensors", "--moments", "ok.npy"), "these are logits"),
        (
            ("report", "d.safetensors", "--moments", "d.safetensors", "--out", "x.html"),
            "these are dependencies",
        ),
        (("moments", "ok.safetensors", "--out", "x"), "these are moments; `covlasso solve` takes them"),
        (("moments", "d.safetensors", "--out", "x"), "these are dependencies, and logits are expected"),
    ],
)
def test_files_of_another_kind_say_what_comes_first(folder, words, what):
    outcome = run(*words)
    assert outcome.exit_code == 2
    assert what in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert not (folder / "x").exists()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "command", [("show", "d.safetensors"), ("report", "d.safetensors", "--out", "x.html")]
)
def test_moments_of_other_samples_are_refused(command):
    outcome = run(*command, "--moments", "other.safetensors")
    assert outcome.exit_code == 2
    assert "give the moments they were found from" in outcome.stderr
    assert run(*command, "--moments", "ok.safetensors").exit_code == 0


def _probabilities(rows):
    p = np.exp(rows)
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda rows: rows[:20].T.copy(), "is it transposed?"),
        (_probabilities, "seems to hold probabilities"),
        (lambda rows: np.log(_probabilities(rows)), "seems to hold log-probabilities"),
        (
            lambda rows: rows + 50 * np.random.default_rng(1).standard_normal((ROWS, 1)),
            "--row-centred",
        ),
        (lambda rows: rows + 80, "--row-centred"),
        (lambda rows: rows, None),
        (lambda rows: rows + np.arange(N), None),
    ],
)
def test_suspicious_logits_are_told_and_taken(change, what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", change(logits()))
    outcome = run("moments", "x.npy", "--held-out", "0", "--out", "m.safetensors")
    assert outcome.exit_code == 0
    if what is None:
        assert outcome.stderr == ""
    else:
        assert outcome.stderr.startswith("warning: x.npy")
        assert what in outcome.stderr
        assert outcome.stderr.count("\n") == 1


@pytest.mark.usefixtures("folder")
def test_names_do_not_swallow_the_files():
    outcome = run("moments", "--names", "A", "B", "ok.npy", "other.npy", "--out", "two.safetensors")
    assert outcome.exit_code == 0, outcome.stderr
    assert covlasso.Moments.load("two.safetensors").names == ("A", "B")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("targets", ["mouse,#1,0", "list.txt"])
def test_targets_by_name_and_number(targets, folder):
    (folder / "list.txt").write_text("mouse\n1\nalpha\n", encoding="utf-8")
    outcome = run("solve", "ok.safetensors", "--terms", 2, "--targets", targets, "--out", "some.safetensors")
    assert outcome.exit_code == 0, outcome.stderr
    some, every = (covlasso.Dependencies.load(file) for file in ("some.safetensors", "d.safetensors"))
    assert some.targets.tolist() == [4, 1, 0]
    assert np.array_equal(some.coef.toarray(), every.coef.toarray()[[4, 1, 0]])
    outcome = run("solve", "ok.safetensors", "--terms", 2, "--targets", "mous", "--out", "x")
    assert (outcome.exit_code, outcome.stderr) == (
        2,
        "error: --targets: 'mous' is no category of 'ok', by name or number; the nearest: #4 mouse\n",
    )


@pytest.mark.usefixtures("folder")
def test_more_terms_than_there_are_sources_is_remarked():
    outcome = run("solve", "ok.safetensors", "--terms", 50, "--out", "x.safetensors")
    assert outcome.exit_code == 0
    assert "note: --terms 50, and there are 5 sources for each category" in outcome.stderr
    assert "6 exhausted; 6 of 6 certified" in outcome.stdout


@pytest.mark.usefixtures("folder")
def test_a_floor_is_no_certificate():
    rows = np.random.default_rng(0).standard_normal((200, 30)) + 300.0
    np.save("mean.npy", rows)
    assert run("moments", "mean.npy", "--held-out", "0", "--out", "mean.safetensors").exit_code == 0
    outcome = run("solve", "mean.safetensors", "--terms", 29, "--out", "f.safetensors")
    found = covlasso.Dependencies.load("f.safetensors")
    assert (found.status == "floor").any()
    assert not found.is_certified[found.status == "floor"].any()
    missed = int(np.count_nonzero(~found.is_certified))
    assert outcome.exit_code == 1
    assert f"without certificate: {missed} of 30 solutions" in outcome.stderr
    assert f"{30 - missed} certified" in repr(found)


@pytest.mark.usefixtures("folder")
def test_two_letters_are_no_part_of_a_name():
    assert run("show", "d.safetensors", "xx").exit_code == 0
    for text in ("ou", "x", "mo"):
        outcome = run("show", "d.safetensors", text)
        assert outcome.exit_code == 2
        assert f"no category {text!r}" in outcome.stderr
    assert "showing #4 mouse" in run("show", "d.safetensors", "mou").stderr


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "words",
    [
        ("show", "d.safetensors"),
        ("show", "d.safetensors", "mouse"),
        ("evaluate", "d.safetensors", *MOMENTS),
    ],
)
def test_pipes_have_no_trailing_blanks_and_no_width(words, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    text = run(*words).stdout
    assert all(line == line.rstrip() for line in text.splitlines())
    if words[0] == "evaluate":
        assert "opti-" in text  # over "mism": no head is cut
        assert "…" not in text


def test_limits_of_solve():
    gram = logits().T @ logits() / ROWS
    path = covlasso.path(gram)
    found = covlasso.solve(gram, lam=0.05 * path.lambda_max, max_terms=2)
    assert (found.n_terms <= 2).all()
    assert set(found.status.tolist()) <= {"terms", "certified"}
    lowest = 0.5 * path.lambda_max
    found = covlasso.solve(gram, terms=5, min_lambda=lowest)
    assert (found.lam >= lowest * (1 - 1e-12)).all()
    assert (found.status == "lambda").any()
    with pytest.raises(ValueError, match="max_terms is for lam and relative_error"):
        covlasso.solve(gram, terms=2, max_terms=3)
    with pytest.raises(ValueError, match="min_lambda is for terms and relative_error"):
        covlasso.solve(gram, lam=0.1, min_lambda=0.1)
