"""``covlasso moments``: files checked against the raw logits, every wrong usage with one line, Ctrl-C."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

from covlasso import Accumulator, SplitMoments
from covlasso.cli import app
from covlasso.moments import held_out
from covlasso.moments.split import fold

ROWS = 230
GROUPS = np.arange(ROWS) // 5
KEYS = [str(group) for group in GROUPS]


def logits():
    rng = np.random.default_rng(0)
    return {
        "a": (rng.standard_normal((ROWS, 7)) + 2.0).astype(np.float16),
        "b": rng.standard_normal((ROWS, 7)).astype(np.float32),
    }


@pytest.fixture
def folder(tmp_path):
    for name, rows in logits().items():
        np.save(tmp_path / f"{name}.npy", rows)
    np.save(tmp_path / "groups.npy", GROUPS)
    np.save(tmp_path / "labels.npy", np.where(GROUPS % 3 == 0, -1, np.arange(ROWS) % 7))
    (tmp_path / "classes.txt").write_text("".join(f"<class {k}>\n" for k in range(7)), encoding="utf-8")
    return tmp_path


def invoke(folder, *arguments, out="m.safetensors"):
    """Run in ``folder``: arguments that name files there become paths."""
    words = [str(folder / word) if (folder / word.split(":")[0]).is_file() else word for word in arguments]
    return CliRunner().invoke(app, ["moments", *words, "--out", str(folder / out)])


def assert_moments_of(moments, inside):
    samples = {name: rows[inside].astype(np.float64) for name, rows in logits().items()}
    assert moments.count == inside.sum()
    for name in moments.names:
        for other in moments.names:
            expected = samples[name].T @ samples[other] / inside.sum()
            np.testing.assert_allclose(moments.second_moment(name, other), expected, atol=1e-13)


def assert_fails(outcome, *parts):
    assert outcome.exit_code == 2, outcome.output
    assert outcome.stdout == "" or outcome.stdout.startswith("classes: "), "what is said before the work"
    assert outcome.stdout.count("\n") <= 1
    assert outcome.stderr.startswith("error: ")
    assert outcome.stderr.count("\n") == 1, outcome.stderr
    for part in parts:
        assert part in outcome.stderr, f"{part!r} is not in {outcome.stderr}"


def test_two_models_in_halves_and_folds(folder):
    words = ("a.npy", "b.npy", "--names", "first", "second", "--groups", "groups.npy", "--folds", "3")
    outcome = invoke(folder, *words, "--held-out", "0.4", "--class-names", "classes.txt")
    assert outcome.exit_code == 0, outcome.output
    outside = held_out(KEYS, 0.4)
    assert f"{ROWS} rows: {(~outside).sum()} to fit on in 3 folds, {outside.sum()} held out" in outcome.stdout
    found = SplitMoments.load(folder / "m.safetensors")
    assert found.fit.names == ("first", "second")
    assert found.fit.class_names["second"][3] == "<class 3>"
    assert found.split.groups == "groups.npy"
    renamed = {"first": "a", "second": "b"}
    for moments, inside in [
        (found.fit, ~outside),
        (found.held_out, outside),
        *((part, ~outside & (fold(KEYS, 3) == k)) for k, part in enumerate(found.folds)),
    ]:
        samples = {name: logits()[old][inside].astype(np.float64) for name, old in renamed.items()}
        assert moments.count == inside.sum()
        for name, x in samples.items():
            for other, y in samples.items():
                np.testing.assert_allclose(
                    moments.second_moment(name, other), x.T @ y / inside.sum(), atol=1e-13
                )


def test_defaults(folder):
    outcome = invoke(folder, "a.npy", "b.npy")
    assert outcome.exit_code == 0, outcome.output
    assert "give --groups" in outcome.stdout
    found = SplitMoments.load(folder / "m.safetensors")
    assert found.fit.names == ("a", "b")
    outside = held_out([str(row) for row in range(ROWS)], 0.5)
    assert_moments_of(found.fit, ~outside)
    assert_moments_of(found.held_out, outside)


def test_nothing_held_out(folder):
    outcome = invoke(folder, "a.npy", "--held-out", "0")
    assert outcome.exit_code == 0, outcome.output
    assert "give --groups" not in outcome.stdout
    found = SplitMoments.load(folder / "m.safetensors")
    assert found.held_out is None
    assert_moments_of(found.fit, np.ones(ROWS, dtype=bool))


def test_every_format_and_batch_size_gives_the_same_file(folder):
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet is read by pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet", reason="Parquet is read by pyarrow")
    rows = logits()["b"]
    np.savez_compressed(folder / "b.npz", x=rows, y=GROUPS)
    save_file({"x": rows, "y": GROUPS}, folder / "b.safetensors")
    parquet.write_table(
        pyarrow.table({f"<class {k}>": rows[:, k] for k in range(7)}), folder / "b.parquet", row_group_size=31
    )
    contents = []
    for file in ("b.npy", "b.npz:x", "b.safetensors:x", "b.parquet"):
        for size in ("1", "64", "1000"):
            words = (file, "--names", "b", "--batch-size", size, "--class-names", "classes.txt", "--force")
            outcome = invoke(folder, *words)
            assert outcome.exit_code == 0, outcome.output
            contents.append((folder / "m.safetensors").read_bytes())
    assert len(set(contents)) == 1
    assert invoke(folder, "b.parquet", "--force").exit_code == 0
    assert SplitMoments.load(folder / "m.safetensors").fit.class_names["b"][6] == "<class 6>"


def test_groups_by_a_pattern(folder):
    (folder / "paths.txt").write_text("".join(f"clip{g}/{r}.png\n" for r, g in enumerate(GROUPS)))
    outcome = invoke(folder, "a.npy", "--groups", "paths.txt", "--groups-regex", r"clip(\d+)/")
    assert outcome.exit_code == 0, outcome.output
    assert_moments_of(SplitMoments.load(folder / "m.safetensors").held_out, held_out(KEYS, 0.5))


def test_labels_give_top1_of_each_half(folder):
    words = ("a.npy", "b.npy", "--groups", "groups.npy", "--labels", "labels.npy", "--json", "-")
    outcome = invoke(folder, *words, "--batch-size", "17")
    assert outcome.exit_code == 0, outcome.output
    record = json.loads(outcome.stdout)
    labels = np.load(folder / "labels.npy")
    outside = held_out(KEYS, 0.5)
    for half, side in (("fit", ~outside), ("held_out", outside)):
        rows = side & (labels >= 0)
        assert record["labelled"][half] == rows.sum()
        for name, values in logits().items():
            expected = (values[rows].argmax(axis=1) == labels[rows]).mean()
            assert record["models"][name]["top1"][half] == pytest.approx(expected, abs=1e-15)
    assert record["rows"] == {"all": ROWS, "fit": (~outside).sum(), "held_out": outside.sum()}
    assert record["schema"] == "covlasso-moments-1"


def test_a_file_is_overwritten_only_by_force(folder):
    (folder / "m.safetensors").write_bytes(b"old")
    assert_fails(invoke(folder, "a.npy"), "m.safetensors", "--force")
    assert (folder / "m.safetensors").read_bytes() == b"old"
    assert invoke(folder, "a.npy", "--force").exit_code == 0


WRONG = {
    "no file": (("no.npy",), ("no.npy", "there is no such file")),
    "rows differ": (("a.npy", "short.npy"), ("a.npy has 230 rows", "short.npy has 9 rows")),
    "not finite": (("nan.npy",), ("nan.npy", "nan at row 200, column 3")),
    "equal names": (("a.npy", "a.npy"), ("a, a", "--names")),
    "fewer names": (("a.npy", "b.npy", "--names", "x"), ("1 names (x) for 2 files",)),
    "groups of another length": (("short.npy", "--groups", "groups.npy"), ("230 groups for 9 rows",)),
    "labels of another length": (
        ("short.npy", "--labels", "labels.npy"),
        ("labels has shape (230,)", "(9,) is expected"),
    ),
    "labels that are no categories": (("a.npy", "--labels", "groups.npy"), ("labels[35] is 7", "0 to 6")),
    "labels that are floats": (("a.npy", "--labels", "short.npy"), ("short.npy", "integers")),
    "class names of another length": (("short.npy", "--class-names", "classes.txt"), ("5 categories", "7")),
    "regex without groups": (("a.npy", "--groups-regex", "x"), ("--groups-regex", "--groups")),
    "regex that does not match": (
        ("a.npy", "--groups", "groups.npy", "--groups-regex", "^x"),
        ("'^x' does not match '0'",),
    ),
    "one fold": (("a.npy", "--folds", "1"), ("folds", "1")),
    "all held out": (("a.npy", "--held-out", "1"), ("held_out", "1.0")),
    "one group": (("a.npy", "--groups", "one.txt"), ("has no sample", "more groups")),
    "truncated": (("cut.npy",), ("cut.npy", "not what its name says")),
    "suffix": (("classes.txt",), ("classes.txt", ".npy, .npz")),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage(case, folder):
    np.save(folder / "short.npy", np.ones((9, 5)))
    rows = logits()["a"]
    rows[200, 3] = np.nan
    np.save(folder / "nan.npy", rows)
    (folder / "cut.npy").write_bytes((folder / "a.npy").read_bytes()[:-8])
    (folder / "one.txt").write_text("one\n" * ROWS)
    words, parts = WRONG[case]
    assert_fails(invoke(folder, *words), *parts)
    assert not (folder / "m.safetensors").exists()


def test_a_folder_that_is_not_there(folder):
    assert_fails(invoke(folder, "a.npy", out="no/m.safetensors"), "there is no folder")


def assert_classes_of(moments, inside, labels):
    samples = {name: rows[inside].astype(np.float64) for name, rows in logits().items()}
    for by in samples:
        place = labels[inside] if moments.classes == "labels" else samples[by].argmax(axis=1)
        own = (place == np.arange(7)[:, np.newaxis]).astype(float)
        assert np.array_equal(moments.class_counts(by), own.sum(axis=1))
        for name, x in samples.items():
            expected = own @ x / np.maximum(own.sum(axis=1, keepdims=True), 1)
            np.testing.assert_allclose(moments.class_means(name, by), expected, atol=1e-13)


@pytest.mark.parametrize(("words", "kind", "said"), [
    ((), "decisions", "decisions, 3.1 kB"),
    (("--classes", "labels"), "labels", "labels, 1.6 kB"),
    (("--classes", "none"), None, "none (decisions: 3.1 kB)"),
])  # fmt: skip
def test_means_by_class(folder, words, kind, said):
    more = ("--groups", "groups.npy", "--labels", "labels.npy", "--batch-size", "64")
    outcome = invoke(folder, "a.npy", "b.npy", *more, *words, "--json", str(folder / "r.json"))
    assert outcome.exit_code == 0, outcome.output
    assert outcome.stdout.startswith(f"classes: {said}\n")
    assert json.loads((folder / "r.json").read_text())["classes"] == kind
    found, outside = SplitMoments.load(folder / "m.safetensors"), held_out(KEYS, 0.5)
    for moments, inside in [(found.fit, ~outside), (found.held_out, outside)]:
        assert moments.classes == kind
        if kind is not None:
            assert_classes_of(moments, inside, np.load(folder / "labels.npy"))


def test_json_on_standard_output_is_all_there_is(folder):
    assert json.loads(invoke(folder, "a.npy", "--json", "-").stdout)["classes"] == "decisions"


def test_classes_that_cannot_be(folder):
    assert_fails(invoke(folder, "a.npy", "--classes", "own"), "--classes own", "labels, decisions, none")
    assert_fails(invoke(folder, "a.npy", "--classes", "labels"), "--classes labels", "--labels")


def test_ctrl_c_ends_with_one_line(folder, monkeypatch):
    def interrupt(self, *arguments, update=Accumulator.update):
        if self.count:
            raise KeyboardInterrupt
        update(self, *arguments)

    monkeypatch.setattr(Accumulator, "update", interrupt)
    outcome = invoke(folder, "a.npy", "--batch-size", "100")
    assert outcome.exit_code == 130
    assert outcome.stderr == "error: interrupted after 100 of 230 rows; nothing is written\n"
    assert not (folder / "m.safetensors").exists()


def test_help_names_the_options():
    outcome = CliRunner().invoke(app, ["moments", "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert outcome.exit_code == 0
    for option in (
        "--names",
        "--groups",
        "--labels",
        "--class-names",
        "--held-out",
        "--folds",
        "--classes",
        "--force",
    ):
        assert option in outcome.stdout


@pytest.mark.parametrize("by", ["labels", "names", "superclasses", "rows"])
def test_groups_that_are_classes_are_said_to_be(folder, by):
    labels = np.arange(ROWS) % 7
    np.save(folder / "labels.npy", np.where(np.arange(ROWS) % 10 == 0, -1, labels))
    keys = {
        "labels": [f"folder {k}" for k in labels],
        "names": [f"<class {k}>" for k in labels],
        "superclasses": [f"{k // 2}" for k in labels],
        "rows": [f"{row}" for row in range(ROWS)],
    }[by]
    (folder / "keys.txt").write_text("".join(f"{key}\n" for key in keys))
    more = ["--class-names", "classes.txt"] if by == "names" else ["--labels", "labels.npy"]
    outcome = invoke(folder, "a.npy", "--groups", "keys.txt", *more)
    assert outcome.exit_code == 0, outcome.output
    outside = held_out(keys, 0.5)
    lost = sum(outside[labels == k].all() for k in range(7))
    line = f"whole classes are held out: {lost} of 7 have no sample to fit on"
    assert (0 < lost < 7) == (by != "rows")
    assert (line in outcome.stdout) == (by != "rows")
    out = invoke(folder, "a.npy", "--groups", "keys.txt", *more, "--force", "--json", "-").stdout
    assert [note.startswith(line) for note in json.loads(out)["notes"]] == [True] * (by != "rows")


def test_names_of_several_categories_are_told(folder):
    (folder / "classes.txt").write_text("sr\nuz\nsr\nmk\nuz\nbg\nel\n", encoding="utf-8")
    result = invoke(folder, "a.npy", "--class-names", "classes.txt")
    assert result.exit_code == 0, result.output
    assert "names of several categories, shown with their numbers: sr (0, 2); uz (1, 4)" in result.output


def test_class_names_in_another_encoding_are_refused_before_the_work(folder):
    (folder / "classes.txt").write_bytes("Löwe\n".encode("latin-1") * 7)
    result = invoke(folder, "a.npy", "--class-names", "classes.txt")
    assert result.exit_code == 2
    assert "line 1 is not UTF-8" in result.stderr
    assert not (folder / "m.safetensors").exists()


def test_row_centred_logits(folder):
    outcome = invoke(folder, "a.npy", "b.npy", "--row-centred", "--json", str(folder / "r.json"))
    assert outcome.exit_code == 0, outcome.output
    assert "row-centred" in outcome.stdout
    assert json.loads((folder / "r.json").read_text())["row_centred"] is True
    fit = SplitMoments.load(folder / "m.safetensors").fit
    inside = ~held_out([str(k) for k in range(ROWS)], 0.5)
    samples = {name: rows[inside].astype(np.float64) for name, rows in logits().items()}
    centred = {name: rows - rows.mean(axis=1, keepdims=True) for name, rows in samples.items()}
    expected = centred["a"].T @ centred["b"] / inside.sum()
    np.testing.assert_allclose(fit.second_moment("a", "b"), expected, atol=1e-13)
