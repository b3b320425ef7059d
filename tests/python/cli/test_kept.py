"""``covlasso solve`` that is killed, or interrupted, and goes on: the same bits, or a refusal."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from ranks import run_ranks
from typer.testing import CliRunner

from covlasso import LinearHead, Moments
from covlasso.cli import app
from covlasso.solver import kept, pace, work

SAMPLES, N = 400, 14
NAMES = [f" token {k % 13}" for k in range(N)]

PATCH = """
    from covlasso.solver import kept, pace, work
    pace.FIRST, pace.SECONDS, work.WORTH = 3, 0.0, -1.0
"""


@pytest.fixture(autouse=True)
def small_slices(monkeypatch):
    monkeypatch.setattr(pace, "FIRST", 3)
    monkeypatch.setattr(pace, "SECONDS", 0.0)
    monkeypatch.setattr(work, "WORTH", -1.0)


@pytest.fixture
def file(tmp_path):
    """Two models, one by its head, with classes: two categories are never decided for."""
    rng = np.random.default_rng(5)
    features, other = rng.standard_normal((SAMPLES, 6)), rng.standard_normal((SAMPLES, N))
    head = LinearHead(rng.standard_normal((N, 6)), np.where(np.arange(N) < 2, -50.0, 0.0))
    moments = Moments(["head", "full"], NAMES, heads={"head": head}, classes="decisions")
    moments.update({"head": features, "full": other + features @ rng.standard_normal((6, N))})
    moments.save(tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def command(file, out, *more):
    return ["solve", *map(str, (file, "--terms", 4, "--out", out, *more))]


def run(*arguments):
    return CliRunner().invoke(app, command(*arguments))


def interrupt_after(monkeypatch, count, error=KeyboardInterrupt):
    """End the next solve when it has kept so many slices."""
    add, seen = kept.Kept.add, []

    def ending(self, part):
        add(self, part)
        seen.append(part)
        if len(seen) == count:
            raise error

    monkeypatch.setattr(kept.Kept, "add", ending)


DIRECTIONS = {
    "within": ("--target", "full"),
    "between": ("--target", "full", "--source", "head", "--kind", "correlation", "--refit"),
    "focus": ("--target", "head", "--row-centred", "--focus", 0.3, "--refit"),
    "focus between": ("--target", "head", "--source", "full", "--focus", 0.3),
    "some": ("--target", "head", "--targets", "5:,0:4"),
    "place": ("--target", "head", "--kind", "covariance"),
}


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_interrupted_or_not_the_bits_are_those_of_one_go(direction, file, tmp_path, monkeypatch):
    more = DIRECTIONS[direction]
    with monkeypatch.context() as patch:
        patch.setattr(pace, "FIRST", 1000)
        assert run(file, tmp_path / "whole", *more).exit_code == 0
    for threads, count in ((1, 1), (2, 2), (3, 1)):
        with monkeypatch.context() as patch:
            interrupt_after(patch, count)
            outcome = run(file, tmp_path / "d", *more, "--threads", threads)
        assert outcome.exit_code == 130
        assert f"kept in {tmp_path / 'd.parts'}, and the same command goes on from there" in outcome.stderr
        assert not (tmp_path / "d").exists()
    outcome = run(file, tmp_path / "d", *more)
    assert outcome.exit_code == 0, outcome.stderr
    assert f"12 targets are kept in {tmp_path / 'd.parts'}" in outcome.stderr or direction != "within"
    assert (tmp_path / "d").read_bytes() == (tmp_path / "whole").read_bytes()
    assert not (tmp_path / "d.parts").exists()


def test_one_longer_path_among_many_changes_no_bits_of_the_others(tmp_path, monkeypatch):
    """Random terms: an order is as long as the longest path needs, with sources that depend on others."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((60, 4)) @ rng.standard_normal((4, N))
    rows[:, 9:] += 0.5 * rng.standard_normal((60, N - 9))
    moments = Moments(["a"])
    moments.update({"a": rows})
    moments.save(tmp_path / "m.safetensors")
    place = ["solve", str(tmp_path / "m.safetensors"), "--relative-error", "0.02", "--out"]
    assert CliRunner().invoke(app, [*place, str(tmp_path / "sliced")]).exit_code == 0
    monkeypatch.setattr(pace, "FIRST", 1000)
    assert CliRunner().invoke(app, [*place, str(tmp_path / "whole")]).exit_code == 0
    assert (tmp_path / "sliced").read_bytes() == (tmp_path / "whole").read_bytes()


KILLED = """
    import os, signal
    from covlasso import cli
    add, seen = kept.Kept.add, []

    def adding(self, part):
        seen.append(part)
        if len(seen) == {count} and not {after}:
            os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)  # while it is written
        add(self, part)
        if len(seen) == {count}:
            os.kill(os.getpid(), signal.SIGKILL)

    kept.Kept.add = adding
    cli.app({command!r})
"""


@pytest.mark.parametrize(("count", "after"), [(1, False), (2, True), (3, False)])
def test_a_solve_that_is_killed_goes_on(count, after, file, tmp_path):
    more = DIRECTIONS["focus"]
    out = tmp_path / "d.safetensors"
    code = KILLED.format(count=count, after=after, command=command(file, out, *more))
    code = textwrap.dedent(PATCH) + textwrap.dedent(code)
    died = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert not out.exists()
    parts = list((tmp_path / "d.safetensors.parts").glob("0-*.safetensors"))
    assert len(parts) == count - (not after)
    assert run(file, out, *more).exit_code == 0
    assert not (tmp_path / "d.safetensors.parts").exists()
    assert run(file, tmp_path / "whole", *more).exit_code == 0
    assert out.read_bytes() == (tmp_path / "whole").read_bytes()


def test_another_command_is_refused_by_the_name_of_what_differs(file, tmp_path, monkeypatch):
    np.save(tmp_path / "shares.npy", np.linspace(0.1, 0.9, N))
    out, mine = tmp_path / "d", ("--target", "head", "--focus", 0.3)
    with monkeypatch.context() as patch:
        interrupt_after(patch, 2)
        assert run(file, out, *mine).exit_code == 130
    before = {part.name: part.read_bytes() for part in (tmp_path / "d.parts").iterdir()}
    others = {
        "refit was False and is True": (*mine, "--refit"),
        "kind was 'second_moment' and is 'covariance'": (*mine, "--kind", "covariance"),
        "row_centred was False and is True": (*mine, "--row-centred"),
        "focus was 0.3 and is 0.2": ("--target", "head", "--focus", 0.2),
        "focus was 0.3 and is None": ("--target", "head"),
        "focus was 0.3 and is '": ("--target", "head", "--focus", tmp_path / "shares.npy"),
        "targets was": (*mine, "--targets", "0:9"),
        "source was 'head' and is 'full'": (*mine, "--source", "full"),
    }
    for said, more in others.items():
        outcome = run(file, out, *more, "--force")
        assert outcome.exit_code == 2
        assert f"d.parts has slices of another solve: {said}" in outcome.stderr
        assert outcome.stderr.count("\n") == 1
    more = Moments.load(file)
    more.update({"head": np.ones((1, 6)), "full": np.ones((1, N))})
    more.save(tmp_path / "more")
    assert "moments was '" in run(tmp_path / "more", out, *mine).stderr
    with monkeypatch.context() as patch:
        patch.setattr(work, "__version__", "9.9")
        assert "covlasso was " in run(file, out, *mine).stderr
    assert {part.name: part.read_bytes() for part in (tmp_path / "d.parts").iterdir()} == before
    assert run(file, out, *mine, "--threads", 3).exit_code == 0


def test_names_belong_to_the_result(file, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_after(patch, 1)
        assert run(file, tmp_path / "d", "--target", "full").exit_code == 130
    first = Moments.load(file)
    renamed = Moments(["head", "full"], [f"x{k}" for k in range(N)], heads=first.heads, classes="decisions")
    renamed._sums = first._sums
    renamed.save(tmp_path / "renamed")
    assert "class_names was '" in run(tmp_path / "renamed", tmp_path / "d", "--target", "full").stderr


def test_a_damaged_part_is_named(file, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_after(patch, 2)
        assert run(file, tmp_path / "d", "--target", "full").exit_code == 130
    part = tmp_path / "d.parts" / "0-00001.safetensors"
    part.write_bytes(part.read_bytes()[:-8])
    outcome = run(file, tmp_path / "d", "--target", "full")
    assert outcome.exit_code == 2
    assert f"{part} is damaged; delete it, and its targets are solved again" in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    part.unlink()
    assert run(file, tmp_path / "d", "--target", "full").exit_code == 0


def test_short_work_keeps_nothing_and_says_nothing(file, tmp_path, monkeypatch):
    monkeypatch.setattr(work, "WORTH", 10.0)
    monkeypatch.setattr(kept.Kept, "add", None)
    outcome = run(file, tmp_path / "d", "--target", "full")
    assert (outcome.exit_code, outcome.stderr) == (0, "")


def test_long_work_says_how_long_and_where_it_is_kept(file, tmp_path):
    outcome = run(file, tmp_path / "d", "--target", "full")
    assert outcome.exit_code == 0
    assert "8 targets are left, which takes about 1 s; what is done is kept in" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_one_rank_goes_on_with_what_two_have_kept(file, tmp_path):
    pytest.importorskip("torch", reason="several ranks talk through torch.distributed")
    out, more = tmp_path / "d", ("--target", "head", "--row-centred", "--focus", 0.3)
    code = textwrap.dedent(PATCH) + textwrap.dedent(
        f"""
        import os
        from covlasso import cli
        add = kept.Kept.add

        def adding(self, part):
            add(self, part)
            if os.environ["RANK"] == "1":
                os._exit(3)

        kept.Kept.add = adding
        cli.app({command(file, out, *more)!r})
        """
    )
    codes, outputs = run_ranks(code, 2)
    assert codes[1] == 3
    assert codes[0] != 0, outputs
    names = {part.name[0] for part in (tmp_path / "d.parts").glob("*-*.safetensors")}
    assert names == {"0", "1"}
    assert run(file, out, *more).exit_code == 0
    assert run(file, tmp_path / "whole", *more).exit_code == 0
    assert out.read_bytes() == (tmp_path / "whole").read_bytes()
    assert not (tmp_path / "d.parts").exists()
