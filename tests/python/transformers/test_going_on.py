"""A pass over text that was cut off goes on with the same bits; ranks give what one process gives."""

import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="covlasso.transformers needs torch")
pytest.importorskip("transformers", reason="covlasso.transformers needs transformers")

from ranks import run_ranks  # noqa: E402
from tiny_language_models import blocks, make  # noqa: E402

from covlasso import SplitMoments  # noqa: E402
from covlasso.transformers import LanguageModel, extract  # noqa: E402

P = 150
DOCUMENTS = blocks(P, [9, 30, 12, 5, 30, 22, 17, 8])
SUPPORT = os.path.join(os.path.dirname(__file__), os.pardir, "support")  # noqa: PTH118, PTH120


def pass_over(out, documents=DOCUMENTS, **options):
    model = LanguageModel("m", make("LlamaForCausalLM", P))
    options = {"batch_size": 1, "save_every": 1, "held_out": 0.5, **options}
    return extract(model, documents, out=out, **options)


def cut_off(out, end=4):
    def progress(now):
        if now.batches == end:
            raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError, match="power"):
        pass_over(out, progress=progress)
    assert out.with_name("m.safetensors.state").exists()


def test_a_pass_goes_on_with_the_same_bits(tmp_path):
    (tmp_path / "one").mkdir()
    whole, out = tmp_path / "one" / "m.safetensors", tmp_path / "m.safetensors"
    pass_over(whole)
    cut_off(out)
    seen = []
    pass_over(out, progress=lambda now: seen.append(now.before))
    assert len(seen) == len(DOCUMENTS) - 4
    assert seen[0] == sum(sorted(map(len, DOCUMENTS))[-4:])  # the longest come first
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"documents": DOCUMENTS[:-1]}, "text was"),
        ({"groups": r"(\d)"}, "split.groups was|groups was"),
        ({"batch_size": 2}, "batch_size was 1 and is 2"),
    ],
)
def test_a_state_of_another_command_is_refused(tmp_path, options, words):
    out = tmp_path / "m.safetensors"
    cut_off(out)
    with pytest.raises(ValueError, match=words):
        pass_over(out, **options)


def test_a_killed_process_goes_on_with_the_same_bits(tmp_path):
    code = """
    import os, signal, sys
    sys.path.insert(0, {support!r})
    import numpy as np, torch
    from tiny_language_models import blocks, make
    from covlasso.transformers import LanguageModel, extract
    torch.set_num_threads(1)
    def progress(now):
        if now.batches == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
    documents = blocks({p}, [9, 30, 12, 5, 30, 22, 17, 8])
    model = LanguageModel("m", make("LlamaForCausalLM", {p}))
    extract(model, documents, batch_size=1, save_every=2, held_out=0.5, out=sys.argv[1], progress=progress)
    """
    code = textwrap.dedent(code.format(support=SUPPORT, p=P))

    def run(folder, end):
        (tmp_path / folder).mkdir(exist_ok=True)
        arguments = [sys.executable, "-c", code, tmp_path / folder / "m.safetensors", str(end)]
        return subprocess.run(arguments, capture_output=True, text=True, check=False)

    assert run("whole", 100).returncode == 0
    assert run("killed", 3).returncode == -signal.SIGKILL
    done = run("killed", 100)
    assert done.returncode == 0, done.stderr
    files = [(tmp_path / folder / "m.safetensors").read_bytes() for folder in ("whole", "killed")]
    assert files[0] == files[1]


def test_ranks_give_what_one_process_gives(tmp_path):
    out = tmp_path / "many.safetensors"
    code = f"""
    import sys
    sys.path.insert(0, {SUPPORT!r})
    from tiny_language_models import blocks, make
    from covlasso.torch import process_group
    from covlasso.transformers import LanguageModel, extract
    documents = blocks({P}, [9, 30, 12, 5, 30, 22, 17, 8, 0])
    model = LanguageModel("m", make("LlamaForCausalLM", {P}))
    with process_group("cpu") as group:
        extract(model, documents, batch_size=1, held_out=0.5, out={str(out)!r}, group=group)
    """
    codes, outputs = run_ranks(code, 2)
    assert codes == [0, 0], outputs
    pass_over(tmp_path / "one.safetensors", documents=[*DOCUMENTS, []])
    one, many = SplitMoments.load(tmp_path / "one.safetensors"), SplitMoments.load(out)
    assert one.skipped == many.skipped == 1
    for part, moments in one.parts.items():
        assert moments.count == many.parts[part].count
        a, b = moments.second_moment("m"), many.parts[part].second_moment("m")
        assert np.abs(a - b).max() <= 1e-12 * np.abs(a).max()
        assert np.array_equal(moments.class_counts("m"), many.parts[part].class_counts("m"))
