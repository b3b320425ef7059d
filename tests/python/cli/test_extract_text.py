"""``covlasso extract --text``: the file, what is said, one-line errors, kills, the other kind's options."""

import io
import json
import signal
import subprocess
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="covlasso extract --text needs torch")
pytest.importorskip("transformers", reason="covlasso extract --text needs transformers")

from tiny_language_models import LINES, byte_level, make, own_logits, word_piece  # noqa: E402

from covlasso import SplitMoments  # noqa: E402
from covlasso.cli import app  # noqa: E402
from covlasso.moments import held_out  # noqa: E402

NAMES = "abcdef"


def run(*arguments, code=0, given=None):
    """Run the command in this process; its standard output and error."""
    result = CliRunner().invoke(app, ["extract", *map(str, arguments)], input=given)
    assert result.exit_code == code, result.output + result.stderr
    return result.stdout, result.stderr


def saved(folder, model, tokenizer):
    model.float().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    tokenizer = byte_level()
    return saved(
        tmp_path_factory.mktemp("models") / "llama", make("LlamaForCausalLM", len(tokenizer)), tokenizer
    )


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    for k, name in enumerate(NAMES):
        (folder / f"{name}.txt").write_text(f"{k} {LINES[k % 4]}")
    return folder


def test_the_file_and_the_record_are_of_the_text(llama, text, tmp_path):
    out, record = tmp_path / "m.safetensors", tmp_path / "r.json"
    output, errors = run(
        llama, "--text", text, "--out", out, "--json", record, "--max-length", 24, "--stride", 4
    )
    found, moments = json.loads(record.read_text()), SplitMoments.load(out)
    assert errors == ""
    first, second, *_ = output.splitlines()
    assert first == f"text: {found['samples']} positions in 6 documents, " + first.partition("documents, ")[2]
    assert first.endswith("blocks of at most 24 tokens, 4 of them repeated")
    assert second == "classes: labels, 81.9 kB"
    assert found["schema"] == "covlasso-extract-1"
    assert found["notes"] == [first]
    assert found["models"]["llama"]["features"] == 16
    assert found["classes"] == moments.fit.classes == "labels"
    side = held_out([f"{name}.txt" for name in NAMES], 0.5)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(llama), AutoTokenizer.from_pretrained(llama)
    counts = [len(tokenizer((text / f"{name}.txt").read_text()).input_ids) for name in NAMES]
    assert moments.held_out.count == sum(n for n, out in zip(counts, side, strict=True) if out)
    assert moments.fit.count == sum(counts) - moments.held_out.count
    rows = own_logits(model, np.array(tokenizer((text / "a.txt").read_text()).input_ids))
    assert rows.shape[1] == moments.fit.sizes["llama"]
    assert " child" in moments.fit.class_names["llama"]


def test_many_files_and_standard_input(llama, text, tmp_path):
    files = sorted(text.glob("*.txt"))
    run(llama, "--text", *files[:4], "--out", tmp_path / "a.safetensors")
    assert SplitMoments.load(tmp_path / "a.safetensors").fit.count > 0
    out = tmp_path / "b.safetensors"
    given = "one\n%\ntwo two\n%\nthree three three\n%\nfour"
    output, _ = run(
        llama,
        "--text",
        "-",
        "--separator",
        "%",
        "--held-out",
        0,
        "--out",
        out,
        "--classes",
        "none",
        given=given,
    )
    assert "in 4 documents" in output
    _, error = run(llama, "--text", "-", "--out", tmp_path / "c.safetensors", given=given, code=2)
    assert "none of the 1 groups" in error


def test_a_killed_run_goes_on_with_the_same_bits(llama, text, tmp_path):
    code = """
import os, signal, sys
import torch
torch.set_num_threads(1)
import covlasso.torch.extraction.passes as passes
from covlasso.cli import app
end, kept = int(sys.argv.pop(1)), passes.PassProgress.__init__
def watched(self, *arguments, **named):
    kept(self, *arguments, **named)
    if self.batches == end:
        os.kill(os.getpid(), signal.SIGKILL)
passes.PassProgress.__init__ = watched
app()
"""

    def process(folder, end):
        (tmp_path / folder).mkdir(exist_ok=True)
        more = ["--out", tmp_path / folder / "m.safetensors", "-b", 1, "--save-every", 1]
        arguments = [sys.executable, "-c", code, end, "extract", llama, "--text", text, *more]
        return subprocess.run(list(map(str, arguments)), capture_output=True, text=True, check=False)

    assert process("whole", 99).returncode == 0
    assert process("killed", 3).returncode == -signal.SIGKILL
    assert (tmp_path / "killed" / "m.safetensors.state").exists()
    done = process("killed", 99)
    assert done.returncode == 0, done.stderr
    files = [(tmp_path / folder / "m.safetensors").read_bytes() for folder in ("whole", "killed")]
    assert files[0] == files[1]


def test_a_masked_model_is_known_by_its_class(text, tmp_path):
    tokenizer = word_piece()
    bert = saved(tmp_path / "bert", make("BertForMaskedLM", len(tokenizer)), tokenizer)
    output, _ = run(bert, "--text", text, "--out", tmp_path / "m.safetensors")
    assert "own token told" in output


def test_a_soft_cap_and_a_scale_are_said(text, tmp_path):
    tokenizer = byte_level()
    gemma = saved(
        tmp_path / "gemma", make("Gemma2ForCausalLM", len(tokenizer), final_logit_softcapping=9.0), tokenizer
    )
    cohere = saved(
        tmp_path / "cohere", make("CohereForCausalLM", len(tokenizer), logit_scale=0.25), tokenizer
    )
    out = tmp_path / "m.safetensors"
    _, error = run(gemma, "--text", text, "--out", out, code=2)
    assert "model 'gemma' caps its logits" in error
    assert "(--before-softcap)" in error
    assert error.count("\n") == 1
    output, _ = run(gemma, cohere, "--text", text, "--before-softcap", "--out", out)
    assert "\ngemma: logits are c tanh((W h + b) / c) with c = 9, final_logit_softcapping in" in output
    assert "\ncohere: logits are 0.25 (W h + b): logit_scale in its configuration\n" in output
    assert SplitMoments.load(out).fit.second_moment("gemma", "cohere").shape == (len(tokenizer),) * 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--text", "TEXT", "--data", "TEXT"],
            "--data is an option of pictures, and --text is given: leave it out",
        ),
        (["--text", "TEXT", "--factored", "on"], "--factored is an option of pictures"),
        (["--text", "TEXT", "-j", "1"], "--workers is an option of pictures"),
        (
            ["--data", "TEXT", "--max-length", "9"],
            "--max-length is an option of text, and no --text is given",
        ),
        ([], "LLAMA is a language model; give --text FILE"),
        (["--text", "nowhere"], "text nowhere does not exist"),
        (["--text", "TEXT", "--max-length", "65"], "max_length is 65, and model 'llama' has 64 positions"),
        (["--text", "TEXT", "--groups", "(q)"], "'(q)' does not match 'a.txt'"),
        (
            ["--text", "TEXT", "--model-kwargs", "dtype=1"],
            "model_kwargs dtype=1: the type is the option model_dtype",
        ),
        (["--text", "TEXT", "--model-kwargs", "nonsense=1"], "nonsense"),
        (["--text", "TEXT", "--gguf", "a.gguf"], "there is no a.gguf in LLAMA; it has no GGUF file"),
        (["--text", "TEXT", "--dtype", "int8"], "model_dtype is 'int8'"),
    ],
)
def test_one_line_says_what_is_wrong(llama, text, tmp_path, arguments, words):
    if "--gguf" in arguments:
        pytest.importorskip("gguf")
    given = [str(text) if argument == "TEXT" else argument for argument in arguments]
    _, error = run(llama, "--out", tmp_path / "m.safetensors", *given, code=2)
    assert error.startswith("error: ")
    assert words.replace("LLAMA", str(llama)) in error
    assert error.count("\n") == 1


def test_a_model_that_is_none_and_weights_that_are_missing(text, tmp_path):
    (tmp_path / "empty").mkdir()
    out = ["--text", text, "--out", tmp_path / "m.safetensors"]
    _, error = run(tmp_path / "empty", *out, code=2)
    assert f"model {tmp_path / 'empty'} cannot be loaded: " in error
    assert "a model of timm takes --data DIR" in error
    tokenizer = word_piece()
    model = make("BertForMaskedLM", len(tokenizer)).bert
    _, error = run(saved(tmp_path / "base", model, tokenizer), "--masked", *out, code=2)
    assert "BertForMaskedLM has weights that are not in " in error
    assert "would make them up" in error


def test_bytes_that_are_no_text_are_named(llama, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\n\xff")
    _, error = run(llama, "--text", tmp_path / "a.txt", "--out", tmp_path / "m.safetensors", code=2)
    assert "a.txt: byte 0xff at 4 (line 2) is not utf-8" in error


def test_what_the_help_says_of_options_is_what_there_is():
    import inspect

    from covlasso.cli import _extract_options as options
    from covlasso.cli.extract import extract

    known = set(inspect.signature(extract).parameters)
    assert set(options.OF_TEXT) | set(options.OF_PICTURES) < known
    assert not set(options.OF_TEXT) & set(options.OF_PICTURES)


def test_standard_input_of_several_processes_is_refused(llama, tmp_path, monkeypatch):
    several = SimpleNamespace(rank=0, size=2)
    monkeypatch.setattr("covlasso._base.ranks.process_group", lambda _: nullcontext(several))
    monkeypatch.setattr(sys, "stdin", io.StringIO("x"))
    _, error = run(llama, "--text", "-", "--out", tmp_path / "m.safetensors", code=2)
    assert "--text - cannot be read by several processes" in error
