"""``covlasso solve``: dependencies checked from raw logits, every wrong usage, and the slices of ranks."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from ranks import run_ranks
from typer.testing import CliRunner

import covlasso
from covlasso import Dependencies, Moments, Origin, SplitMoments, solver
from covlasso.cli import app
from covlasso.dependencies import dependencies, labels
from covlasso.solver import solve_moments, work

SAMPLES, N = 600, 12
NAMES = [
    "car",
    "a 'b' \"c\"",
    "<script>",
    "großer Hund",
    "",
    "crane",
    "crane",
    "犬",
    "x,y",
    "[red]",
    "é",
    "z",
]


def logits(seed=0, n=N):
    """Logits of two networks, a part of which is common to both; not centred, of different scales."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((SAMPLES, 4))
    return {
        "a": common @ rng.standard_normal((4, N)) + 0.5 * rng.standard_normal((SAMPLES, N)) + 0.3,
        "b": (common @ rng.standard_normal((4, n)) + rng.standard_normal((SAMPLES, n)))
        * rng.uniform(0.5, 2.0, n),
    }


def moments_of(batch, class_names=None):
    moments = Moments(list(batch), class_names)
    moments.update(batch)
    return moments


@pytest.fixture
def batch():
    return logits()


@pytest.fixture
def file(tmp_path, batch):
    """Both models, named alike; one half held out, so that only the other may be used."""
    path = tmp_path / "m.safetensors"
    half = SAMPLES // 2
    fit = moments_of({name: rows[:half] for name, rows in batch.items()}, NAMES)
    SplitMoments(fit, moments_of({name: rows[half:] for name, rows in batch.items()}, NAMES)).save(path)
    return path


@pytest.fixture
def single(tmp_path, batch):
    path = tmp_path / "single.safetensors"
    moments_of({"a": batch["a"]}, {"a": NAMES}).save(path)
    return path


def invoke(*arguments, **options):
    return CliRunner().invoke(app, ["solve", *map(str, arguments)], **options)


def solve(file, *arguments):
    """Run the command; the dependencies that it wrote."""
    out = file.parent / "d.safetensors"
    outcome = invoke(file, *arguments, "--out", out, "--force")
    assert outcome.exit_code == 0, outcome.output
    return Dependencies.load(out)


def transformed(rows, kind):
    """Fit half of the logits as each option wants them."""
    rows = rows[: SAMPLES // 2]
    if kind != "second_moment":
        rows = rows - rows.mean(axis=0)
    return rows / rows.std(axis=0) if kind == "correlation" else rows


def check_optimal(found, f, g, own):
    """KKT conditions and errors of every row, from raw logits; ``own`` lists the excluded sources."""
    b = found.coef.toarray()
    residual = f - g @ b.T
    gradient = 2.0 * residual.T @ g / len(f)
    noise = 1e-10 * np.abs(2.0 * f.T @ g / len(f)).max(axis=1)
    for t, lam in enumerate(found.lam):
        free = np.setdiff1d(np.arange(b.shape[1]), own[t])
        assert not b[t, own[t]].any()
        assert np.abs(gradient[t, free]).max() <= lam + noise[t]
        active = np.flatnonzero(b[t])
        np.testing.assert_allclose(gradient[t, active], lam * np.sign(b[t, active]), rtol=0, atol=noise[t])
    np.testing.assert_allclose(found.error, np.mean(residual**2, axis=0), rtol=1e-9)
    np.testing.assert_allclose(found.energy, np.mean(f**2, axis=0), rtol=1e-12)


KINDS = {
    "second_moment": [],
    "covariance": ["--kind", "covariance"],
    "correlation": ["--kind", "correlation"],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("models", [("a", "a"), ("a", "b"), ("b", "a")])
@pytest.mark.parametrize("place", [("--terms", 3), ("--lam", 0.2), ("--relative-error", 0.4)])
def test_solutions_are_optimal_on_the_raw_logits_of_the_fit_half(file, batch, models, kind, place):
    target, source = models
    found = solve(file, "--target", target, "--source", source, *place, *KINDS[kind])
    f, g = (transformed(batch[name], kind) for name in models)
    check_optimal(found, f, g, [[i] for i in range(N)])
    assert found.origin == Origin(target, source, kind)
    assert found.intra == (target == source)
    assert found.target_names == found.source_names == tuple(NAMES)
    if place[0] == "--terms":
        assert (found.n_terms == 3).all()
    elif place[0] == "--lam":
        np.testing.assert_array_equal(found.lam, 0.2)
    else:
        reached = found.status == "certified"
        assert reached.any()
        np.testing.assert_allclose(found.relative_error[reached], 0.4, rtol=1e-9)
        assert (found.relative_error[~reached] > 0.4).all()
        assert (found.status[~reached] == "exhausted").all()


def test_options_reach_the_problem(file, batch):
    f = transformed(batch["a"], "second_moment")
    gram = f.T @ f / len(f)
    found = solve(file, "--target", "a", "--lam", 0.1, "--l2", 0.5, "--positive")
    expected = covlasso.solve(gram, lam=0.1, l2=0.5, positive=True)
    np.testing.assert_allclose(found.coef.toarray(), expected.coef.toarray(), atol=1e-9)
    assert (found.coef.data >= 0).all()
    assert found.origin == Origin("a", "a", l2=0.5, positive=True)
    refitted = solve(file, "--target", "a", "--terms", 2, "--refit")
    assert refitted.refit
    for t, row in enumerate(refitted.coef.toarray()):
        support = np.flatnonzero(row)
        best, *_ = np.linalg.lstsq(f[:, support], f[:, t], rcond=None)
        np.testing.assert_allclose(row[support], best, rtol=1e-8)
    short = solve(file, "--target", "a", "--lam", 0.0, "--max-terms", 2)
    assert (short.n_terms == 2).all()
    assert (short.status == "terms").all()


def test_a_pursuit_reaches_the_problem_and_is_called_one(file, batch):
    f = transformed(batch["a"], "second_moment")
    found = solve(file, "--target", "a", "--method", "pursuit", "--terms", 4)
    expected = covlasso.solve(f.T @ f / len(f), terms=4, method="pursuit")
    np.testing.assert_allclose(found.coef.toarray(), expected.coef.toarray(), atol=1e-9)
    assert found.solution == "pursuit"
    arguments = ("--target", "a", "--source", "b", "--method", "pursuit", "--terms", 4, "--json", "-")
    outcome = invoke(file, *arguments, "--out", file.parent / "d.safetensors", "--force")
    record = json.loads(outcome.stdout)
    assert (record["method"], record["refit"]) == ("pursuit", True)
    outcome = invoke(file, *arguments[:-2], "--out", file.parent / "d.safetensors", "--force")
    assert "matching pursuit" in outcome.output


def test_one_model_needs_no_name(single):
    found = solve(single, "--terms", 2)
    assert found.origin == Origin("a", "a")
    assert found.n_targets == N


def test_the_twin_is_excluded_by_name_unless_allowed(tmp_path):
    batch = logits(seed=2, n=5)
    batch["b"][:, 3] = batch["a"][:, 0]  # the perfect answer, which is no answer
    names = {"a": NAMES, "b": ["crane", "犬", "new", "car", "z"]}
    path = tmp_path / "m.safetensors"
    moments_of(batch, names).save(path)
    own = [[j for j, name in enumerate(names["b"]) if name == wanted] for wanted in NAMES]
    assert own[0] == [3]
    assert own[5] == own[6] == [0]
    found = solve(path, "--target", "a", "--source", "b", "--lam", 0.05)
    check_optimal(found, batch["a"], batch["b"], own)
    free = solve(path, "--target", "a", "--source", "b", "--lam", 0.05, "--allow-same")
    check_optimal(free, batch["a"], batch["b"], [[] for _ in NAMES])
    assert free.coef[0, 3] > 0.5
    assert (found.origin.allow_same, free.origin.allow_same) == (False, True)
    for options, expected in (([], 5), (["--allow-same"], 0)):
        arguments = [
            path,
            "--target",
            "a",
            "--source",
            "b",
            "--lam",
            0.05,
            "--out",
            tmp_path / "e",
            "--force",
        ]
        assert json.loads(invoke(*arguments, *options, "--json", "-").stdout)["excluded"] == expected
        assert f"excluded for {expected} targets" in invoke(*arguments, *options).stdout


def test_without_names_twins_have_one_number_if_the_sizes_agree(tmp_path):
    equal, unequal = logits(seed=3), logits(seed=3, n=7)
    for batch, own in ((equal, [[i] for i in range(N)]), (unequal, [[] for _ in range(N)])):
        path = tmp_path / "m.safetensors"
        moments_of(batch).save(path)
        found = solve(path, "--target", "a", "--source", "b", "--lam", 0.1)
        check_optimal(found, batch["a"], batch["b"], own)
        assert found.target_names is found.source_names is None


@pytest.mark.parametrize("models", [("a", "a"), ("a", "b")])
def test_blocks_of_targets_give_the_same_bits(batch, models, monkeypatch):
    moments = moments_of(batch, NAMES)
    whole = solve_moments(moments, target=models[0], source=models[1], terms=4)
    calls = []
    monkeypatch.setattr(work, "_BLOCK", 5 * N)
    parts = solve_moments(
        moments, target=models[0], source=models[1], terms=4, progress=lambda *counts: calls.append(counts)
    )
    assert_equal_bits(parts, whole)
    assert calls[-1] == (N, N)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    some = solve_moments(
        moments, target=models[0], source=models[1], terms=4, targets=np.array([7, 2], dtype=np.int32)
    )
    np.testing.assert_array_equal(some.coef.toarray(), whole.coef.toarray()[[7, 2]])
    assert some.targets.tolist() == [7, 2]
    assert some.target_names == (NAMES[7], NAMES[2])


def assert_equal_bits(one, other):
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(one.coef, name), getattr(other.coef, name))
    for name in ("lam", "error", "energy", "kkt", "status", "targets"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("intra", "refit", "target_names", "source_names", "n_sources", "origin"):
        assert getattr(one, name) == getattr(other, name)


def test_a_linear_head_gives_the_solutions_of_its_logits():
    rng = np.random.default_rng(8)
    features = rng.standard_normal((SAMPLES, 9)) + 0.2
    weight, bias = rng.standard_normal((20, 9)), rng.standard_normal(20)
    other = features @ rng.standard_normal((9, 6)) + 0.5 * rng.standard_normal((SAMPLES, 6))
    factored = Moments(["head", "other"], heads={"head": covlasso.LinearHead(weight, bias)})
    factored.update({"head": features, "other": other})
    full = features @ weight.T + bias
    for kind in KINDS:
        f, g = full, other
        if kind != "second_moment":
            f, g = f - f.mean(axis=0), g - g.mean(axis=0)
        if kind == "correlation":
            f, g = f / f.std(axis=0), g / g.std(axis=0)
        within = solve_moments(factored, target="head", kind=kind, terms=4)
        check_optimal(within, f, f, [[i] for i in range(20)])
        check_optimal(
            solve_moments(factored, target="head", source="other", kind=kind, terms=3), f, g, [[]] * 20
        )
        check_optimal(
            solve_moments(factored, target="other", source="head", kind=kind, terms=3), g, f, [[]] * 6
        )


def test_summary_and_record_say_the_same(file):
    out = file.parent / "d.safetensors"
    arguments = (file, "--target", "a", "--terms", 3, "--out", out)
    outcome = invoke(*arguments)
    found = Dependencies.load(out)
    for line in (
        f"R^2, as in the paper {np.median(found.r2):.2f} in sample (medians; in sample it flatters)",
        f"R^2 about the mean {np.median(found.r2_centred):.2f} in sample",
        f"R^2, random terms {np.median(found.random_r2):.2f} in sample (as many; means of 20 draws)",
    ):
        assert line in " ".join(outcome.stdout.split())
    assert "12 certified" in outcome.stdout
    record = json.loads(invoke(*arguments, "--force", "--json", "-").stdout)
    assert record["schema"] == "covlasso-solve-1"
    assert record["place"] == {"terms": 3}
    assert record["origin"]["target_model"] == "a"
    assert record["median_r2"] == np.median(found.r2)
    assert record["worst_kkt"] == found.kkt.max()
    assert record["statuses"] == {"certified": N}
    assert record["uncertified"] == []
    assert record["beside"]["in_sample"]["random_r2"] == np.median(found.random_r2)
    assert record["beside"]["in_sample"]["r2_centred"] == np.median(found.r2_centred)


def test_standard_output_gets_the_file_and_nothing_else(file):
    out = file.parent / "d.safetensors"
    arguments = (file, "--target", "a", "--source", "b", "--terms", 3)
    assert invoke(*arguments, "--out", out).exit_code == 0
    outcome = invoke(*arguments, "--out", "-")
    assert outcome.exit_code == 0
    assert outcome.stdout_bytes == out.read_bytes()
    assert "a from b" in outcome.stderr


def test_a_missing_certificate_is_exit_code_1_and_names_the_categories(file, monkeypatch):
    monkeypatch.setattr(dependencies, "KKT_TOLERANCE", -1.0)
    out = file.parent / "d.safetensors"
    outcome = invoke(file, "--target", "a", "--terms", 3, "--out", out)
    assert outcome.exit_code == 1
    assert (
        outcome.stderr
        == f"without certificate: 12 of 12 solutions ({', '.join(labels(NAMES, range(12))[:5])}, ...)\n"
    )
    assert out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "a"], "give exactly one of --terms, --lam, --relative-error; none of them given"),
        (["--target", "a", "--terms", "2", "--lam", "1"], "--terms and --lam given"),
        (["--terms", "2"], "there are the models a, b; name one as target (and one as source)"),
        (["--terms", "2", "--source", "a"], "name one as target"),
        (["--terms", "2", "--target", "c"], "target is 'c'; the models are a, b"),
        (["--terms", "2", "--target", "a", "--source", "c"], "source is 'c'; the models are a, b"),
        (["--terms", "2", "--target", "a", "--max-terms", "5"], "max_terms is for lam and relative_error"),
        (["--lam", "inf", "--target", "a"], "min_lambda is inf; a finite number of at least 0 is expected"),
        (["--terms", "2", "--target", "a", "--l2", "inf"], "l2 is inf"),
        (
            ["--lam", "1", "--target", "a", "--method", "pursuit"],
            "lam: a pursuit has no solution at a lambda",
        ),
        (["--terms", "2", "--target", "a", "--method", "pursuit", "--positive"], "positive: a pursuit takes"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(file, arguments, message):
    out = file.parent / "d.safetensors"
    outcome = invoke(file, *arguments, "--out", out)
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert message in outcome.stderr
    assert outcome.stderr.startswith("error: ")
    assert outcome.stderr.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--terms", "0"],
        ["--terms", "x"],
        ["--lam", "-1"],
        ["--lam", "nan"],
        ["--max-terms", "0"],
        ["--threads", "0"],
    ],
)
def test_numbers_out_of_range_name_the_option(file, arguments):
    outcome = invoke(file, "--target", "a", *arguments, "--out", file.parent / "d.safetensors")
    assert outcome.exit_code == 2
    assert arguments[0] in re.sub(r"\x1b\[[0-9;]*m", "", outcome.stderr)


def test_files_are_checked_before_the_work(file, tmp_path, monkeypatch):
    def never(*_, **__):
        raise AssertionError("solved")

    monkeypatch.setattr(solver, "solve_slices", never)
    out = tmp_path / "d.safetensors"
    out.write_bytes(b"precious")
    good = ("--target", "a", "--terms", 2, "--out")
    for outcome, message in (
        (invoke(file, *good, out), "is there already; give --force to overwrite it"),
        (invoke(file, *good, tmp_path), "is a folder"),
        (invoke(file, *good, tmp_path / "no" / "d.safetensors"), "there is no folder"),
        (invoke(tmp_path / "no.safetensors", *good, tmp_path / "e"), "no.safetensors"),
        (invoke(tmp_path, *good, tmp_path / "e"), str(tmp_path)),
    ):
        assert outcome.exit_code == 2
        assert message in outcome.stderr
        assert outcome.stderr.count("\n") == 1
    assert out.read_bytes() == b"precious"


def test_a_damaged_file_of_moments_is_named(file, tmp_path):
    content = file.read_bytes()
    for damaged in (content[: len(content) // 2], b"", b"not safetensors at all", content[:7]):
        path = tmp_path / "damaged.safetensors"
        path.write_bytes(damaged)
        outcome = invoke(path, "--target", "a", "--terms", 2, "--out", tmp_path / "d.safetensors")
        assert outcome.exit_code == 2
        assert "damaged.safetensors" in outcome.stderr
        assert outcome.stderr.count("\n") == 1


def test_an_interruption_counts_the_targets_of_all_blocks(batch, monkeypatch):
    monkeypatch.setattr(work, "_BLOCK", 4 * N)

    def interrupt(done, _):
        if done >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"interrupted: (8|9|10|11|12) of 12 targets were done"):
        solve_moments(moments_of(batch), target="a", source="b", terms=2, progress=interrupt)


def test_an_interruption_is_exit_code_130_and_leaves_no_file(file, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt("interrupted: 3 of 12 targets were done")

    monkeypatch.setattr(solver, "solve_slices", interrupted)
    out = file.parent / "d.safetensors"
    outcome = invoke(file, "--target", "a", "--terms", 2, "--out", out)
    assert (outcome.exit_code, outcome.stderr) == (130, "error: interrupted: 3 of 12 targets were done\n")
    assert not out.exists()


def test_two_ranks_write_the_file_of_a_single_process(file, tmp_path):
    pytest.importorskip("torch", reason="several ranks talk through torch.distributed")
    arguments = [file, "--target", "a", "--source", "b", "--terms", 3, "--refit", "--out"]
    together = tmp_path / "together.safetensors"
    command = ["solve", *map(str, arguments), str(together)]
    codes, outputs = run_ranks(f"from covlasso.cli import app; app({command!r})", 2)
    assert codes == [0, 0], outputs
    assert "a from b" in outputs[0][0]
    assert outputs[1][0] == ""
    alone = tmp_path / "alone.safetensors"
    assert invoke(*arguments, alone).exit_code == 0
    assert together.read_bytes() == alone.read_bytes()


def test_more_ranks_than_targets(tmp_path):
    pytest.importorskip("torch", reason="several ranks talk through torch.distributed")
    rng = np.random.default_rng(1)
    file, out = tmp_path / "m.safetensors", tmp_path / "d.safetensors"
    moments_of({"a": rng.standard_normal((50, 1)), "b": rng.standard_normal((50, 3))}).save(file)
    command = ["solve", str(file), "--target", "a", "--source", "b", "--terms", "1", "--out", str(out)]
    codes, outputs = run_ranks(f"from covlasso.cli import app; app({command!r})", 2)
    assert codes == [0, 0], outputs
    assert Dependencies.load(out).targets.tolist() == [0]


def test_another_kind_of_moments_is_refused_with_the_three_there_are(file):
    outcome = invoke(
        file, "--target", "a", "--terms", 2, "--kind", "centred", "--out", file.parent / "d.safetensors"
    )
    assert outcome.exit_code == 2
    assert all(kind in outcome.stderr for kind in KINDS)


@pytest.fixture
def classed(tmp_path, batch):
    """Moments of both models that know the classes each decides for."""
    moments = Moments(list(batch), NAMES, classes="decisions")
    moments.update(batch)
    path = tmp_path / "classed.safetensors"
    moments.save(path)
    return path


def assert_focused(found, logits, shares, own=False):
    """Every equation is that of its Gram written out, from the logits, with their own decisions."""
    decided = logits.argmax(axis=1)
    gram = logits.T @ logits / len(logits)
    means = {k: logits[decided == k].mean(axis=0) for k in np.unique(decided)}
    within = gram - sum(np.mean(decided == k) * np.outer(mean, mean) for k, mean in means.items())
    for i, share in enumerate(shares):
        here = logits[decided == i]
        if own:
            mine = here.T @ here / max(len(here), 1)
        else:
            mine = within + np.outer(means[i], means[i]) if i in means else gram
        share = share if i in means else 0.0
        assert found.focus[i] == share
        alone = covlasso.solve((1.0 - share) * gram + share * mine, targets=[i], terms=3, refit=True)
        np.testing.assert_allclose(found.coef[[i]].toarray(), alone.coef.toarray(), atol=1e-8)


def test_a_focus_is_a_share_for_all(classed, batch, tmp_path):
    out = tmp_path / "d.safetensors"
    outcome = invoke(
        classed, "--target", "a", "--terms", 3, "--refit", "--focus", 0.3, "--out", out, "--json", "-"
    )
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["focus"].startswith("focus 0.3 by decisions")
    assert_focused(Dependencies.load(out), batch["a"], [0.3] * N)
    printed = invoke(classed, "--target", "a", "--terms", 3, "--focus", 0.3, "--out", out, "--force").stdout
    assert "0.3 by decisions" in printed
    assert "of the moments with the focus" in " ".join(printed.split())


@pytest.mark.parametrize("name", ["shares.npy", "shares.txt"])
def test_a_focus_is_one_share_per_category_in_a_file(name, classed, batch, tmp_path):
    shares = np.linspace(0.0, 1.0, N)
    (np.save if name.endswith("npy") else np.savetxt)(tmp_path / name, shares)
    found = solve(classed, "--target", "a", "--terms", 3, "--refit", "--focus", tmp_path / name)
    assert_focused(found, batch["a"], shares)


@pytest.mark.parametrize("share", ["own", "0.4"])
def test_a_focus_on_own_samples(share, classed, batch, tmp_path):
    np.save(tmp_path / "a.npy", batch["a"])
    found = solve(
        classed, "--target", "a", "--terms", 3, "--refit",
        "--focus", share, "--own-samples", tmp_path / "a.npy",
    )  # fmt: skip
    assert found.origin.focus == "own samples"
    assert_focused(found, batch["a"], [1.0 if share == "own" else 0.4] * N, own=True)


WRONG_FOCUS = {
    "below 0": (["--focus=-0.1"], "focus is -0.1"),
    "above 1": (["--focus", 1.5], "focus is 1.5"),
    "not a number": (["--focus", "nan"], "focus is nan"),
    "a word": (["--focus", "much"], "--focus 'much' is no number"),
    "no such file": (["--focus", "FOLDER/none.npy"], "is no number"),
    "too few": (["--focus", "FOLDER/few.npy"], "(12,) is expected"),
    "one too large": (["--focus", "FOLDER/large.npy"], "focus[2] is 7"),
    "no numbers": (["--focus", "FOLDER/words.txt"], "words.txt"),
    "own without samples": (["--focus", "own"], "give --own-samples LOGITS"),
    "samples without focus": (["--own-samples", "FOLDER/a.npy"], "give --focus too"),
    "two models, within one": (
        ["--focus", "own", "--own-samples", "FOLDER/a.npy", "--own-samples", "FOLDER/a.npy"],
        "one model takes --own-samples once",
    ),
    "one model, between two": (
        ["--focus", "own", "--own-samples", "FOLDER/a.npy", "--source", "b"],
        "two take it twice, target and source",
    ),
    "other categories": (["--focus", "own", "--own-samples", "FOLDER/narrow.npy"], "logits"),
    "labels without samples": (["--focus", 0.3, "--labels", "FOLDER/a.npy"], "give --own-samples LOGITS too"),
    "own samples, centred": (
        ["--focus", "own", "--own-samples", "FOLDER/a.npy", "--kind", "covariance"],
        "own samples are for kind second_moment",
    ),
}


@pytest.mark.parametrize("case", WRONG_FOCUS)
def test_a_wrong_focus_is_one_line_and_no_file(case, classed, batch, tmp_path):
    arguments, said = WRONG_FOCUS[case]
    np.save(tmp_path / "few.npy", np.full(N - 1, 0.1))
    np.save(tmp_path / "large.npy", np.where(np.arange(N) == 2, 7.0, 0.1))
    (tmp_path / "words.txt").write_text("much\nlittle\n")
    np.save(tmp_path / "a.npy", batch["a"])
    np.save(tmp_path / "narrow.npy", batch["a"][:, :5])
    given = [str(one).replace("FOLDER", str(tmp_path)) for one in arguments]
    out = tmp_path / "d.safetensors"
    outcome = invoke(classed, "--target", "a", "--terms", 3, *given, "--out", out)
    assert outcome.exit_code == 2
    assert said in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert not out.exists()


def test_moments_without_classes_have_no_focus_and_say_where_to_get_it(file):
    out = file.parent / "d.safetensors"
    outcome = invoke(file, "--target", "a", "--terms", 3, "--focus", 0.3, "--out", out)
    assert outcome.exit_code == 2
    assert "--classes decisions" in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("source", ["a", "b"])
@pytest.mark.parametrize("focus", ["0.3", "shares.npy", "own"])
def test_two_ranks_with_a_focus_write_the_file_of_a_single_process(focus, source, classed, batch, tmp_path):
    pytest.importorskip("torch", reason="several ranks talk through torch.distributed")
    np.save(tmp_path / "shares.npy", np.where(np.arange(N) < 7, 0.0, np.linspace(0.1, 1.0, N)))
    share = tmp_path / focus if focus.endswith("npy") else focus
    arguments = [classed, "--target", "a", "--source", source, "--terms", 3, "--refit", "--focus", share]
    if focus == "own":
        for name in dict.fromkeys(["a", source]):
            np.save(tmp_path / f"{name}.npy", batch[name])
            arguments += ["--own-samples", tmp_path / f"{name}.npy"]
    together, alone = (tmp_path / f"{name}.safetensors" for name in ("together", "alone"))
    command = ["solve", *map(str, arguments), "--out", str(together)]
    codes, outputs = run_ranks(f"from covlasso.cli import app; app({command!r})", 2)
    assert codes == [0, 0], outputs
    assert invoke(*arguments, "--out", alone).exit_code == 0
    assert together.read_bytes() == alone.read_bytes()
    assert Dependencies.load(alone).focus is not None


@pytest.mark.parametrize(
    ("kind", "words"),
    [("second_moment", "row-centred logits"), ("correlation", "row-centred, standardised logits")],
)
def test_row_centred_logits_are_solved_and_said_to_be(single, batch, kind, words):
    place = ("--terms", 2, "--refit", "--kind", kind)
    out = single.parent / "r.safetensors"
    outcome = invoke(single, *place, "--row-centred", "--out", out)
    assert f"{N} of {words}, refitted" in " ".join(outcome.stdout.split())
    found = Dependencies.load(out)
    assert found.origin.row_centred
    rows = batch["a"] - batch["a"].mean(axis=1, keepdims=True)
    if kind == "correlation":
        rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    error = ((rows - rows @ found.coef.toarray().T) ** 2).mean(axis=0)
    np.testing.assert_allclose(found.error, error, rtol=1e-9, atol=1e-12)
    assert "as they are" in invoke(single, "--terms", 2, "--out", out, "--force").stdout
