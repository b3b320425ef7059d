"""examples/three_protocols.py: equations of a category's own samples, and the tables, on made-up logits."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from covlasso import Moments

N = 12


@pytest.fixture(scope="module")
def example():
    path = Path(__file__).parents[3] / "examples" / "three_protocols.py"
    spec = importlib.util.spec_from_file_location("three_protocols", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data(example):
    """Two networks that see the same of 12 categories, with noise of their own."""
    rng = np.random.default_rng(0)
    alike = rng.normal(size=(N, 5))
    level = 3.0 * alike @ alike.T / 5.0 + 2.0 * np.eye(N)
    shown = level[rng.integers(N, size=1200)] + rng.normal(size=(1200, N))
    logits = {name: shown + 0.5 * rng.normal(size=shown.shape) for name in ("one", "two")}
    fit, others = ({name: x[rows] for name, x in logits.items()} for rows in (slice(600), slice(600, None)))
    moments = Moments(["one", "two"], classes="decisions")
    moments.update(fit)
    return example.Data(("one", "two"), moments, others, np.arange(600) % 2 == 1, fit)


@pytest.mark.parametrize("source", ["one", "two"])
def test_own_samples_are_least_squares_on_them(example, data, source):
    targets = np.array([7, 2, 11], dtype=np.int32)
    found = example.own_samples(data, "one", source, targets, 3)
    f, g = data.fit_logits["one"], data.fit_logits[source]
    assert np.array_equal(found.targets, targets)
    for t, i in enumerate(targets):
        rows = f.argmax(axis=1) == i
        terms = found.coef[[t]].indices
        assert len(terms) == 3
        assert i not in terms
        best = np.linalg.lstsq(g[rows][:, terms], f[rows, i], rcond=None)[0]
        assert np.allclose(found.coef[[t]].data, best, rtol=1e-8)


@pytest.mark.parametrize("known", [True, False])
def test_tables_have_every_protocol(example, data, capsys, monkeypatch, known):
    monkeypatch.setattr(example, "TERMS", (2, 4))
    example.protocols(data if known else data._replace(fit_logits=None), "one", "two")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    names = [line.split(" | ")[0].strip("| ") for line in lines[2:]]
    expected = ["all samples", "focus", "focus, random terms"]
    assert names[:3] == expected
    assert ("own samples, on other pictures" in names) == known
    assert all(line.count("|") == 4 for line in lines)
