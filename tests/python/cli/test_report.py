"""``covlasso report`` and the page of ``covlasso demo``: options, files, exit codes."""

from __future__ import annotations

import numpy as np
import pytest
from report_reader import read, small_deps, small_halves
from typer.testing import CliRunner

import covlasso
from covlasso.cli import app


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    halves = small_halves()
    halves.save("m.safetensors")
    small_deps(halves).save("d.safetensors")
    small_deps(halves, "b", "b").save("e.safetensors")
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_report_in_one_command(files):
    outcome = invoke(
        "report", "d.safetensors", "--moments", "m.safetensors", "--out", "r.html", "--title", "T < U"
    )
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith("r.html (")
    record = read(files / "r.html").record
    assert record["title"] == "T < U"
    assert record["sets"][0]["samples"] == {"fit": 300, "heldOut": 200}


def test_without_moments(files):
    assert invoke("report", "d.safetensors", "--out", "r.html").exit_code == 0
    record = read(files / "r.html").record
    assert record["sets"][0]["curves"] is None
    assert record["sets"][0]["title"] == "within a"


def test_several_sets_and_options(files):
    outcome = invoke(
        *("report", "d.safetensors", "--other", "e.safetensors", "--moments", "m.safetensors"),
        *("--details", 3, "--path-terms", 4, "--out", "r.html"),
    )
    assert outcome.exit_code == 0
    record = read(files / "r.html").record
    assert [entry["title"] for entry in record["sets"]] == ["within a", "within b"]
    assert {(entry["curves"]["terms"], entry["curves"]["details"]) for entry in record["sets"]} == {(4, 3)}


def test_a_plain_file_of_moments_has_no_held_out_part(files):
    small_halves().fit.save("plain.safetensors")
    assert (
        invoke("report", "d.safetensors", "--moments", "plain.safetensors", "--out", "r.html").exit_code == 0
    )
    assert read(files / "r.html").record["sets"][0]["samples"] == {"fit": 300, "heldOut": None}


def test_an_existing_file_is_replaced_with_force_only(files):
    (files / "r.html").write_text("mine")
    outcome = invoke("report", "d.safetensors", "--out", "r.html")
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith("error: r.html is there already; give --force")
    assert (files / "r.html").read_text() == "mine"
    assert invoke("report", "d.safetensors", "--out", "r.html", "--force").exit_code == 0
    assert read(files / "r.html").record["sets"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.safetensors", "--out", "r.html"], "missing.safetensors"),
        (["m.safetensors", "--out", "r.html"], "m.safetensors"),
        (["d.safetensors", "--moments", "d.safetensors", "--out", "r.html"], "d.safetensors"),
        (["d.safetensors", "--out", "no/r.html"], "there is no folder no"),
        (["d.safetensors", "--out", "-"], "the page is a file"),
    ],
)
def test_what_cannot_be_read_or_written_is_one_line(files, arguments, message):
    outcome = invoke("report", *arguments)
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("error: ")
    assert outcome.stderr.count("\n") == 1
    assert message in outcome.stderr
    assert not (files / "r.html").exists()


@pytest.mark.usefixtures("files")
def test_moments_of_other_samples_are_refused():
    small_halves(seed=1).save("other.safetensors")
    outcome = invoke("report", "d.safetensors", "--moments", "other.safetensors", "--out", "r.html")
    assert outcome.exit_code == 2
    assert "give the moments they were found from" in outcome.stderr


@pytest.mark.parametrize("option", [["--details", "0"], ["--path-terms", "x"], ["--no"]])
def test_wrong_usage_is_exit_code_2(files, option):
    assert invoke("report", "d.safetensors", "--out", "r.html", *option).exit_code == 2
    assert not (files / "r.html").exists()


@pytest.fixture
def small_demo(monkeypatch):
    """The demo on the logits of 40 categories, so that every test need not solve all of them."""
    from covlasso.cli import _demo
    from covlasso.datasets import ImagenetLite, ImagenetLiteLogits, load_imagenet_lite_logits

    whole = load_imagenet_lite_logits()
    often = np.sort(np.argsort(-np.bincount(whole.lite0.argmax(axis=1), minlength=1000))[:40])
    names = [f"category {i}" for i in often]

    def part(rows):
        return {name: getattr(whole, name)[rows][:, often] for name in ("lite0", "lite1")}

    def moments(rows):
        made = covlasso.Moments(["lite0", "lite1"], names, classes="decisions")
        made.update(part(rows))
        return made

    fit = whole.picture % 4 == 1
    monkeypatch.setattr(_demo, "load_imagenet_lite", lambda: ImagenetLite(moments(fit), moments(~fit)))
    logits = ImagenetLiteLogits(**part(~fit), picture=whole.picture[~fit])
    monkeypatch.setattr(_demo, "load_imagenet_lite_logits", lambda: logits)


@pytest.mark.usefixtures("small_demo", "files")
def test_the_demo_ends_with_its_report(files):
    outcome = invoke("demo", "--terms", "3", "--top", "1")
    assert outcome.exit_code == 0
    assert outcome.stdout.endswith("Report: covlasso-demo.html (open it in a browser)\n")
    record = read(files / "covlasso-demo.html").record
    assert [entry["title"] for entry in record["sets"]] == [
        "within lite0", "within lite1", "lite0 from lite1", "lite1 from lite0",
    ]  # fmt: skip
    assert all(entry["refit"] and entry["curves"]["reproduced"] for entry in record["sets"])
    before = (files / "covlasso-demo.html").read_bytes()
    assert invoke("demo", "--terms", "3").exit_code == 0  # replaces the report of before
    assert (files / "covlasso-demo.html").read_bytes() == before


@pytest.mark.usefixtures("small_demo", "files")
def test_the_demo_writes_where_it_is_told_and_replaces_only_reports(files):
    assert invoke("demo", "--terms", "2", "--report", "x.html").exit_code == 0
    assert read(files / "x.html").record["sets"]
    assert invoke("demo", "--terms", "2", "--no-report").exit_code == 0
    assert not (files / "covlasso-demo.html").exists()
    (files / "x.html").write_text("mine")
    outcome = invoke("demo", "--terms", "2", "--report", "x.html")
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert "is no report" in outcome.stderr
    assert (files / "x.html").read_text() == "mine"
    assert invoke("demo", "--report", "no/x.html").exit_code == 2


def test_logits_add_decisions(files):
    rng = np.random.default_rng(1)
    for name in ("a", "b"):
        np.save(f"{name}.npy", rng.normal(size=(40, 12)))
    np.save("labels.npy", rng.integers(0, 12, 40))
    np.save("rows.npy", np.arange(40) % 2 == 0)
    outcome = invoke(
        *("report", "d.safetensors", "--other", "e.safetensors", "--moments", "m.safetensors"),
        *("--logits", "a=a.npy", "--logits", "b=b.npy", "--labels", "labels.npy", "--rows", "rows.npy"),
        *("--out", "r.html"),
    )
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    first, second = (one["decisions"] for one in read(files / "r.html").record["sets"])
    assert first["labelled"] == second["labelled"] == 20
    assert first["network"] != second["network"]
    alone = invoke("report", "d.safetensors", "--logits", "a.npy", "--out", "s.html")
    assert (alone.exit_code, alone.stderr) == (0, "")
    assert read(files / "s.html").record["sets"][0]["decisions"]["samples"] == 40
    both = ("report", "d.safetensors", "--other", "e.safetensors", "--out", "t.html")
    unnamed = invoke(*both, "--logits", "a.npy")
    assert unnamed.exit_code == 2
    assert unnamed.stderr.startswith("error: --logits a.npy: give MODEL=FILE, with a MODEL of a, b")
    for option in ("--labels", "--groups"):
        refused = invoke(*both, option, "labels.npy")
        assert refused.exit_code == 2
        assert f"{option} is for logits" in refused.stderr


def test_groups_say_which_rows_are_held_out_and_the_focus_is_shown(files):
    rng = np.random.default_rng(2)
    np.save("l.npy", rng.normal(size=(60, 12)) @ rng.normal(size=(12, 12)))
    np.save("groups.npy", np.arange(60) // 3)
    made = ("moments", "l.npy", "--names", "a", "--groups", "groups.npy", "--out", "known.safetensors")
    assert invoke(*made).exit_code == 0
    solved = ("solve", "known.safetensors", "--terms", "2", "--focus", "0.25", "--out", "f.safetensors")
    assert invoke(*solved).exit_code == 0
    shown = ("report", "f.safetensors", "--moments", "known.safetensors", "--logits", "l.npy")
    assert "--groups FILE says which" in invoke(*shown, "--out", "f.html").stderr
    outcome = invoke(*shown, "--groups", "groups.npy", "--out", "f.html")
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    record = read(files / "f.html").record["sets"][0]
    assert record["focus"].startswith("focus 0.25 by decisions")
    assert record["decisions"]["samples"] == record["samples"]["heldOut"] < 60
    both = ("--rows", "groups.npy", "--groups", "groups.npy", "--out", "g.html")
    assert "give one of them" in invoke(*shown, *both).stderr
