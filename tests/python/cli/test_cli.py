"""What all commands have in common."""

import sys
from typing import get_args

import pytest
from typer.testing import CliRunner

from covlasso._base.arrays import Kind
from covlasso.cli import app
from covlasso.cli._solve_options import Kinds
from covlasso.cli._tables import number
from covlasso.cli.export import Format
from covlasso.graph.export import FORMATS

COMMANDS = ("demo", "extract", "moments", "solve", "show", "evaluate", "report", "export")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_the_exit_codes(command):
    answer = CliRunner().invoke(app, [command, "--help"])
    assert answer.exit_code == 0
    assert "Exit codes" in answer.output


def test_no_command_is_missing_here():
    assert {info.name or info.callback.__name__ for info in app.registered_commands} == set(COMMANDS)


def test_a_missing_package_is_one_line_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    for module in [name for name in sys.modules if name.startswith(("covlasso.timm", "covlasso.torch"))]:
        monkeypatch.delitem(sys.modules, module)
    command = ["extract", "resnet18", "--data", str(tmp_path), "--out", str(tmp_path / "m.safetensors")]
    answer = CliRunner().invoke(app, command)
    assert answer.exit_code == 2
    assert answer.stderr.count("\n") == 1
    assert "is not installed; pip install t" in answer.stderr


def test_choices_are_those_of_the_library():
    assert [kind.value for kind in Kinds] == list(get_args(Kind))
    assert {form.value for form in Format} == set(FORMATS)


def test_zero_has_no_sign():
    assert [number(value) for value in (-0.004, 0.004, -0.006, None)] == ["0.00", "0.00", "-0.01", ""]
