"""What stands beside R^2 on the page: about the mean, and as many terms at random, on both parts."""

from __future__ import annotations

import numpy as np
import pytest
from report_reader import small_deps, small_halves

import covlasso
from covlasso._base.digits import r2_text
from covlasso.datasets import load_imagenet_lite


@pytest.fixture(scope="module")
def found(lite):
    return covlasso.evaluate(lite[1][0], load_imagenet_lite())


def rows_of(reader, selector):
    """Texts of a table's cells, by the text that heads the row."""
    rows = reader.tab.locator(f"{selector} tbody tr").all()
    cells = [row.locator("th, td").all_inner_texts() for row in rows]
    return {first: rest for first, *rest in cells}


def median(values):
    return r2_text(float(np.nanmedian(values)))


def test_the_summary_has_the_three_lines_on_both_parts(reader, lite, found):
    reader.open(lite[0])
    random = found.random
    assert rows_of(reader, ".beside") == {
        "Equations, as the paper has it": [median(found.fit.r2), median(found.held_out.r2)],
        "Equations, about the mean": [median(found.fit.r2_centred), median(found.held_out.r2_centred)],
        "As many terms at random": [median(random.fit.r2), median(random.held_out.r2)],
        "As many at random, about the mean": [
            median(random.fit.r2_centred),
            median(random.held_out.r2_centred),
        ],
    }
    explained = np.sum(found.held_out.error < random.least_error)
    assert f"For {explained} of 1,000 categories" in reader.text(".lead")
    assert f"at random reach {median(random.held_out.r2)}" in reader.text(".lead")
    assert f"Explained\n{explained}" in reader.text(".tiles")
    assert "on held-out samples" in reader.text(".caveats")
    assert reader.tab.locator(".warning").count() == 0


def test_best_and_most_independent_by_held_out_figures(reader, lite, found):
    reader.open(lite[0])
    deps, order = lite[1][0], np.argsort(-found.held_out.r2, kind="stable")
    for title, ends in (("Explained best", order[:6]), ("Most independent", order[:-7:-1])):
        rows = rows_of(reader, f".card:has(h3:text-is('{title}'))")
        assert list(rows) == [deps.target_names[t] for t in ends]
        for t, (_, r2, random) in zip(ends, rows.values(), strict=True):
            assert (r2, random) == (r2_text(found.held_out.r2[t]), r2_text(found.random.held_out.r2[t]))


def test_few_categories_are_in_one_list_only(reader, tmp_path):
    halves = small_halves(n=5)
    reader.open(covlasso.write_report(tmp_path / "r.html", small_deps(halves, terms=2), moments=halves))
    lists = [rows_of(reader, f".card:has(h3:text-is('{t}'))") for t in ("Explained best", "Most independent")]
    assert [len(rows) for rows in lists] == [3, 2]
    assert not set(lists[0]) & set(lists[1])


def test_equal_categories_are_in_one_list_only(reader, tmp_path):
    halves = small_halves()
    deps = small_deps(halves, terms=None, lam=1e6)  # no term, R^2 is 0 for all
    reader.open(covlasso.write_report(tmp_path / "r.html", deps, moments=halves))
    lists = [rows_of(reader, f".card:has(h3:text-is('{t}'))") for t in ("Explained best", "Most independent")]
    assert sorted(name for rows in lists for name in rows) == sorted(f"#{t}" for t in range(12))


def test_a_category_and_the_table_have_them_too(reader, lite, found):
    reader.open(lite[0], "category=817")
    mean, random = found.held_out.r2_centred[817], found.random.held_out.r2[817]
    assert f"about the mean {r2_text(mean)}; random terms {r2_text(random)}" in reader.text(".tiles")
    reader.go("categories")
    reader.tab.fill("#filter-text", "#817")
    reader.said("^1 of")
    row = ".tabulator-row [tabulator-field={}]"
    assert reader.text(row.format("mean")) == r2_text(mean)
    assert reader.text(row.format("random")) == r2_text(random)


def test_a_common_direction_is_a_warning_under_the_headline(reader, tmp_path):
    rng = np.random.default_rng(1)
    parts = []
    for _ in range(2):
        moments = covlasso.Moments(["m"])
        moments.update({"m": rng.normal(size=(300, 12)) + 30 * rng.normal(size=(300, 1))})
        parts.append(moments)
    halves = covlasso.SplitMoments(*parts)
    deps = small_deps(halves, "m", "m")
    reader.open(covlasso.write_report(tmp_path / "r.html", deps, moments=halves))
    assert "--row-centred" in reader.text(".lead + .warning")
    assert "is no evidence for these terms" in reader.text(".lead + .warning")
    r2 = covlasso.evaluate(deps, halves).held_out.r2
    assert median(r2) in reader.text(".lead")  # 0.998..., not 1.00
    assert "1.00" not in reader.text(".lead")


def test_the_charts_have_random_terms(reader, lite):
    reader.open(lite[0])
    names = reader.tab.evaluate(
        """() => [...document.querySelectorAll('figure .chart')].map(canvas =>
            (echarts.getInstanceByDom(canvas)?.getOption().series ?? []).map(({ name }) => name))"""
    )
    assert sum("random terms" in series for series in names) == 2


def test_without_moments_the_page_says_what_is_missing(reader, tmp_path):
    halves = small_halves()
    deps = small_deps(halves)
    reader.open(covlasso.write_report(tmp_path / "r.html", deps))
    assert rows_of(reader, ".beside") == {
        "Equations, as the paper has it": [median(deps.r2)],
        "Equations, about the mean": [median(deps.r2_centred)],
        "As many terms at random": [median(deps.random_r2)],
        "As many at random, about the mean": [median(deps.random_r2_centred)],
    }
