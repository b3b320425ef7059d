"""Square brackets in names, paths and expressions reach the terminal as they are, in every command."""

import numpy as np
import pytest
from picture_files import write_pictures
from typer.testing import CliRunner

from covlasso._base.progress import bars
from covlasso.cli import app

MODELS = ("net[large]", "b[/b] :cat:")
CLASSES = ("[/b]", "[red]", "a[0]", ":cat:", "[bold]x[/bold]", "\\[x]", "[link=https://a.b]", "plain")
FILMS = r"([a-z]+[0-9]+)_"


def run(*arguments, code=0):
    answer = CliRunner(env={"COLUMNS": "400", "TERM": "dumb"}).invoke(app, [str(a) for a in arguments])
    assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
    assert answer.exit_code == code, answer.output
    return answer.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("run") / "[final]["
    place.mkdir()  # of paths such as m[/b].safetensors, "m[" is a folder
    for name in ("m[", "d[", "keys[", "names[", "labels[", "page[", "e["):
        (place / name).mkdir()
    rng = np.random.default_rng(0)
    base = rng.standard_normal((400, 4)) @ rng.standard_normal((4, len(CLASSES)))
    for number in range(2):
        logits = base + 0.3 * rng.standard_normal(base.shape)
        np.save(place / f"{number}[red].npy", logits.astype("f4"))
    np.save(place / "labels[/i].npy", base.argmax(axis=1))
    (place / "keys[/b].txt").write_text("".join(f"film{k // 4}_{k % 4}.jpg\n" for k in range(400)))
    (place / "names[/b].txt").write_text("".join(f"{name}\n" for name in CLASSES))
    return place


@pytest.fixture(scope="module")
def moments(folder):
    out = folder / "m[/b].safetensors"
    options = ["--names", MODELS[0], "--names", MODELS[1], "--class-names", folder / "names[/b].txt"]
    options += ["--labels", folder / "labels[/i].npy", "--groups", folder / "keys[/b].txt"]
    options += ["--groups-regex", FILMS, "--held-out", 0.5, "--folds", 2, "--out", out]
    return out, run("moments", *(folder / f"{k}[red].npy" for k in range(2)), *options)


@pytest.fixture(scope="module")
def solved(folder, moments):
    out = folder / "d[/b].safetensors"
    return out, run(
        "solve", moments[0], "--target", MODELS[0], "--source", MODELS[1], "--terms", 3, "--out", out
    )


def test_moments(moments):
    out, said = moments
    assert all(model in said for model in MODELS)
    assert FILMS in said
    assert str(out) in said
    assert out.exists()


def test_solve(solved):
    out, said = solved
    assert f"{MODELS[0]} from {MODELS[1]}" in said or all(model in said for model in MODELS)
    assert str(out) in said


def test_show(solved, moments):
    overview = run("show", solved[0], "--moments", moments[0])
    assert all(model in overview for model in MODELS)
    for number, name in enumerate(CLASSES):
        said = run("show", solved[0], f"#{number}")
        assert name in said
    assert all(name in overview for name in CLASSES)


def test_evaluate(folder, solved, moments):
    options = (
        "--moments", moments[0], "--logits", folder / "0[red].npy",
        "--logits", folder / "1[red].npy", "--labels", folder / "labels[/i].npy",
        "--groups", folder / "keys[/b].txt", "--groups-regex", FILMS,
    )  # fmt: skip
    said = run("evaluate", solved[0], *options)
    assert all(model in said for model in MODELS)
    assert all(name in said for name in CLASSES)
    said = run("evaluate", solved[0], *options, "--focus", "0.1,0.3", "--terms", "1,2")
    assert all(model in said for model in MODELS)


def test_report_and_export(folder, solved, moments):
    page = folder / "page[/b].html"
    assert str(page) in run("report", solved[0], "--moments", moments[0], "--title", "t[/b]", "--out", page)
    text = run("export", solved[0])
    assert all(model in text or name in text for model in MODELS for name in CLASSES)
    run("export", solved[0], "--out", folder / "e[/b].csv")


@pytest.mark.parametrize(
    "command",
    [
        ("show", "no[/b].safetensors"),
        ("solve", "no[/b].safetensors", "--terms", 1, "--out", "x"),
        ("evaluate", "no[/b].safetensors", "--moments", "no[/b].safetensors"),
        ("report", "no[/b].safetensors", "--out", "x"),
        ("export", "no[/b].safetensors"),
        ("moments", "no[/b].npy", "--out", "x"),
    ],
)
def test_errors(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = run(*command, code=2)
    assert "no[/b]." in said
    assert said.startswith("error: ")


@pytest.mark.parametrize(
    "command", ["moments", "solve", "show", "evaluate", "report", "export", "extract", "demo"]
)
def test_wrong_options_are_repeated_as_they_are(command):
    assert "--no[/b][red]" in run(command, "--no[/b][red]", code=2)


def test_bars(capsys):
    with bars() as report:
        report("net[/b] [red]x :cat:", 1, 2, "note[/i] [0]")
    drawn = " ".join(capsys.readouterr().err.split())
    assert "net[/b] [red]x :cat:" in drawn
    assert "note[/i] [0]" in drawn


def test_extract(tmp_path):
    pytest.importorskip("timm", reason="extract needs timm")
    root = write_pictures(tmp_path / "data[/b]", ("cat[0]", "val", "[/b]"), 4)
    (root / "old[red].tar").write_bytes(b"")
    out = tmp_path / "[red]" / "m[0].safetensors"
    out.parent.mkdir()
    options = ["--names", MODELS[1], "--checkpoint", "random", "--held-out", 0.5, "-j", 0, "-b", 4]
    options += ["--groups", r"([^/]+/[0-9]+)", "--out", out]
    said = run("extract", "test_resnet", "--data", root, *options)
    assert MODELS[1] in said
    assert f"archive {root / 'old[red].tar'} not read" in said
    assert f"{root / 'val'} is read as one folder among others" in said
    assert f"written to {out}" in said


def test_extract_reads_one_root(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
    roots = ["--data", tmp_path / "a", "--data", tmp_path / "b"]
    said = run("extract", "test_resnet", *roots, "--out", tmp_path / "m", code=2)
    assert said.startswith(
        f"error: --data is given 2 times, {tmp_path / 'a'}, {tmp_path / 'b'}; give one folder"
    )
