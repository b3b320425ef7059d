"""``covlasso demo``: its figures recomputed from the moments, its tables at any width, its exit codes."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from covlasso import __version__
from covlasso.cli import _demo as demo_module
from covlasso.cli import app
from covlasso.cli._demo import DIRECTIONS, above, run
from covlasso.cli._demo_tables import show
from covlasso.datasets import load_imagenet_lite
from covlasso.dependencies import dependencies

TERMS = 10


@pytest.fixture(scope="module")
def result():
    return run(TERMS, threads=2)


def record_of(result):
    """Everything that the demo found, as plain numbers."""
    return {
        "terms": result.terms,
        "threads": result.threads,
        "worst_kkt": result.worst_kkt,
        "certified": result.certified,
        "crops": {half: getattr(result.data, half).count for half in ("fit", "held_out")},
        "class_names": result.data.fit.class_names["lite0"],
        "directions": [direction_of(direction) for direction in result.directions],
    }


def direction_of(direction):
    methods = {"lasso": direction.lasso, "refit": direction.refit}
    found = direction.lasso.found
    return {
        "target": direction.origin.target_model,
        "source": direction.origin.source_model,
        **{
            name: {
                "median_r2": {"fit": np.median(one.fit), "held_out": np.median(one.held_out)},
                "above": above(one.held_out),
            }
            for name, one in methods.items()
        },
        "categories": [
            {
                "category": int(found.targets[t]),
                "lam": float(found.lam[t]),
                "kkt": float(found.kkt[t]),
                "status": str(found.status[t]),
                **{name: equation_of(one, t) for name, one in methods.items()},
            }
            for t in range(found.n_targets)
        ],
        "focused_kkt": float(direction.focus.found.kkt.max()),
    }


def equation_of(measured, t):
    coef = measured.found.coef
    row = slice(coef.indptr[t], coef.indptr[t + 1])
    return {
        "r2": {"fit": float(measured.fit[t]), "held_out": float(measured.held_out[t])},
        "sources": coef.indices[row].tolist(),
        "coefficients": coef.data[row].tolist(),
    }


@pytest.fixture(scope="module")
def record(result):
    return record_of(result)


@pytest.fixture(scope="module")
def halves():
    return load_imagenet_lite()._asdict()


@pytest.fixture
def solved_once(result, monkeypatch):
    """Commands get the result of the fixture, so that every test of the command line need not solve again."""
    monkeypatch.setattr(demo_module, "run", lambda *_: result)


def invoke(*arguments):
    return CliRunner().invoke(app, ["demo", "--no-report", *arguments])


def text_of(result, width, top=3):
    stream = io.StringIO()
    show(result, Console(file=stream, width=width), top)
    return stream.getvalue()


def categories(record):
    for direction in record["directions"]:
        for entry in direction["categories"]:
            yield direction["target"], direction["source"], entry


def test_record_is_complete(record):
    directions = [(d["target"], d["source"]) for d in record["directions"]]
    assert record["terms"] == TERMS
    assert record["crops"] == {"fit": 7100, "held_out": 7120}
    assert directions == list(DIRECTIONS)
    assert all([c["category"] for c in d["categories"]] == list(range(1000)) for d in record["directions"])


def test_every_solution_has_ten_other_terms_and_a_certificate(record):
    for _, _, entry in categories(record):
        for method in ("lasso", "refit"):
            sources = entry[method]["sources"]
            assert len(sources) == len(entry[method]["coefficients"]) == TERMS
            assert entry["category"] not in sources
        assert entry["status"] == "certified"
    worst = max(entry["kkt"] for _, _, entry in categories(record))
    focused = max(direction["focused_kkt"] for direction in record["directions"])
    assert record["worst_kkt"] == max(worst, focused) <= 1e-9
    assert record["certified"] is True


def test_solutions_satisfy_the_kkt_conditions(record, halves):
    fit = halves["fit"]
    grams = {name: fit.second_moment(name) for name in fit.names}
    crosses = {(a, b): fit.second_moment(a, b) for a, b in DIRECTIONS}
    for target, source, entry in categories(record):
        gram, i, lam = grams[source], entry["category"], entry["lam"]
        sources = entry["lasso"]["sources"]
        b = np.array(entry["lasso"]["coefficients"])
        gradient = 2.0 * (crosses[target, source][i] - b @ gram[sources])
        gradient[i] = 0.0  # the category itself is excluded
        assert np.abs(gradient).max() <= lam * (1 + 1e-9)
        assert np.allclose(gradient[sources], lam * np.sign(b), rtol=1e-9, atol=0)


def test_refit_is_least_squares_on_the_same_terms(record, halves):
    fit = halves["fit"]
    for direction in record["directions"]:
        gram, cross = (
            fit.second_moment(direction["source"]),
            fit.second_moment(direction["target"], direction["source"]),
        )
        for entry in direction["categories"]:
            sources = entry["refit"]["sources"]
            assert sources == entry["lasso"]["sources"]
            best = np.linalg.solve(gram[np.ix_(sources, sources)], cross[entry["category"], sources])
            assert np.allclose(entry["refit"]["coefficients"], best, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("half", ["fit", "held_out"])
def test_r2_from_the_moments(record, halves, half):
    moments = halves[half]
    for direction in record["directions"]:
        target, source = direction["target"], direction["source"]
        gram, cross = moments.second_moment(source), moments.second_moment(target, source)
        energy = moments.second_moment(target).diagonal()
        for method in ("lasso", "refit"):
            b = np.zeros((1000, 1000))
            for entry in direction["categories"]:
                b[entry["category"], entry[method]["sources"]] = entry[method]["coefficients"]
            error = energy - 2 * np.einsum("ij,ij->i", b, cross) + np.einsum("ij,ij->i", b @ gram, b)
            r2 = np.array([entry[method]["r2"][half] for entry in direction["categories"]])
            assert np.allclose(r2, 1 - error / energy, rtol=0, atol=1e-10)
            assert direction[method]["median_r2"][half] == pytest.approx(np.median(r2))
            if half == "held_out":
                counts = {"0.5": np.sum(r2 > 0.5), "0.7": np.sum(r2 > 0.7), "0.9": np.sum(r2 > 0.9)}
                assert direction[method]["above"] == counts


def test_known_medians(record):
    """The figures that were measured on the logits themselves, crop by crop."""
    within = record["directions"][0]
    expected = {"lasso": (0.42346, 0.40368), "refit": (0.58850, 0.54895)}
    for method, (fit, held_out) in expected.items():
        assert within[method]["median_r2"]["fit"] == pytest.approx(fit, abs=2e-5)
        assert within[method]["median_r2"]["held_out"] == pytest.approx(held_out, abs=2e-5)


def test_equal_bits_for_any_number_of_threads(record):
    other = record_of(run(TERMS, threads=1))
    assert [d["categories"] for d in other["directions"]] == [d["categories"] for d in record["directions"]]


@pytest.mark.parametrize("top", [1, 12])
@pytest.mark.parametrize("width", [80, 120, 200])
def test_tables_fit_the_width_and_cut_nothing(result, width, top):
    lines = text_of(result, width, top).splitlines()
    assert max(len(line) for line in lines) <= width
    assert not any("\N{HORIZONTAL ELLIPSIS}" in line for line in lines)
    assert sum(bool(re.search(r" Lasso .*\d\.\d\d +\d\.\d\d$", line)) for line in lines) == 4 * top


def test_tables_show_the_record(result, record):
    text = re.sub(r"\s+", " ", text_of(result, 200))
    for direction in record["directions"]:
        ranked = sorted(direction["categories"], key=lambda entry: entry["refit"]["r2"]["held_out"])
        clearest, least = ranked[-1], ranked[0]
        strongest = np.argmax(np.abs(clearest["lasso"]["coefficients"]))
        source = record["class_names"][clearest["lasso"]["sources"][strongest]]
        value = clearest["lasso"]["coefficients"][strongest]
        assert f"{record['class_names'][clearest['category']]} = {value:.2f} {source} + " in text
        assert f"{record['class_names'][least['category']]} ({least['refit']['r2']['fit']:.2f} / " in text
        medians, above = direction["refit"]["median_r2"], direction["refit"]["above"]
        assert f"refitted {medians['fit']:.2f} {medians['held_out']:.2f} " in text
        assert f" {' '.join(map(str, above.values()))} " in text
    for direction in result.directions:
        refit, drawn = direction.refit, direction.refit.random
        figures = [refit.fit, refit.held_out, refit.held_out_centred]
        row = " ".join(f"{np.median(values):.2f}" for values in figures)
        assert f"refitted {row} {np.count_nonzero(refit.measured.explained)} " in text
        figures = [drawn.fit.r2, drawn.held_out.r2, drawn.held_out.r2_centred]
        assert f"random terms {' '.join(f'{np.median(values):.2f}' for values in figures)}" in text
    solved = 4000 + sum(direction.focus.found.n_targets for direction in result.directions)
    assert f"{record['worst_kkt']:.1e} {solved} paths" in text


def test_the_finding_comes_first_and_is_told_with_its_limits(result):
    text = re.sub(r"\s+", " ", text_of(result, 120))
    focused, r2 = text.index("focus 0.3"), text.index("How well logits are explained")
    assert focused < text.index("What this does not say:") < r2
    for direction in result.directions:
        for method, made in direction.focus.methods.items():
            figures = [made.replaced.mean(name) for name in ("recall", "false_alarms", "f1")]
            row = " ".join(f"{value:.2f}" for value in [*figures, np.median(made.r2) + 0.0])
            assert f"{method} {row}" in text
        t = np.argmax(
            result.data.fit.class_counts(direction.origin.target_model)[direction.focus.found.targets]
        )
        name = result.data.fit.class_names["lite0"][direction.focus.found.targets[t]]
        rates = direction.focus.focused.replaced
        before = direction.focus.all_samples.replaced.f1[t]
        figures = f"{rates.recall[t]:.2f} {rates.false_alarms[t]:.2f} {rates.f1[t]:.2f} {before:.2f}"
        assert re.search(rf"{name} = [^=]*more\) {figures}", text)


@pytest.mark.parametrize("direction", range(4))
def test_decisions_are_those_of_plain_loops_over_the_logits(result, direction):
    focus, origin = result.directions[direction].focus, result.directions[direction].origin
    target = getattr(result.logits, origin.target_model).astype(np.float64)
    source = getattr(result.logits, origin.source_model).astype(np.float64)
    label = target.argmax(axis=1)
    enough = np.bincount(label, minlength=1000) >= 5
    enough &= result.data.fit.class_counts(origin.target_model) >= 10
    assert np.array_equal(focus.found.targets, np.flatnonzero(enough))
    assert np.allclose(focus.network.f1, 1.0)
    means = result.data.fit.class_means(origin.target_model, by=origin.target_model)
    plain = result.directions[direction].refit.found.coef[focus.found.targets]
    for t in (0, 17, 60):
        i = focus.found.targets[t]
        by = {
            "focused": source @ focus.found.coef[[t]].toarray()[0],
            "all_samples": source @ plain[[t]].toarray()[0],
            "class_mean": means[label, i],
        }
        for name, value in by.items():
            replaced = target.copy()
            replaced[:, i] = value
            decided = replaced.argmax(axis=1)
            rates = getattr(focus, name).replaced
            own = np.sum(label == i)
            assert rates.recall[t] == pytest.approx(np.sum((decided == i) & (label == i)) / own)
            assert rates.false_alarms[t] == pytest.approx(np.sum((decided == i) & (label != i)) / own)


def test_focus_is_what_keeps_a_category(result):
    """Ten terms with focus beat those of all samples and random ones, in every direction."""
    for direction in result.directions:
        recall = {name: made.replaced.mean("recall") for name, made in direction.focus.methods.items()}
        f1 = {name: made.replaced.mean("f1") for name, made in direction.focus.methods.items()}
        assert direction.focus.found.n_targets >= 90
        assert recall["focus 0.3"] > 0.4 > 0.2 > recall["random terms, focus"] > recall["all samples"]
        assert f1["focus 0.3"] > 5 * f1["all samples"]
        assert f1["focus 0.3"] > 2.5 * f1["random terms, focus"]


def test_pictures_are_counted(result):
    found = []
    for direction in result.directions:
        decided = getattr(result.logits, direction.origin.target_model).argmax(axis=1)
        for i in direction.focus.found.targets:
            found.append(len(set(result.logits.picture[decided == i])))  # noqa: PERF401
    assert result.pictures == np.median(found)


@pytest.mark.usefixtures("solved_once")
def test_plain_text_where_there_is_no_terminal():
    outcome = invoke()
    assert outcome.exit_code == 0
    assert "\x1b" not in outcome.output
    assert outcome.stderr == ""


def test_an_interruption_says_how_far_the_work_was(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt("interrupted: 312 of 1000 targets were done")

    monkeypatch.setattr(demo_module, "run", interrupted)
    outcome = invoke()
    assert (outcome.exit_code, outcome.stdout) == (130, "")
    assert outcome.stderr == "error: interrupted: 312 of 1000 targets were done\n"


@pytest.mark.usefixtures("solved_once")
def test_a_missing_certificate_is_exit_code_1(monkeypatch):
    monkeypatch.setattr(dependencies, "KKT_TOLERANCE", -1.0)
    outcome = invoke()
    assert outcome.exit_code == 1
    assert "Certificate" in outcome.stdout


@pytest.mark.parametrize(
    "arguments",
    [["--terms", "0"], ["--terms", "1000"], ["--terms", "x"], ["--threads", "0"], ["--top", "0"], ["--no"]],
)
def test_wrong_usage_is_exit_code_2(arguments):
    outcome = invoke(*arguments)
    assert outcome.exit_code == 2
    assert outcome.stdout == ""
    assert arguments[0] in re.sub(r"\x1b\[[0-9;]*m", "", outcome.stderr)


def test_options_reach_the_solver(monkeypatch):
    kept = []
    monkeypatch.setattr(demo_module, "run", lambda *options: kept.append(run(*options)) or kept[-1])
    outcome = invoke("--terms", "2", "--threads", "1", "--top", "1")
    assert outcome.exit_code == 0
    record = record_of(kept[0])
    assert (record["terms"], record["threads"]) == (2, 1)
    assert {len(entry["lasso"]["sources"]) for _, _, entry in categories(record)} == {2}


def test_version():
    outcome = CliRunner().invoke(app, ["--version"])
    assert (outcome.exit_code, outcome.stdout) == (0, f"covlasso {__version__}\n")


def test_progress_is_reported():
    calls = []
    run(1, report=lambda title, done, total: calls.append((title, done, total)))
    last = {title: (done, total) for title, done, total in calls}
    titles = ("within lite0", "within lite1", "lite0 from lite1", "lite1 from lite0")
    assert last == dict.fromkeys(titles, (1000, 1000))
