"""Samples and steadiness on a report: recomputed from raw logits and folds, and seen in a browser."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from report_reader import HOSTILE, read
from typer.testing import CliRunner

import covlasso
from covlasso import Accumulator, Split
from covlasso.cli import app

N, ROWS = 10, 400
TEXTS = [
    "a plain line",
    "שלום עולם, זה משפט ארוך יותר",
    "這是一個句子",
    "x" * 900,
    *HOSTILE,
]


def draw():
    rng = np.random.default_rng(0)
    return rng.normal(size=(ROWS, 4)) @ rng.normal(size=(4, N)) + 0.5 * rng.normal(size=(ROWS, N))


@pytest.fixture(scope="module")
def logits():
    return draw()


@pytest.fixture(scope="module")
def split(logits):
    accumulator = Accumulator(["net"], [f"class {k}" for k in range(N)], split=Split(0.4, 6))
    accumulator.update({"net": logits}, [str(k) for k in range(ROWS)])
    return accumulator.result()


@pytest.fixture(scope="module")
def deps(split):
    return covlasso.solve_moments(split.fit, terms=3, refit=True)


@pytest.fixture(scope="module")
def held_out(split):
    return split.held_out_rows(ROWS)


def texts():
    return [f"{TEXTS[k % len(TEXTS)]} [{k}]" for k in range(ROWS)]


@pytest.fixture(scope="module")
def file(tmp_path_factory, deps, split, logits, held_out):
    out = tmp_path_factory.mktemp("samples") / "r.html"
    return covlasso.write_report(
        out, deps, moments=split, logits=logits, rows=held_out, samples=texts(), stability_pairs=4
    )


def test_samples_are_those_of_the_raw_logits(file, deps, logits, held_out):
    data = read(file)
    rows = np.flatnonzero(held_out)
    f = logits[rows]
    guess = f @ deps.coef.toarray().T
    names = data.record["rows"]["names"]
    k = data.record["sets"][0]["single"]["shown"]
    for t in range(N):
        error = np.abs(f[:, t] - guess[:, t])
        own = np.flatnonzero(f.argmax(axis=1) == t)
        for kind, order in (
            ("fails", np.argsort(-error, kind="stable")[:k]),
            ("holds", own[np.argsort(error[own], kind="stable")][:k]),
        ):
            shown = data.array(f"0.{kind}.sample").reshape(N, k)[t][: len(order)]
            full = [texts()[row] for row in rows[order]]
            assert [names[s] for s in shown] == [one if len(one) <= 400 else f"{one[:400]}…" for one in full]
            logit = data.array(f"0.{kind}.logit").reshape(N, k)[t][: len(order)]
            np.testing.assert_allclose(logit, f[order, t], rtol=2e-4)
            predicted = data.array(f"0.{kind}.predicted").reshape(N, k)[t][: len(order)]
            np.testing.assert_allclose(predicted, guess[order, t], rtol=2e-4, atol=1e-6)


def test_steadiness_is_that_of_stability(file, deps, split):
    data = read(file)
    expected = covlasso.stability(split, terms=3, pairs=4).of(deps).data
    np.testing.assert_allclose(data.array("0.stability") / 200, expected, atol=0.0026)
    record = data.record["sets"][0]["stability"]
    assert record["subsets"] == 8
    assert record["sure"] == np.count_nonzero(expected >= 0.9)


@pytest.mark.parametrize("options", [{"lam": 0.5}, {"relative_error": 0.2}])
def test_steadiness_is_at_the_place_of_the_equations(split, options):
    deps = covlasso.solve_moments(split.fit, **options)
    found = covlasso.evidence.stability_of(deps, split, pairs=3)
    if "lam" in options:
        by_hand = covlasso.stability(split, pairs=3, **options)
        np.testing.assert_array_equal(found.frequency.toarray(), by_hand.frequency.toarray())
    else:
        for t, k in enumerate(deps.n_terms):
            targets = np.array([t], dtype=np.int32)
            one = covlasso.stability(split, pairs=3, terms=int(max(k, 1)), targets=targets)
            np.testing.assert_array_equal(found.frequency[[t]].toarray(), one.frequency.toarray())


def test_no_folds_and_no_wish_leave_it_out(deps, split, tmp_path):
    whole = covlasso.SplitMoments(split.fit, split.held_out)
    assert (
        read(covlasso.write_report(tmp_path / "a.html", deps, moments=whole)).record["sets"][0]["stability"]
        is None
    )
    off = covlasso.write_report(tmp_path / "b.html", deps, moments=split, stability_pairs=0)
    assert read(off).record["sets"][0]["stability"] is None


def test_pictures_are_small_and_bounded(deps, split, logits, held_out, tmp_path):
    image = pytest.importorskip("PIL.Image")
    for k in range(20):
        image.effect_noise((300, 200), 40 + k).save(tmp_path / f"{k}.png")
    names = [f"{k % 25}.png" for k in range(ROWS)]  # five of them are not there
    options = {
        "moments": split,
        "logits": logits,
        "rows": held_out,
        "samples": names,
        "samples_folder": tmp_path,
    }
    rows = read(covlasso.write_report(tmp_path / "a.html", deps, stability_pairs=0, **options)).record["rows"]
    assert rows["beyond"] == 0
    assert rows["missing"] == sum(int(name.split(".")[0]) >= 20 for name in rows["names"])
    made = [picture for picture in rows["pictures"] if picture]
    assert len(made) == len(rows["names"]) - rows["missing"]
    small = image.open(io.BytesIO(base64.b64decode(made[0].partition(",")[2])))
    assert max(small.size) == 112
    few = covlasso.write_report(tmp_path / "b.html", deps, stability_pairs=0, picture_mb=0.02, **options)
    rows = read(few).record["rows"]
    assert sum(map(len, rows["pictures"])) <= 20_000
    assert rows["beyond"] > 0
    none = covlasso.write_report(tmp_path / "c.html", deps, stability_pairs=0, picture_mb=0, **options)
    assert read(none).record["rows"]["pictures"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"samples": ["a"]}, "1 samples for 400 rows"),
        ({"samples": "abc"}, "sequence of str"),
        ({"samples_folder": "x"}, "samples_folder is for samples"),
        ({"samples": ["a"] * ROWS, "picture_mb": -1}, "picture_mb"),
        ({"stability_pairs": -1}, "stability_pairs"),
    ],
)
def test_wrong_options_are_named(deps, logits, options, said, tmp_path):
    with pytest.raises((TypeError, ValueError), match=said):
        covlasso.write_report(tmp_path / "r.html", deps, logits=logits, **options)
    assert not (tmp_path / "r.html").exists()


def test_samples_need_logits(deps, tmp_path):
    with pytest.raises(ValueError, match="give logits too"):
        covlasso.write_report(tmp_path / "r.html", deps, samples=["a"])


def test_from_the_command_line(deps, split, logits, tmp_path):
    deps.save(tmp_path / "d.safetensors")
    split.save(tmp_path / "m.safetensors")
    np.save(tmp_path / "logits.npy", logits)
    lines = [line.replace("\n", " ").replace("\u2028", " ") for line in texts()]
    (tmp_path / "texts.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def run(*more):
        words = [
            "report",
            str(tmp_path / "d.safetensors"),
            "--out",
            str(tmp_path / "r.html"),
            "--force",
            *more,
        ]
        return CliRunner().invoke(app, words)

    given = ("--moments", str(tmp_path / "m.safetensors"), "--logits", str(tmp_path / "logits.npy"))
    outcome = run(*given, "--samples", str(tmp_path / "texts.txt"), "--stability-pairs", "2")
    assert outcome.exit_code == 0, outcome.output
    record = read(tmp_path / "r.html").record
    assert set(record["rows"]["names"]) <= {one if len(one) <= 400 else f"{one[:400]}…" for one in lines}
    assert record["sets"][0]["stability"]["subsets"] == 4
    short = run(*given, "--samples", str(tmp_path / "m.safetensors"))
    assert short.exit_code == 2
    assert run("--samples", str(tmp_path / "texts.txt")).exit_code == 2


def test_a_reader_sees_samples_and_steadiness(reader, file, deps):
    reader.open(file, "category=3")
    cards = reader.tab.locator(".samples")
    assert cards.count() == 1
    text = reader.text(".samples")
    assert "Where the equation holds" in text
    assert "Where it fails worst" in text
    assert (
        reader.tab.locator(".samples script, .samples img, .samples b").count() == 0
    )  # hostile texts are text
    assert reader.tab.evaluate("window.hurt") is None
    shown = reader.tab.locator(".steady").all_inner_texts()
    assert len(shown) == deps.n_terms[3]
    assert all(text.strip().endswith("of 8") for text in shown)
    folded = reader.tab.locator(".sample-text summary")
    for k in range(folded.count()):
        folded.nth(k).click()
