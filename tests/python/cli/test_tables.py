"""Tables of all commands: points in line, heads whole, figures uncut at 80 columns."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import covlasso
from covlasso import Moments, SplitMoments
from covlasso._base.terminal import console
from covlasso.cli import app
from covlasso.cli._tables import number, percent, table, words

N = 14


def printed(shown: Any, width: int = 80) -> list[str]:
    text = io.StringIO()
    console(file=text, width=width).print(shown)
    return text.getvalue().splitlines()


def test_decimal_points_are_in_one_line() -> None:
    shown = table("", words("category"), "R^2", "terms", "recall")
    for value, terms in ((0.5, 10), (0.99987, 9), (-12.25, 100), (1.0, 1)):
        shown.add_row("a name", number(value), str(terms), percent(value))
    shown.add_row("...")
    shown.add_row("none", "none", "3")
    lines = printed(shown)[2:]
    assert len({line.index(".") for line in lines[:4]}) == 1
    assert len({line.rindex(".") for line in lines[:4]}) == 1
    assert [line.split()[2:] for line in lines[:2]] == [["0.50", "10", "50.0%"], ["0.99987", "9", "99.987%"]]


def test_a_heading_is_as_wide_as_the_console() -> None:
    shown = table("A heading that is much wider than its table", "n")
    shown.add_row("1")
    assert printed(shown)[0].rstrip() == "A heading that is much wider than its table"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Any:
    """Logits with one large common direction: every R^2 is nearly 1."""
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(900, 6)) @ rng.normal(size=(6, N)) + rng.normal(size=(900, N))
    logits += 300.0 * rng.normal(size=(900, 1)) - 100.0
    parts = [Moments(["net"], [f"long name of category {k}" for k in range(N)], classes="decisions")
             for _ in range(2)]  # fmt: skip
    for part, rows in zip(parts, (logits[:450], logits[450:]), strict=True):
        part.update({"net": rows})
    SplitMoments(*parts).save(folder / "m.safetensors")
    np.save(folder / "logits.npy", logits)
    np.save(folder / "rows.npy", np.arange(900) >= 450)
    covlasso.solve_moments(parts[0], terms=3, refit=True).save(folder / "d.safetensors")
    return folder


def lines_of(*words: Any) -> list[str]:
    outcome = CliRunner(env={"COLUMNS": "80"}).invoke(app, [str(word) for word in words])
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout.splitlines()


@pytest.mark.parametrize("command", ["evaluate", "evaluate with logits", "show", "show a category", "solve"])
def test_nothing_is_cut_at_80_columns_and_no_line_ends_in_blanks(
    folder: Any, command: str, tmp_path: Any
) -> None:
    d, m = folder / "d.safetensors", folder / "m.safetensors"
    logits = ["--logits", folder / "logits.npy", "--rows", folder / "rows.npy"]
    lines = lines_of(*{
        "evaluate": ["evaluate", d, "--moments", m, "--baselines"],
        "evaluate with logits": ["evaluate", d, "--moments", m, *logits, "--baselines"],
        "show": ["show", d, "--moments", m],
        "show a category": ["show", d, "5", "--moments", m],
        "solve": ["solve", m, "--terms", 3, "--out", tmp_path / "d.safetensors"],
    }[command])  # fmt: skip
    assert max(map(len, lines)) <= 80
    assert not any("\N{HORIZONTAL ELLIPSIS}" in line for line in lines)
    assert all(line == line.rstrip() for line in lines)
    said = " ".join(" ".join(lines).split())
    for remedy in ("--row-centred takes it off", "R^2 is no evidence for these terms"):
        assert f"{remedy}." in said
    assert said.count("Careful: ") >= 2
    if command == "evaluate":
        for head in ("terms", "fit", "held out", "random", "largest", "correlations", "random terms"):
            assert head in said
