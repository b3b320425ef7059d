"""``covlasso extract``: results, one-line errors, killed runs that go on, and ranks."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("timm", reason="covlasso extract needs timm")
from picture_files import write_pictures

from covlasso import SplitMoments
from covlasso.cli import app
from covlasso.moments import held_out, read_keys

RESNET, VIT = "test_resnet", "test_vit"
KILLS = 20


def run(*arguments, code=0):
    """Run the command in this process; its standard output and error."""
    result = CliRunner().invoke(app, ["extract", *map(str, arguments)])
    assert result.exit_code == code, result.output + result.stderr
    return result.stdout, result.stderr


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("pictures"), [f"f{k}" for k in range(5)], 6)


def options(pictures, out, *more):
    return [RESNET, "--checkpoint", "random", "--data", pictures, "--out", out, "-b", 4, "-j", 0, *more]


def test_the_file_the_record_and_the_logits_agree(pictures, tmp_path):
    out, record = tmp_path / "m.safetensors", tmp_path / "r.json"
    models = [RESNET, VIT, "--checkpoint", "random", "--checkpoint", "random"]
    split = ["--folds", 2, "--groups", "folder"]
    more = ["--save-logits", "float32", "--json", record, "-b", 7, "-j", 1]
    output, errors = run(*models, "--data", pictures, "--out", out, *split, *more)
    found, moments = json.loads(record.read_text()), SplitMoments.load(out)
    assert errors == ""
    assert "30 samples" in output
    assert "\nclasses: decisions, " in output
    assert found["classes"] == moments.fit.classes == "decisions"
    assert found["schema"] == "covlasso-extract-1"
    assert (found["samples"], found["skipped"], found["labelled"]) == (30, [], 0)
    assert (found["fit"], found["held_out"]) == (moments.fit.count, moments.held_out.count)
    assert found["models"][VIT] == {"categories": 1000, "features": 64, "top1": None}
    side = np.load(tmp_path / "m.held_out.npy")
    assert side.sum() == moments.held_out.count > 0
    rows = {name: np.load(tmp_path / f"m.logits.{name}.npy").astype(float) for name in (RESNET, VIT)}
    for part, chosen in (("fit", ~side), ("held_out", side)):
        for a in rows:
            for b in rows:
                plain = rows[a][chosen].T @ rows[b][chosen] / chosen.sum()
                gap = np.abs(moments.parts[part].second_moment(a, b) - plain).max()
                assert gap <= 1e-5 * np.abs(plain).max()  # float32 of the head's product
        for by in rows:
            place = rows[by][chosen].argmax(axis=1)
            counts = np.bincount(place, minlength=1000)
            assert np.array_equal(moments.parts[part].class_counts(by), counts)
            for name in rows:
                plain = [rows[name][chosen][place == k].mean(axis=0) for k in np.flatnonzero(counts)]
                means = moments.parts[part].class_means(name, by)
                assert np.abs(means[counts > 0] - plain).max() <= 1e-5 * np.abs(plain).max()
    assert sum(part.count for part in moments.folds) == moments.fit.count
    assert not list(tmp_path.glob("*.state*")) + list(tmp_path.glob("*.part"))


def test_what_should_be_known_is_said_before_the_pass(pictures, tmp_path):
    more = ["--groups", "folder"]
    output, errors = run(*options(pictures, tmp_path / "m.safetensors", *more))
    guess, whole = output.splitlines()[:2]
    assert "is a guess from its 1000 outputs; --class-names FILE gives others" in guess
    lost = int(held_out([f"f{k}" for k in range(5)], 0.5).sum())
    assert whole.startswith(f"whole classes are held out: {lost} of 5 have no sample to fit on")
    assert errors == ""
    output, errors = run(*options(pictures, tmp_path / "n.safetensors", *more, "--json", "-"))
    assert json.loads(output)["notes"] == [guess, whole]
    assert errors == ""


def test_json_on_standard_output_is_all_there_is(pictures, tmp_path):
    output, errors = run(*options(pictures, tmp_path / "m.safetensors", "--json", "-"))
    assert json.loads(output)["samples"] == 30
    assert errors == ""


def test_lines_of_progress_when_asked_for(pictures, tmp_path):
    _, errors = run(*options(pictures, tmp_path / "m.safetensors", "--log-freq", 3))
    lines = errors.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("12 of 30 pictures, ")
    assert lines[1].endswith(" s left, 0 skipped")


def test_skipped_pictures_are_listed_beside_the_file(tmp_path):
    root = write_pictures(tmp_path / "data")
    (root / "cat" / "bad.png").write_bytes(b"")
    out = tmp_path / "m.safetensors"
    output, _ = run(*options(root, out, "--json", "-"))
    (bad,) = json.loads(output)["skipped"]
    assert bad[0] == "cat/bad.png"
    assert (tmp_path / "m.skipped.txt").read_text() == "\t".join(bad) + "\n"
    assert SplitMoments.load(out).skipped == 1
    _, error = run(*options(root, out, "--strict", "--force"), code=2)
    assert error.startswith("error: cat/bad.png cannot be read: cannot identify image file")
    (root / "cat" / "bad.png").unlink()
    (tmp_path / "m.safetensors.state").unlink(missing_ok=True)
    run(*options(root, out, "--force"))
    assert not (tmp_path / "m.skipped.txt").exists()


ODD_NAMES = [
    b"cats\\%02d.png", b"new\\n%02d.png", b"L\xf6we%02d.png", b"line\n%02d.png", b"cr\r%02d.png",
    b"tab\t%02d.png", "page\u2028%02d.png".encode(), b" blank %02d.png", b"covlasso-escaped:%02d.png",
    b'"q%02d".png',
]  # fmt: skip


def test_the_keys_of_odd_names_give_the_split_in_every_command(tmp_path):
    data, out = tmp_path / "data", tmp_path / "m.safetensors"
    source = write_pictures(tmp_path / "source", per_folder=6)
    data.mkdir()
    for k, picture in enumerate(sorted(source.rglob("*.png"))):
        for name in ODD_NAMES:
            shutil.copy(picture, os.fsencode(data) + b"/" + name % k)
    run(*options(data, out, "--save-logits", "float32", "-b", 60))
    logits, keys, outside = (
        tmp_path / f"m.{kind}" for kind in ("logits.test_resnet.npy", "keys.txt", "held_out.npy")
    )
    moments, side = SplitMoments.load(out), np.load(outside)
    assert len(side) == 120
    assert side.sum() == moments.held_out.count
    np.testing.assert_array_equal(moments.held_out_rows(120, read_keys(keys)), side)

    def invoke(*arguments):
        result = CliRunner().invoke(app, [*map(str, arguments)])
        assert result.exit_code in (0, 1), result.output + result.stderr
        return result.stdout

    again = tmp_path / "again.safetensors"
    invoke("moments", logits, "--groups", keys, "--out", again)
    rows = np.load(logits).astype(float)[side]
    np.testing.assert_allclose(
        SplitMoments.load(again).held_out.second_moment("m"), rows.T @ rows / len(rows), rtol=1e-9
    )
    invoke("solve", out, "--terms", 2, "--out", tmp_path / "d")
    measured = [
        json.loads(
            invoke("evaluate", tmp_path / "d", "--moments", out, "--logits", logits, *which, "--json", "-")
        )
        for which in (["--groups", keys], ["--rows", outside])
    ]
    assert measured[0] == measured[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--data": "nowhere"}, "data nowhere does not exist"),
        ({"--data": None}, "no pictures are given; give --data DIR"),
        ({"--out": "-"}, "--out - is not possible"),
        ({"--out": "no/folder/m.safetensors"}, "there is no folder no/folder"),
        ({"--checkpoint": "gone.pth"}, "checkpoint gone.pth does not exist"),
        ({"--checkpoint": "pretrained", "MODEL": "no_such_model"}, "timm has no model 'no_such_model'"),
        ({"--factored": "maybe"}, "--factored maybe: one of auto, on, off"),
        ({"--amp-dtype": "int8"}, "--amp-dtype int8: one of float16, bfloat16"),
        ({"--model-dtype": "int8"}, "model_dtype is 'int8'"),
        ({"--classes": "own"}, "--classes own: one of labels, decisions, none"),
        ({"--classes": "labels"}, 'classes="labels" needs the categories of the pictures'),
        ({"--save-logits": "int8"}, "--save-logits int8: one of float16, float32"),
        ({"--model-kwargs": "width"}, "--model-kwargs width: KEY=VALUE is expected"),
        ({"--model-kwargs": "widht=2"}, "--model-kwargs widht=2: ResNet, the class of "),
        ({"--model-kwargs": "num_classes=ten"}, "--model-kwargs num_classes='ten': a whole number above 0"),
        ({"--model-kwargs": "zero_init_last=false"}, "--model-kwargs zero_init_last='false': True or False"),
        ({"--model-kwargs": "pretrained=True"}, "--model-kwargs pretrained=True: weights are chosen by"),
        ({"--data-kwargs": "=1"}, "--data-kwargs =1: KEY=VALUE is expected"),
        ({"--data-kwargs": "crop_pc=1"}, "--data-kwargs crop_pc=1: there is no crop_pc; did you mean crop"),
        ({"--data-kwargs": "mean=(0.5,0.5)"}, "--data-kwargs mean=(0.5, 0.5): 3 numbers are expected"),
        ({"--data-kwargs": "std=0.5,0.5,zero"}, "--data-kwargs std='0.5,0.5,zero': a number above 0 per"),
        ({"--data-kwargs": "use_train_size=true"}, "--data-kwargs use_train_size='true': True or False is"),
        ({"--data-kwargs": "target_key=x"}, "--data-kwargs target_key='x': a folder of pictures takes"),
        ({"--data-kwargs": "std=1", "--data-kwargs2": "std=2"}, "--data-kwargs std=2: std is given twice"),
        ({"--class-names": "gone.txt"}, "class names gone.txt cannot be read"),
        ({"--groups": "(", "--held-out": "0.5"}, "'(' is not a regular expression"),
        ({"--held-out": "1"}, "held_out must be at least 0 and below 1"),
        ({"--folds": "1"}, "folds must be 0 (none) or from 2 to 1000"),
        ({"--names": "a", "--names2": "b"}, "1 models and 2 of name"),
        ({"--device": "cuda:77"}, "there is no GPU that torch can use"),
        ({"--dataset": "torch/nothing"}, "cannot be opened: Unknown torchvision dataset nothing"),
    ],
)  # fmt: skip
def test_wrong_usage_is_answered_with_one_line(pictures, tmp_path, monkeypatch, change, message):
    import torch

    if "--device" in change and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    monkeypatch.chdir(tmp_path)
    given = {"MODEL": RESNET, "--checkpoint": "random", "--data": str(pictures), "--out": "m.safetensors"}
    given |= change
    arguments = [given.pop("MODEL")]
    for option, value in given.items():
        arguments += [option.rstrip("2"), value] if value is not None else []
    output, error = run(*arguments, code=2)
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert output == ""
    assert not Path("m.safetensors").exists()


def test_the_help_names_all_keys_that_are_passed_on():
    from covlasso.cli import _extract_options as texts
    from covlasso.timm.keywords import DATASET, TRANSFORM

    named = re.findall(r"\w+_\w+|mean|std|interpolation", texts._FOR_DATA)
    assert sorted(named) == sorted([*TRANSFORM, *DATASET])


def test_data_kwargs_reach_the_pass(pictures, tmp_path):
    rows = []
    for k, more in enumerate(
        ([], ["crop_pct=0.5"], ["mean=0.4,0.4,0.4"], ["mean=(0.4,0.4,0.4)"], ["mean=0.4"])
    ):
        given = [word for text in more for word in ("--data-kwargs", text)]
        run(*options(pictures, tmp_path / f"{k}.safetensors", "--save-logits", "float32", *given))
        rows.append(np.load(tmp_path / f"{k}.logits.{RESNET}.npy"))
    assert not np.allclose(rows[0], rows[1])
    assert not np.allclose(rows[0], rows[2])
    assert np.array_equal(rows[2], rows[3])
    assert np.array_equal(rows[2], rows[4])


def test_a_finished_file_is_not_overwritten(pictures, tmp_path):
    out = tmp_path / "m.safetensors"
    out.write_text("precious")
    _, error = run(*options(pictures, out), code=2)
    assert "m.safetensors is there already; give --force" in error
    assert out.read_text() == "precious"


FORKING = """
    # Imports torch once. For every line read, a forked process runs the command; its exit code is written.
    import json, os, signal, sys, time
    import torch
    torch.set_num_threads(1)
    import covlasso.timm.extraction
    from covlasso.cli import app

    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            try:
                app(asked["arguments"])
            except SystemExit as end:
                os._exit(end.code or 0)
            os._exit(1)
        end = time.monotonic() + asked["seconds"]
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            if time.monotonic() > end:
                os.kill(child, signal.SIGKILL)
            time.sleep(0.0005)
        print(os.waitstatus_to_exitcode(status), flush=True)
"""


class Server:
    """Runs the command in processes that have torch already, and kills them after some seconds."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(FORKING)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments, seconds=600.0):
        """Exit code of one run; -9 if it was killed."""
        asked = {"arguments": ["extract", *map(str, arguments)], "seconds": seconds}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=60)


@pytest.fixture(scope="module")
def server():
    running = Server()
    yield running
    running.close()


def files(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_run_killed_at_random_moments_ends_in_the_same_bits(server, pictures, tmp_path):
    def arguments(folder):
        folder.mkdir(exist_ok=True)
        more = [
            "-b",
            2,
            "--save-every",
            1,
            "--save-logits",
            "float16",
            "--folds",
            2,
            "--model-kwargs",
            "num_classes=7",
        ]
        return options(pictures, folder / "m.safetensors", *more)

    begun = time.monotonic()
    assert server.run(arguments(tmp_path / "once")) == 0
    whole = time.monotonic() - begun
    wanted = files(tmp_path / "once")
    moments = random.Random(0)
    kills, went_on = 0, 0
    folder = tmp_path / "killed"
    while kills < KILLS:
        went_on += (folder / "m.safetensors.state").exists()
        code = server.run(arguments(folder), moments.uniform(0.0, whole))
        assert code in (0, -signal.SIGKILL)
        kills += code != 0
        if code == 0:
            assert files(folder) == wanted
            shutil.rmtree(folder)
        elif (folder / "m.safetensors").exists():  # killed after the file was there
            assert (folder / "m.safetensors").read_bytes() == wanted["m.safetensors"]
            shutil.rmtree(folder)
    assert went_on > 3
    assert server.run(arguments(folder)) == 0
    assert files(folder) == wanted


def test_a_killed_run_goes_on_only_under_the_same_command(pictures, tmp_path, monkeypatch):
    from covlasso.torch.extraction import passes

    out, numbers = tmp_path / "m.safetensors", tmp_path / "numbers.txt"
    numbers.write_text("".join(f"{k}\n" for k in range(1000)))
    saved = passes.Pass.save

    def save_and_end(self, state):
        saved(self, state)
        raise RuntimeError("the power is gone")

    with monkeypatch.context() as patch:
        patch.setattr(passes.Pass, "save", save_and_end)
        run(*options(pictures, out, "--save-every", 2), code=2)
    others = {
        "batch_size": ("-b", 5),
        "transforms.test_resnet.crop_pct": ("--data-kwargs", "crop_pct=0.5"),
        "transforms.test_resnet.mean": ("--data-kwargs", "mean=0.4"),
        "models.test_resnet.global_pool": ("--model-kwargs", "global_pool=max"),
        "models.test_resnet.num_classes": ("--model-kwargs", "num_classes=7"),
        "models.test_resnet.model": (RESNET + ".r160_in1k", "--names", RESNET),
        "data.input_key": ("--data-kwargs", "input_key=.png"),
        "data.split": ("--split", "test"),
        "channels_last": ("--channels-last",),
        "row_centred": ("--row-centred",),
        "class_names.test_resnet": ("--class-names", numbers),
        "split.folds": ("--folds", 2),
        "weights.test_resnet": ("--seed", 1),
    }
    for field, (first, *rest) in others.items():
        given = options(pictures, out, "--save-every", 2)
        given = [first, *given[1:], *rest] if first.startswith(RESNET) else [*given, first, *rest]
        _, error = run(*given, code=2)
        assert f"m.safetensors.state is the state of another run: {field} was" in error
    (pictures / "f0" / "more.png").write_bytes((pictures / "f0" / "00.png").read_bytes())
    try:
        _, error = run(*options(pictures, out, "--save-every", 2), code=2)
    finally:
        (pictures / "f0" / "more.png").unlink()
    assert "another run: pictures was" in error
    run(*options(pictures, out, "--save-every", 2))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_answered_with_one_line(pictures, tmp_path, monkeypatch):
    from covlasso.logits import writer

    class FullDisk(writer.LogitWriter):
        def _part(self, kind, rank):
            return Path("/dev/full") if kind == "rows" else super()._part(kind, rank)

    monkeypatch.setattr("covlasso.torch.extraction.run.LogitWriter", FullDisk)
    _, error = run(*options(pictures, tmp_path / "m.safetensors", "--save-logits", "float16"), code=2)
    assert error == "error: /dev/full: No space left on device\n"


def run_torchrun(size, arguments, **environment):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(size)]
    return subprocess.run(
        [*command, "-m", "covlasso", "extract", *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("size", [2, 3])
def test_ranks_of_torchrun_give_what_one_process_gives(pictures, tmp_path, size):
    (pictures / "f1" / "bad.png").write_bytes(b"")
    try:
        results = {}
        for name in ("one", "many"):
            (tmp_path / name).mkdir()
            # a batch of one: the rounding of the model's own products depends on the size of a batch
            more = ["-b", 1, "--folds", 2, "--save-logits", "float32", "--json", tmp_path / f"{name}.json"]
            arguments = options(pictures, tmp_path / name / "m.safetensors", *more)
            done = run_torchrun(size if name == "many" else 1, arguments)
            assert done.returncode == 0, done.stderr
            results[name] = SplitMoments.load(tmp_path / name / "m.safetensors")
    finally:
        (pictures / "f1" / "bad.png").unlink()
    assert results["many"].skipped == results["one"].skipped == 1
    for part, one in results["one"].parts.items():
        many = results["many"].parts[part]
        assert many.count == one.count
        gap = np.abs(many.second_moment(RESNET) - one.second_moment(RESNET)).max()
        assert gap <= 1e-12 * np.abs(one.second_moment(RESNET)).max()
        assert np.array_equal(many.class_counts(RESNET), one.class_counts(RESNET))
        means = [moments.class_means(RESNET, RESNET) for moments in (one, many)]
        np.testing.assert_allclose(*means, rtol=1e-12, atol=1e-12)
    one, many = files(tmp_path / "one"), files(tmp_path / "many")
    del one["m.safetensors"], many["m.safetensors"]
    assert one == many  # logits, labels, samples, keys, sides and what was skipped
    one, many = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "many"))
    assert {**one, "file": "", "seconds": 0} == {**many, "file": "", "seconds": 0}


def test_a_rank_that_dies_ends_the_run_and_it_goes_on(pictures, tmp_path):
    once, out = tmp_path / "once.safetensors", tmp_path / "m.safetensors"
    more = ["-b", 1, "--save-every", 1]
    assert run_torchrun(2, options(pictures, once, *more)).returncode == 0
    dying = tmp_path / "dying.py"
    dying.write_text(
        textwrap.dedent(
            """
            import os, signal
            from covlasso.cli import main
            from covlasso.torch.extraction import passes

            save = passes.Pass.save

            def save_and_die(self, state):
                save(self, state)
                if os.environ["RANK"] == "1" and self._seen == 5:
                    os.kill(os.getpid(), signal.SIGKILL)

            passes.Pass.save = save_and_die
            main()
            """
        )
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    died = subprocess.run(
        [*command, dying, "extract", *map(str, options(pictures, out, *more))],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert died.returncode != 0
    assert "Signal 9 (SIGKILL)" in died.stderr
    assert not out.exists()
    assert (tmp_path / "m.safetensors.state-1-of-2").exists()
    _, error = run(*options(pictures, out, *more), code=2)
    assert "on another number of ranks" in error
    assert run_torchrun(2, options(pictures, out, *more)).returncode == 0
    assert out.read_bytes() == once.read_bytes()
    assert not list(tmp_path.glob("*.state*"))
