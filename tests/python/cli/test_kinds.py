"""Every command, with logits as they are, centred, standardised, and row-centred."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from report_reader import read
from typer.testing import CliRunner

import covlasso
from covlasso import Accumulator, Dependencies, LinearHead, Split, SplitMoments
from covlasso.cli import app

N, ROWS, D = 12, 600, 7
KINDS = ("second_moment", "covariance", "correlation")


def run(*words: Any) -> Any:
    outcome = CliRunner().invoke(app, [str(word) for word in words])
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout


def draw() -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(ROWS, D))
    weight, bias = 2 * rng.normal(size=(N, D)), rng.normal(size=N)
    a = features @ weight.T + bias + 0.5 * rng.normal(size=(ROWS, N)) + 2.0 * rng.normal(size=(ROWS, 1))
    return a, features, weight, bias


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Any:
    """Moments of a, and of b by its last layer, with folds; and the logits of both."""
    folder = tmp_path_factory.mktemp("kinds")
    a, features, weight, bias = draw()
    names = [f"class {k}" for k in range(N)]
    heads = {"b": LinearHead(weight, bias)}
    accumulator = Accumulator(["a", "b"], names, heads, Split(0.4, 4), classes="decisions")
    accumulator.update({"a": a, "b": features}, [str(k) for k in range(ROWS)])
    accumulator.result().save(folder / "m.safetensors")
    np.save(folder / "a.npy", a)
    np.save(folder / "b.npy", features @ weight.T + bias)
    np.save(folder / "rows.npy", accumulator.result().held_out_rows(ROWS))
    return folder


PAIRS = (("a", "a"), ("b", "b"), ("a", "b"), ("b", "a"))
CASES = [  # every kind with every pair; focus and row-centring with every kind and with every pair
    (kind, *pair, "--focus=0.2" if (k + p) % 2 else "", "--row-centred" if (k + p // 2) % 2 else "")
    for k, kind in enumerate(KINDS)
    for p, pair in enumerate(PAIRS)
]


@pytest.mark.parametrize(("kind", "target", "source", "focus", "rows"), CASES)
def test_every_command_takes_it(
    folder: Any, tmp_path: Any, kind: str, target: str, source: str, focus: str, rows: str
) -> None:
    moments, file = folder / "m.safetensors", tmp_path / "d.safetensors"
    options = [word for word in (rows, focus) if word]
    run("solve", moments, "--target", target, "--source", source, "--kind", kind, "--terms", 3, "--refit",
        *options, "--out", file)  # fmt: skip
    run("show", file, "--moments", moments)
    run("show", file, "class 3", "--moments", moments)
    given = ["--logits", folder / f"{target}.npy"]
    given += [] if target == source else ["--logits", folder / f"{source}.npy"]
    measured = json.loads(
        run("evaluate", file, "--moments", moments, *given, "--rows", folder / "rows.npy", "--json", "-")
    )
    figures = measured["methods"]["refitted"]
    # moments and logits of the same samples say the same
    assert figures["held_out_r2"] == pytest.approx(figures["logits_r2"], abs=1e-9)
    assert figures["held_out_r2_centred"] == pytest.approx(figures["logits_r2_centred"], abs=1e-9)
    assert "random" in measured["methods"]
    run("export", file, "--format", "csv")
    models = [f"{name}={folder / f'{name}.npy'}" for name in dict.fromkeys((target, source))]
    page = tmp_path / "r.html"
    run("report", file, "--moments", moments, *(word for one in models for word in ("--logits", one)),
        "--rows", folder / "rows.npy", "--out", page, "--stability-pairs", 2)  # fmt: skip
    record = read(page).record["sets"][0]
    assert record["curves"]["reproduced"]
    assert record["stability"]["subsets"] == 4
    assert record["decisions"] is not None
    expected = covlasso.evaluate(Dependencies.load(file), SplitMoments.load(moments)).held_out
    of_kind = expected.of_kind(kind)  # type: ignore[union-attr,arg-type]
    np.testing.assert_allclose(read(page).array("0.heldOut"), of_kind, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_evaluate_and_show_rank_alike(folder: Any, tmp_path: Any, kind: str) -> None:
    moments, file = folder / "m.safetensors", tmp_path / "d.safetensors"
    run("solve", moments, "--target", "a", "--source", "b", "--kind", kind, "--terms", 2, "--out", file)
    shown = json.loads(run("show", file, "--moments", moments, "--top", N, "--json", "-"))
    measured = json.loads(run("evaluate", file, "--moments", moments, "--json", "-"))
    figure = measured["ranked_by"]
    assert figure == "held_out_r2" + ("" if kind == "second_moment" else "_centred")
    listed = sorted(measured["categories"]["lasso"], key=lambda one: (-one[figure], one["target"]))
    order = [one["category"] for one in shown["best_explained"] + shown["least_explained"][::-1]]
    assert order == [one["target"] for one in listed]
    # the ranking is that of the raw logits
    deps, rows = Dependencies.load(file), np.load(folder / "rows.npy")
    a, b = (np.load(folder / f"{name}.npy") for name in "ab")
    spread = [one[~rows].std(axis=0) if kind == "correlation" else np.ones(N) for one in (a, b)]
    level = [0.0 if kind == "second_moment" else one[~rows].mean(axis=0) for one in (a, b)]
    f, g = ((one[rows] - mean) / by for one, mean, by in zip((a, b), level, spread, strict=True))
    left = np.mean((f - g @ deps.coef.toarray().T) ** 2, axis=0)
    r2 = 1 - left / (np.mean(f**2, axis=0) if kind == "second_moment" else f.var(axis=0))
    assert order == np.argsort(-r2, kind="stable").tolist()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("focus", [None, 0.2])
@pytest.mark.parametrize("source", ["a", "b"])
def test_stability_takes_it(folder: Any, kind: Any, focus: float | None, source: str) -> None:
    split = SplitMoments.load(folder / "m.safetensors")
    options: Any = {"target": "a", "source": source, "kind": kind, "terms": 3, "focus": focus}
    found = covlasso.stability(split, pairs=3, **options)
    assert found.n_subsets == 6  # all three divisions of four folds
    count = np.zeros((N, N))
    for i in range(4):
        for j in range(i):
            half = split.folds[i].copy()
            half += split.folds[j]
            count += covlasso.solve_moments(half, **options).coef.toarray() != 0
    np.testing.assert_allclose(found.frequency.toarray(), count / 6, rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("source", "focus"), [("a", None), ("b", None), ("a", 0.2), ("b", 0.2)])
def test_all_baselines_take_it(folder: Any, kind: Any, source: str, focus: float | None) -> None:
    split, rows = SplitMoments.load(folder / "m.safetensors"), np.load(folder / "rows.npy")
    deps = covlasso.solve_moments(
        split.fit, target="a", source=source, kind=kind, terms=3, refit=True, focus=focus
    )
    logits, others = (None if name is None else np.load(folder / f"{name}.npy")
                      for name in ("a", None if source == "a" else source))  # fmt: skip
    found = covlasso.compare_methods(deps, split, logits=logits, source_logits=others, rows=rows)
    expected = {*covlasso.evidence.beside.METHODS} - (set() if focus else {"all samples"})
    assert set(found) == expected
    for method, one in found.items():
        if method in ("class mean", "random"):  # no equation; one choice on logits, means of many on moments
            continue
        assert one.held_out is not None
        assert one.decisions is not None
        np.testing.assert_allclose(one.held_out.error, one.decisions.error, rtol=1e-8)
    least = found["all"].fit
    if focus is None:  # nothing fits these moments better than all others do
        assert all((one.fit.error >= least.error * (1 - 1e-9)).all()
                   for name, one in found.items() if name not in ("class mean", "own samples"))  # fmt: skip


@pytest.mark.parametrize("focus", [[], ["--focus", "0.2"]])
@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_logit_spoils_nothing(tmp_path: Any, kind: str, focus: list[str]) -> None:
    rng = np.random.default_rng(3)
    a = rng.normal(size=(400, 5)) @ rng.normal(size=(5, N)) + rng.normal(size=(400, N))
    a[:, 3] = 2.5
    np.save(tmp_path / "a.npy", a)
    moments, file = tmp_path / "m.safetensors", tmp_path / "d.safetensors"
    run("moments", tmp_path / "a.npy", "--folds", 4, "--classes", "decisions", "--out", moments)
    run("solve", moments, "--terms", 3, "--kind", kind, "--refit", *focus, "--out", file)
    shown = json.loads(run("show", file, "--moments", moments, "--json", "-"))
    figures = [shown["beside"][part] for part in ("in_sample", "held_out")]
    assert all(np.isfinite(value) for part in figures for value in part.values())
    run("show", file, 3, "--moments", moments)
    measured = json.loads(run("evaluate", file, "--moments", moments, "--logits", tmp_path / "a.npy",
                              "--baselines", "--json", "-"))  # fmt: skip
    refitted = measured["methods"]["refitted"]
    assert refitted["held_out_r2"] == pytest.approx(refitted["logits_r2"], abs=1e-9)
    for method in ("random", "all", "correlation"):
        assert np.isfinite(measured["methods"][method]["held_out_r2"])
    run("report", file, "--moments", moments, "--out", tmp_path / "r.html")


def test_own_samples_are_of_logits_as_they_are(folder: Any, tmp_path: Any) -> None:
    words = ("solve", folder / "m.safetensors", "--target", "a", "--kind", "correlation", "--terms", 3,
             "--focus", "own", "--own-samples", folder / "a.npy", "--rows", folder / "rows.npy",
             "--out", tmp_path / "d.safetensors")  # fmt: skip
    outcome = CliRunner().invoke(app, [str(word) for word in words])
    assert outcome.exit_code == 2
    assert "own samples are for kind second_moment, and kind is correlation" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_selection_and_choice_of_a_focus_take_it(folder: Any, kind: Any) -> None:
    split = SplitMoments.load(folder / "m.safetensors")
    paths = covlasso.solver.path_moments(split.fit, target="a", source="a", kind=kind, max_terms=5)
    chosen = covlasso.select(paths, split, target="a", source="a", kind=kind)
    held_out = covlasso.solver.Blocks.of(split.held_out, chosen.dependencies.origin)  # type: ignore[arg-type]
    np.testing.assert_allclose(chosen.held_out_error, held_out.error(chosen.dependencies.coef), rtol=1e-9)
    a = np.load(folder / "a.npy")
    found = covlasso.choose_focus(
        split, a, rows=np.load(folder / "rows.npy"), target="a", kind=kind, alphas=[0.1, 0.3], terms=[2, 4]
    )
    assert found.dependencies.origin.kind == kind  # type: ignore[union-attr]
