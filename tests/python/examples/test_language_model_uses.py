"""The scripts of examples/language_model on a tiny planted vocabulary, as they are called."""

import subprocess
import sys
from pathlib import Path

import pytest
from planted_vocabulary import UNTRAINED, split_moments

FOLDER = Path(__file__).parents[3] / "examples" / "language_model"


def run(script, *options):
    done = subprocess.run(
        [sys.executable, str(FOLDER / script), *map(str, options)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def moments(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "moments.safetensors"
    split_moments().save(path)
    return path


def test_tokens(moments, tmp_path):
    said = run("tokens.py", moments, "--out", tmp_path / "deps.safetensors")
    assert f"Never trained, by their rows: {len(UNTRAINED)} (distance at most 0.1)" in said
    again = run("tokens.py", moments, "--dependencies", tmp_path / "deps.safetensors")
    assert again == said
    assert "TokenKinds(9 targets" in run("tokens.py", moments, "--sample", 9)
