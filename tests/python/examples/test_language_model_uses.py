"""The scripts of examples/language_model on a tiny planted vocabulary, as they are called."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from planted_vocabulary import TOKENS, UNTRAINED, grouped_moments, head, states, words

FOLDER = Path(__file__).parents[3] / "examples" / "language_model"
GROUPS = np.arange(4000) // 40


def run(script, *options):
    done = subprocess.run(
        [sys.executable, str(FOLDER / script), *map(str, options)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def moments(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "moments.safetensors"
    grouped_moments(GROUPS, words()).save(path)
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """States, next tokens and documents on disk."""
    folder = tmp_path_factory.mktemp("states")
    following = np.random.default_rng(4).integers(-1, TOKENS, len(GROUPS))
    for name, array in (("states", states(1, len(GROUPS))), ("next", following), ("groups", GROUPS)):
        np.save(folder / f"{name}.npy", array)
    return [part for name in ("states", "next", "groups") for part in (f"--{name}", folder / f"{name}.npy")]


def test_tokens(moments, tmp_path):
    said = run("tokens.py", moments, "--out", tmp_path / "deps.safetensors")
    assert f"Never trained, by their rows: {len(UNTRAINED)} (distance at most 0.1)" in said
    again = run("tokens.py", moments, "--dependencies", tmp_path / "deps.safetensors")
    assert again == said
    few = run("tokens.py", moments, "--sample", 9, "--combination", 0.5)
    assert "(R^2 at least 0.5)" in few
    assert "(no target)" not in few
    assert 9 <= int(few.split("TokenKinds(")[1].split()[0]) <= 9 + len(UNTRAINED)


def test_small_head(moments, files):
    said = run(
        "small_head.py", moments, *files, "--kept", 12, "--terms", 0, 4, "--samples", 500, "--ranks", 5
    )
    lines = {line[:44].strip(): line[44:].split() for line in said.splitlines()}
    assert list(lines)[2:] == ["the full head", "12 rows, 0 terms", "12 rows, 4 terms", "rank 5"]
    none, some = lines["12 rows, 0 terms"], lines["12 rows, 4 terms"]
    assert float(some[4]) < float(none[4])  # KL
    spanning = run("small_head.py", moments, *files, "--kept", 12, "--terms", 4, "--spanning", 6)
    assert "12 rows, 6 of them spanning, 4 terms" in spanning


def test_transplant(moments, files, tmp_path):
    donor = 3.0 * head() @ np.linalg.qr(np.random.default_rng(6).normal(size=(40, 24)))[0].T
    safetensors.numpy.save_file({"rows": donor}, tmp_path / "donor.safetensors")
    vocabulary = {name.replace(" ", "▁"): number for number, name in enumerate(words())}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}), encoding="utf-8")
    said = run(
        "transplant.py", moments, *files, "--donor", tmp_path / "donor.safetensors",
        "--donor-tokenizer", tmp_path / "tokenizer.json", "--new", 6, "--terms", 2, 24, "--seen", 1,
    )  # fmt: skip
    lines = {line[:44].strip(): [float(x) for x in line[44:].split()] for line in said.splitlines()[2:]}
    assert lines["the true rows"] == [0.0, 0.0, 1.0, 0.0]
    assert lines["donor's rows less mean, pursuit, 24 terms"][0] < 0.02
    few = lines["donor's rows less mean, pursuit, 2 terms"][0]
    assert lines["donor's rows less mean, pursuit, 24 terms"][0] < few < lines["mean of the pieces"][0]
    assert lines["own covariance, lasso, 24 terms"][0] < 0.05


def test_files_of_other_samples_are_refused(moments, files, tmp_path):
    np.save(tmp_path / "short.npy", np.load(files[3])[:-1])
    done = subprocess.run(
        [sys.executable, str(FOLDER / "small_head.py"), moments, *files, "--next", tmp_path / "short.npy"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "have 4000, 3999 and 4000 rows, and the moments are of 4000 samples" in done.stderr
