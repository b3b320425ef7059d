"""`covlasso evaluate` as one runs it: figures, rows that count, refusals."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import covlasso
from covlasso import Moments, SplitMoments
from covlasso.cli import app
from covlasso.moments import Split, held_out

N = 12
HELD_OUT = ("d.safetensors", "--moments", "m.safetensors", "--logits", "logits.npy", "--rows", "rows.npy")
KEYS = [str(row // 4) for row in range(240)]


@pytest.fixture(scope="module")
def logits():
    rng = np.random.default_rng(1)
    return rng.standard_normal((240, 5)) @ rng.standard_normal((5, N)) + 0.4 * rng.standard_normal((240, N))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, logits):
    """Dependencies (d, refitted r), moments (m; f without held-out part), logits, groups, labels."""
    folder = tmp_path_factory.mktemp("evaluate")
    side = held_out(KEYS, 0.5)
    names = [f"category {i}" for i in range(N)]
    fit, rest = (Moments(["net"], names) for _ in range(2))
    fit.update({"net": logits[~side]})
    rest.update({"net": logits[side]})
    SplitMoments(fit, rest, split=Split(0.5)).save(folder / "m.safetensors")
    fit.save(folder / "f.safetensors")
    for name, refit in (("d", False), ("r", True)):
        deps = covlasso.solve_moments(fit, target="net", source="net", terms=3, refit=refit)
        deps.save(folder / f"{name}.safetensors")
    np.save(folder / "logits.npy", logits)
    np.save(folder / "rows.npy", side)
    np.save(folder / "labels.npy", np.where(np.arange(240) % 3, logits.argmax(axis=1), 0))
    (folder / "groups.txt").write_text("\n".join(f"picture {key}" for key in KEYS) + "\n", encoding="utf-8")
    return folder


def run(folder, *arguments):
    files = [str(folder / a) if a.endswith((".safetensors", ".npy", ".txt")) else a for a in arguments]
    return CliRunner().invoke(app, ["evaluate", *files])


def record(folder, *arguments):
    result = run(folder, *arguments, "--json", "-")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_moments_give_held_out_figures(folder):
    found = record(folder, "d.safetensors", "--moments", "m.safetensors")
    split = SplitMoments.load(folder / "m.safetensors")
    for name, method in (("d", "lasso"), ("r", "refitted")):
        deps = covlasso.Dependencies.load(folder / f"{name}.safetensors")
        direct = covlasso.evaluate(deps, split)
        listed = [one["held_out_r2"] for one in found["categories"][method]]
        np.testing.assert_allclose(listed, direct.held_out.r2, rtol=1e-9)
        assert found["methods"][method]["held_out_r2"] == pytest.approx(np.median(direct.held_out.r2))
    assert found["samples"] == {"fit": split.fit.count, "held_out": split.held_out.count}
    assert found["categories"]["lasso"][3]["target_name"] == "category 3"


def test_groups_and_rows_name_the_same_held_out_rows(folder, logits):
    by_rows = record(folder, "r.safetensors", "--logits", "logits.npy", "--rows", "rows.npy")
    by_groups = record(
        folder, "r.safetensors", "--moments", "m.safetensors", "--logits", "logits.npy",
        "--groups", "groups.txt", "--groups-regex", r"picture (\d+)",
    )  # fmt: skip
    side = held_out(KEYS, 0.5)
    assert by_rows["logits"]["samples"] == side.sum()
    assert by_rows["logits"] == by_groups["logits"]
    deps = covlasso.Dependencies.load(folder / "r.safetensors")
    direct = covlasso.evaluate(deps, logits=logits[side]).decisions
    listed = [one["logits_replaced_top1"] for one in by_groups["categories"]["refitted"]]
    np.testing.assert_allclose(listed, direct.replaced_top1)
    from_moments = [one["held_out_error"] for one in by_groups["categories"]["refitted"]]
    from_logits = [one["logits_error"] for one in by_groups["categories"]["refitted"]]
    np.testing.assert_allclose(from_moments, from_logits, rtol=1e-9)


def test_rows_of_the_moments_are_told_apart_by_number(folder, logits, tmp_path):
    """Without groups each row is its own: which are held out follows from the file of moments."""
    side = held_out([str(row) for row in range(240)], 0.5)
    parts = [Moments(["net"]) for _ in range(2)]
    for part, rows in zip(parts, (logits[~side], logits[side]), strict=True):
        part.update({"net": rows})
    file = tmp_path / "own.safetensors"
    SplitMoments(*parts, split=Split(0.5)).save(file)
    found = record(folder, "d.safetensors", "--moments", str(file), "--logits", "logits.npy")
    assert found["logits"]["samples"] == side.sum()
    assert not found["logits"]["whole"]
    SplitMoments(*parts, split=Split(0.5, groups="pictures.npy")).save(file)
    refused = run(folder, "d.safetensors", "--moments", str(file), "--logits", "logits.npy")
    assert refused.exit_code == 2
    assert all(word in refused.stderr for word in ("logits.npy", "(pictures.npy)", "--groups FILE"))


def test_rows_of_moments_from_the_command_line_are_told_apart_by_number(folder, tmp_path):
    file = str(tmp_path / "made.safetensors")
    made = CliRunner().invoke(app, ["moments", str(folder / "logits.npy"), "--names", "net", "--out", file])
    assert made.exit_code == 0, made.output
    found = record(folder, "d.safetensors", "--moments", file, "--logits", "logits.npy")
    assert found["logits"]["samples"] == held_out([str(row) for row in range(240)], 0.5).sum()


def test_tables_say_what_they_are(folder):
    result = run(
        folder, "d.safetensors", "--moments", "m.safetensors", "--baselines", "--top", "2",
        "--logits", "logits.npy", "--rows", "rows.npy", "--labels", "labels.npy", "--eps", "0.3",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    for part in (
        "within net",
        "matching pursuit",
        "random terms",
        "all others",
        "0.3 rms",
        "labels",
        "category ",
    ):
        assert part in result.stdout, part
    assert "All rows" not in result.stdout
    whole = run(folder, "d.safetensors", "--logits", "logits.npy")
    assert "All rows" in whole.stdout
    assert "the network's own decisions" in " ".join(whole.stdout.split())


def test_figures_of_decisions_are_those_of_the_logits(folder, logits):
    found = record(
        folder, "r.safetensors", "--moments", "m.safetensors", "--logits", "logits.npy", "--rows", "rows.npy",
        "--labels", "labels.npy",
    )  # fmt: skip
    side = held_out(KEYS, 0.5)
    labels = np.load(folder / "labels.npy")[side]
    deps = covlasso.Dependencies.load(folder / "r.safetensors")
    made = covlasso.evaluate(deps, logits=logits[side], labels=labels).decisions
    summary = found["methods"]["refitted"]
    for rate in ("recall", "false_alarms", "precision", "f1"):
        assert found["logits"]["network"][rate] == pytest.approx(made.network.mean(rate))
        assert summary[f"mean_replaced_{rate}"] == pytest.approx(made.replaced.mean(rate))
        assert summary[f"mean_at_once_{rate}"] == pytest.approx(made.at_once.mean(rate))
        listed = [one[f"logits_replaced_{rate}"] for one in found["categories"]["refitted"]]
        expected = [None if np.isnan(value) else value for value in getattr(made.replaced, rate)]
        assert listed == pytest.approx(expected)
    assert summary["at_once_top1"] == pytest.approx(made.at_once_top1)
    for t, confused in enumerate(found["confusions"]):
        assert confused["target"] == t
        pairs = [(one["category"], one["count"]) for one in confused["false_alarms"]]
        assert pairs == made.confusions.most(t).false_alarms
        assert all(one["name"] == f"category {one['category']}" for one in confused["misses"])


def test_the_class_mean_stands_beside_where_classes_are_known(folder, logits, tmp_path):
    side = held_out(KEYS, 0.5)
    parts = [Moments(["net"], classes="decisions") for _ in range(2)]
    for part, rows in zip(parts, (logits[~side], logits[side]), strict=True):
        part.update({"net": rows})
    file = tmp_path / "classes.safetensors"
    SplitMoments(*parts, split=Split(0.5, groups="keys")).save(file)
    given = ("r.safetensors", "--moments", str(file), "--logits", "logits.npy", "--rows", "rows.npy")
    found = record(folder, *given)
    assert list(found["methods"]) == ["lasso", "refitted", "random", "class mean"]
    assert found["methods"]["class mean"].get("held_out_r2") is None
    shown = " ".join(run(folder, *given).stdout.split())
    assert "the category and its level alone" in shown
    assert "taken for it" in shown
    assert "all 12 logits replaced at once" in shown


@pytest.fixture(scope="module")
def with_classes(folder, logits):
    """The same moments, which know the decisions of the network."""
    side = held_out(KEYS, 0.5)
    parts = [Moments(["net"], [f"category {i}" for i in range(N)], classes="decisions") for _ in range(2)]
    for part, rows in zip(parts, (logits[~side], logits[side]), strict=True):
        part.update({"net": rows})
    file = folder / "known.safetensors"
    SplitMoments(*parts, split=Split(0.5, groups="keys")).save(file)
    return file


def test_focus_and_terms_are_chosen_on_the_logits(folder, logits, with_classes):
    given = (
        "r.safetensors", "--moments", "known.safetensors", "--logits", "logits.npy", "--rows", "rows.npy",
        "--focus", "0.1,0.3", "--terms", "2,4",
    )  # fmt: skip
    found = record(folder, *given)
    side = held_out(KEYS, 0.5)
    direct = covlasso.choose_focus(
        SplitMoments.load(with_classes), logits, rows=side, alphas=(0.1, 0.3), terms=(2, 4)
    )
    assert found["chosen"] == {"focus": direct.focus, "terms": direct.terms}
    assert [one["f1"] for one in found["cells"]] == pytest.approx(direct.table().ravel().tolist())
    assert (found["alphas"], found["terms"]) == ([0.1, 0.3], [2, 4])
    assert found["network"]["f1"] == pytest.approx(direct.network.mean("f1"))
    shown = " ".join(run(folder, *given).stdout.split())
    assert f"Chosen: focus {direct.focus:g} with {direct.terms} terms" in shown
    assert "quote figures on others" in shown


def test_a_focus_is_said_and_has_its_own_baselines(folder, logits, with_classes, tmp_path):
    split = SplitMoments.load(with_classes)
    file = tmp_path / "focused.safetensors"
    covlasso.solve_moments(split.fit, terms=3, refit=True, focus=0.3, kind="covariance").save(file)
    given = (
        str(file), "--moments", "known.safetensors", "--logits", "logits.npy", "--rows", "rows.npy",
        "--baselines",
    )  # fmt: skip
    found = record(folder, *given)
    assert tuple(found["methods"]) == covlasso.evidence.METHODS
    assert found["focus"] == "focus 0.3 by decisions"
    assert "Equations with focus 0.3 by decisions." in run(folder, *given).stdout
    plain = covlasso.solve_moments(split.fit, terms=3, refit=True, kind="covariance")
    expected = covlasso.evaluate(plain, split, logits=logits, rows=held_out(KEYS, 0.5)).decisions
    f1 = {method: summary["mean_replaced_f1"] for method, summary in found["methods"].items()}
    assert f1["all samples"] == pytest.approx(expected.replaced.mean("f1"))
    assert f1["refitted"] != f1["all samples"]


def test_focused_equations_are_measured_on_moments_without_classes(folder, with_classes, tmp_path):
    """What needs the means by class is left out: the Lasso beside the refitted ones."""
    split = SplitMoments.load(with_classes)
    file = tmp_path / "focused.safetensors"
    deps = covlasso.solve_moments(split.fit, terms=3, refit=True, focus=0.3)
    deps.save(file)
    found = record(folder, str(file), "--moments", "m.safetensors")
    assert tuple(found["methods"]) == ("refitted",)
    expected = covlasso.evaluate(deps, SplitMoments.load(folder / "m.safetensors"))
    assert found["methods"]["refitted"]["held_out_r2"] == pytest.approx(np.median(expected.held_out.r2))


def test_nothing_held_out_needs_a_waiver(folder):
    result = run(folder, "d.safetensors", "--moments", "f.safetensors")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert "--in-sample" in result.stderr
    waived = run(folder, "d.safetensors", "--moments", "f.safetensors", "--in-sample")
    assert waived.exit_code == 0
    assert "NOTHING HELD OUT" in waived.stdout


def test_equations_of_other_samples_are_told(folder, logits, tmp_path):
    parts = [Moments(["net"]) for _ in range(2)]
    parts[0].update({"net": logits[:100]})
    parts[1].update({"net": logits[100:]})
    file = tmp_path / "other.safetensors"
    SplitMoments(*parts).save(file)
    assert record(folder, "r.safetensors", "--moments", "m.safetensors")["found_on_fit"]
    assert not record(folder, "r.safetensors", "--moments", str(file))["found_on_fit"]
    result = run(folder, "r.safetensors", "--moments", str(file))
    assert "NOT found on the fit part" in " ".join(result.stdout.split())
    assert "not found again" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["d.safetensors"], "--moments FILE, --logits FILE"),
        (["m.safetensors", "--moments", "m.safetensors"], "these are moments; run `covlasso solve` first"),
        (["d.safetensors", "--moments", "d.safetensors"], "these are dependencies; give the moments"),
        (["d.safetensors", "--moments", "none.safetensors"], "none.safetensors"),
        (["d.safetensors", "--moments", "m.safetensors", "--labels", "labels.npy"], "--labels"),
        (["d.safetensors", "--logits", "logits.npy", "--logits", "logits.npy"], "--logits is given 2 times"),
        (["d.safetensors", "--logits", "logits.npy", "--groups", "groups.txt"], "--groups needs --moments"),
        (
            ["d.safetensors", "--moments", "m.safetensors", "--groups-regex", "."],
            "--groups-regex is for logits",
        ),
        (["d.safetensors", "--logits", "logits.npy", "--groups-regex", "."], "give that FILE too"),
        (["d.safetensors", "--logits", "logits.npy", "--baselines"], "--baselines"),
        (["d.safetensors", "--logits", "logits.npy", "--rows", "labels.npy"], "booleans"),
        (["d.safetensors", "--logits", "labels.npy"], "labels.npy"),
        (["d.safetensors", "--logits", "logits.npy", "--eps", "-1"], "eps"),
        (["d.safetensors", "--logits", "logits.npy", "--focus", "0.1"], "--focus solves on moments"),
        (["d.safetensors", "--moments", "m.safetensors", "--focus", "0.1"], "--logits FILE"),
        (
            [*HELD_OUT, "--focus", "0.1;0.2"],
            "--focus is '0.1;0.2'",
        ),
        (
            [*HELD_OUT, "--focus", "0.1", "--terms", "3"],
            "--classes decisions",
        ),
    ],
)
def test_bad_input_is_one_line(folder, arguments, part):
    result = run(folder, *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert part in result.stderr
