"""Fixtures of the tests that open a report: a browser, a reader in it, and a report of real networks."""

from __future__ import annotations

import pytest
from browser import CHROMIUM, FLAGS, Reader

import covlasso
from covlasso.datasets import load_imagenet_lite


@pytest.fixture(scope="session")
def browser():
    """Chromium; a test that needs it is skipped where it is not installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    with playwright.sync_playwright() as tool:
        chromium = tool.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lite(tmp_path_factory):
    """Report of the real networks: within each, and of one from the other; and their dependencies."""
    data = load_imagenet_lite()
    pairs = (("lite0", "lite0"), ("lite1", "lite1"), ("lite0", "lite1"))
    deps = [covlasso.solve_moments(data.fit, target=a, source=b, terms=10, refit=True) for a, b in pairs]
    file = tmp_path_factory.mktemp("lite") / "report.html"
    return covlasso.write_report(file, deps, moments=data, title="Lite"), deps


@pytest.fixture
def reader(browser):
    """A tab of 1360 x 900 pixels, in which no console error, exception or request may have happened."""
    one = Reader(browser)
    yield one
    one.tab.context.close()
    assert one.problems == []
