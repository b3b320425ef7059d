"""device=: what it may say, the error where it cannot be had, and who passes it on."""

import numpy as np
import pytest
from fake_device import NO_CODE, Machine
from oracles import assert_refused, random_gram
from typer.testing import CliRunner

import covlasso
from covlasso._base import devices
from covlasso._base.ranks import Group, own_device
from covlasso.cli import app

GRAM = random_gram(8, seed=1)


@pytest.fixture
def machine(monkeypatch):
    """Two devices, in host memory."""
    return Machine(2).install(monkeypatch)


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("cpu", []),
        ("cuda", [0]),
        ("cuda:1", [1]),
        (["cuda:1", "cuda:0"], [1, 0]),
        (("cuda",), [0]),
    ],
)
def test_devices_are_numbers_to_the_core(machine, asked, numbers):
    for call in (
        lambda: covlasso.path(GRAM, device=asked),
        lambda: covlasso.solve(GRAM, lam=0.1, device=asked),
    ):
        call()
        assert machine.calls.pop()["devices"] == numbers


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ("abacus", ValueError),
        ("cuda:", ValueError),
        ("cuda:-1", ValueError),
        ("cuda:1.0", ValueError),
        ("CUDA", ValueError),
        ([], ValueError),
        (["cpu", "cuda:0"], ValueError),
        (["cuda", "cuda:1"], ValueError),
        (["cuda:1", "cuda:1"], ValueError),
        (1, TypeError),
        (["cuda:0", 1], TypeError),
        (None, TypeError),
        ({"cuda:0"}, TypeError),
    ],
    ids=str,
)
def test_what_is_no_device(machine, asked, error):
    parts = ("device is", repr(asked), '"cpu"', '"cuda:N"')
    assert_refused(lambda: covlasso.path(GRAM, device=asked), error, parts)
    assert_refused(lambda: covlasso.solve(GRAM, lam=0.1, device=asked), error, parts)
    assert not machine.calls


def test_a_build_without_cuda_code_says_how_to_get_one(monkeypatch):
    monkeypatch.setattr(devices, "reason_of_the_core", lambda: NO_CODE)
    assert not covlasso.cuda_available()
    parts = ("device is 'cuda:1'", "no CUDA code", "-C cmake.define.COVLASSO_CUDA=ON", 'device="cpu"')
    assert_refused(lambda: covlasso.path(GRAM, device="cuda:1"), RuntimeError, parts)


def test_a_machine_without_device_is_told_from_a_build_without_code(monkeypatch):
    Machine(0).install(monkeypatch)
    assert not covlasso.cuda_available()
    parts = (
        "device is 'cuda'",
        "no CUDA device is found",
        "nvidia-smi",
        "CUDA_VISIBLE_DEVICES",
        'device="cpu"',
    )
    assert_refused(lambda: covlasso.path(GRAM, device="cuda"), RuntimeError, parts)


def test_a_number_that_no_device_has(monkeypatch):
    Machine(2).install(monkeypatch)
    assert covlasso.cuda_available()
    parts = ("device is ['cuda:0', 'cuda:2']", "this machine has cuda:0 to cuda:1")
    assert_refused(lambda: covlasso.path(GRAM, device=["cuda:0", "cuda:2"]), RuntimeError, parts)
    Machine(1).install(monkeypatch)
    parts = ("device is 'cuda:1'", "this machine has only cuda:0")
    assert_refused(lambda: covlasso.path(GRAM, device="cuda:1"), RuntimeError, parts)


def test_this_build_answers_for_itself():
    """Whatever it is: either it has a device, or the error is one of the three."""
    assert covlasso.cuda_available() == (covlasso.cuda_unavailable_reason() == "")
    if covlasso.cuda_available():
        found = covlasso.solve(GRAM, lam=0.1, device="cuda")
        assert (found.status == "certified").all()
    else:
        with pytest.raises(RuntimeError, match=r"no CUDA code|no CUDA device is found"):
            covlasso.solve(GRAM, lam=0.1, device="cuda")


def two_models():
    """Joint moments, in two folds."""
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((60, 5)) for _ in range(2))
    folds = []
    for part in (slice(0, 30), slice(30, 60)):
        moments = covlasso.Moments(["a", "b"])
        moments.update({"a": x[part], "b": x[part] + y[part]})
        folds.append(moments)
    return folds


@pytest.mark.parametrize("source", ["a", "b"], ids=["a", "b to a"])
def test_solve_moments_passes_it_on(machine, source):
    covlasso.solve_moments(two_models()[0], target="a", source=source, terms=2, device="cuda:1")
    assert [call["devices"] for call in machine.calls] == [[1]]


def test_stability_passes_it_on(machine):
    covlasso.stability(two_models(), terms=2, target="a", device=["cuda:0", "cuda:1"])
    assert machine.calls
    assert all(call["devices"] == [0, 1] for call in machine.calls)


def test_paths_of_other_samples_are_found_on_the_same_device(machine):
    path = covlasso.path(GRAM, device="cuda:1")
    path.again(GRAM + np.eye(8))
    assert [call["devices"] for call in machine.calls] == [[1], [1]]


@pytest.mark.parametrize(("option", "numbers"), [("cuda", [0]), ("cuda:0,cuda:1", [0, 1]), ("cpu", [])])
def test_the_command_solve_passes_it_on(machine, option, numbers, tmp_path):
    two_models()[0].save(tmp_path / "m.safetensors")
    command = ["solve", str(tmp_path / "m.safetensors"), "--target", "a", "--terms", "2"]
    found = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "d.safetensors"), "--device", option])
    assert found.exit_code == 0, found.output
    assert [call["devices"] for call in machine.calls] == [numbers]


def test_the_command_demo_passes_it_on(machine):
    found = CliRunner().invoke(app, ["demo", "--no-report", "--terms", "1", "--device", "cuda:1"])
    assert found.exit_code == 0, found.output
    assert machine.calls
    assert all(call["devices"] == [1] for call in machine.calls)


def test_a_command_without_device_fails_in_one_line(monkeypatch):
    monkeypatch.setattr(devices, "reason_of_the_core", lambda: NO_CODE)
    found = CliRunner().invoke(app, ["demo", "--no-report", "--device", "cuda"])
    assert found.exit_code == 2
    assert "no CUDA code" in found.output
    assert "Traceback" not in found.output


def test_every_rank_takes_the_device_of_its_own_number(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert own_device("cuda", Group(3, 4)) == "cuda:3"
    assert own_device("cuda", Group()) == "cuda"
    assert own_device("cuda:1", Group(3, 4)) == "cuda:1"
    assert own_device("cpu", Group(3, 4)) == "cpu"
