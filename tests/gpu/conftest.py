"""Tests that need a CUDA device; without one they are skipped, a line for each file."""

import sys
from pathlib import Path

import numpy as np
import pytest

from covlasso._base.devices import require_cuda

sys.path.insert(0, str(Path(__file__).parents[1] / "python" / "support"))  # the oracles


def pytest_collection_modifyitems(items):
    try:
        require_cuda("the test is for a device")
    except RuntimeError as reason:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=str(reason)))


@pytest.fixture(scope="session")
def head():
    """Second moment of n logits that a linear head of a given rank draws, with a common mean."""

    def make(n, rank, seed=0):
        rng = np.random.default_rng([seed, n, rank])
        factor = rng.standard_normal((n, rank)) + 1.5 * (np.arange(rank) < 3)
        gram = factor @ factor.T / rank
        return np.triu(gram) + np.triu(gram, 1).T

    return make
