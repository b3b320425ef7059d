"""How objects look in a notebook: small tables, in which names are text."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest
from report_reader import HOSTILE, small_deps, small_halves

import covlasso

NAMES = [*HOSTILE, "plain", "other", "", "x"]


class Cells(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.cells = set(), []
        self.feed(html)

    def handle_starttag(self, tag, _):
        self.tags.add(tag)
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


@pytest.fixture
def halves():
    return small_halves(class_names=NAMES)


def test_dependencies(halves):
    deps = small_deps(halves)
    page = Cells(deps._repr_html_())
    assert page.tags == {"div", "p", "code", "table", "tr", "th", "td"}
    assert page.cells[0] == deps.equation(0, max_terms=3)
    assert page.cells[2] == f"{deps.r2[0]:.2f}"
    assert "... and 4 more" in deps._repr_html_()


def test_path(halves):
    path = covlasso.path(halves.fit.second_moment("a"), max_terms=2, names=NAMES)
    page = Cells(path._repr_html_())
    assert page.tags == {"div", "p", "code", "table", "tr", "th", "td"}
    assert page.cells[:2] == [NAMES[0], f"{path.lambda_max[0]:.3g}"]
    assert page.cells[4] == path.status[0]


def test_moments(halves):
    page = Cells(halves.fit._repr_html_())
    assert page.tags == {"div", "p", "code", "table", "tr", "th", "td"}
    assert page.cells[:3] == ["a", "12", ", ".join(NAMES[:3])]
    assert "not known yet" in covlasso.Moments(["new"])._repr_html_()


def test_without_names_and_with_few_rows():
    deps = covlasso.solve(np.array([[2.0, 1.0], [1.0, 2.0]]), terms=1)
    page = Cells(deps._repr_html_())
    assert page.cells[0] == "#0 = 0.50 #1"
    assert "more" not in deps._repr_html_()
