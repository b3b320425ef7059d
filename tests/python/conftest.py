"""Shared oracles importable, hypothesis deterministic, solutions checked on the CPU and on a CUDA device."""

import functools
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import covlasso
from covlasso._base.devices import require_cuda

sys.path.insert(0, str(Path(__file__).parent / "support"))  # import mode "importlib" leaves it out

settings.register_profile(
    "covlasso",
    derandomize=True,
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("covlasso")

SKIPPED = pytest.StashKey[str]()


@pytest.fixture(scope="module", params=["cpu", "cuda"])
def device(request):
    """Where `covlasso.path` and `covlasso.solve` solve in the tests that use it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("path", "solve"):
            patch.setattr(covlasso, name, functools.partial(getattr(covlasso, name), device=request.param))
        yield request.param


def pytest_collection_modifyitems(config, items):
    """Skip the cases of a device that cannot be used: all with one line, not one for each."""
    try:
        require_cuda("device is 'cuda'")
    except RuntimeError as reason:
        there = [item for item in items if getattr(item, "callspec", None)]
        skipped = [item for item in there if item.callspec.params.get("device") == "cuda"]
        if skipped:
            config.hook.pytest_deselected(items=skipped)
            items[:] = [item for item in items if item not in skipped]
            config.stash[SKIPPED] = f"SKIPPED [{len(skipped)}] cases in which {reason}"


def pytest_terminal_summary(terminalreporter, config):
    if SKIPPED in config.stash:
        terminalreporter.write_line(config.stash[SKIPPED])
