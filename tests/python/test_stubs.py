"""The committed stub file of the extension is what the extension says of itself."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_stub_file_is_up_to_date():
    pytest.importorskip("pybind11_stubgen", reason="pybind11-stubgen is not installed")
    spec = importlib.util.spec_from_file_location("stubs", ROOT / "csrc" / "bindings" / "stubs.py")
    stubs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stubs)
    committed = (ROOT / "python" / "covlasso" / "_core.pyi").read_text(encoding="utf-8")
    assert stubs.generate() == committed, "run: python csrc/bindings/stubs.py > python/covlasso/_core.pyi"
