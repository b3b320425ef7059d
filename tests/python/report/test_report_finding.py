"""The report opened in Chromium: finding a category, links by name, a phone's width, and CSV."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from browser import Reader
from report_reader import HOSTILE

import covlasso

VIEWS = ("summary", "categories", "category=817", "graph", "graph=817", "compare", "about")
ODD = [*HOSTILE, "=1+1", "-2", "@cmd", "a, b", 'say "so"', "two\nlines"]


@pytest.fixture(params=[320, 400])
def phone(browser, request):
    """A tab of a phone's width."""
    one = Reader(browser, has_touch=True)
    one.tab.set_viewport_size({"width": request.param, "height": 800})
    yield one
    one.tab.context.close()
    assert one.problems == []


def typed(reader, text):
    reader.tab.fill("#search input", text)
    return [
        line.rpartition(" #")[0] for line in reader.tab.locator("#search li[role=option]").all_inner_texts()
    ]


def test_whole_words_come_first_then_beginnings_then_parts(reader, lite):
    reader.open(lite[0])
    found = typed(reader, "car")
    names = lite[1][0].target_names
    whole = [name for name in names if "car" in name.lower().split()]
    begins = [name for name in names if any(w.startswith("car") for w in name.lower().split())]
    assert sorted(found[: len(whole)]) == sorted(whole)
    assert set(whole) <= set(begins) <= set(found)
    last = max(found.index(name) for name in begins)
    assert all("car" in name.lower() for name in found)
    assert not any(name in begins for name in found[last + 1 :])


@pytest.mark.parametrize("text", ["sportscar", "sprots car", "SPORTS CAR", "817", "#817", "sport car"])
def test_a_misspelt_name_or_a_number_finds_it(reader, lite, text):
    reader.open(lite[0])
    assert typed(reader, text)[0] == "sports car"
    reader.tab.keyboard.press("Enter")
    reader.tab.wait_for_selector("h1:text-is('sports car')")


def test_what_is_in_no_name_finds_nothing(reader, lite):
    reader.open(lite[0])
    assert typed(reader, "qqqqzzzz") == []
    assert "No such category" in reader.text("#search ul")


def test_a_slash_moves_to_the_field_but_not_while_typing(reader, lite):
    reader.open(lite[0], "categories")
    reader.tab.keyboard.press("/")
    assert reader.tab.evaluate("document.activeElement.closest('#search') !== null")
    assert reader.tab.input_value("#search input") == ""
    reader.tab.focus("#filter-text")
    reader.tab.keyboard.press("/")
    assert reader.tab.input_value("#filter-text") == "/"
    reader.tab.keyboard.press("Control+k")
    assert reader.tab.evaluate("document.activeElement.closest('#search') !== null")


@pytest.mark.parametrize("view", ["category", "graph"])
@pytest.mark.parametrize("name", ["sports car", "sports%20car", "Sports Car", "sportscar"])
def test_a_link_by_name_leads_there_and_is_corrected(reader, lite, view, name):
    reader.open(lite[0])
    reader.go(f"{view}={name}")
    assert reader.tab.evaluate("location.hash") == f"#{view}=817"
    assert "sports car" in reader.text("main")


def test_a_link_that_may_mean_several_offers_them(reader, lite):
    reader.open(lite[0])
    reader.go("category=car")
    assert reader.text("h1") == "No category “car”"
    reader.tab.click(".near a:text-is('sports car')")
    reader.tab.wait_for_selector("h1:text-is('sports car')")
    reader.go("category=qqqqzzzz")
    assert "not in this report" in reader.text(".lead")


@pytest.mark.parametrize("place", ["graph=99999", "category=99999", "graph=null", "category=null"])
def test_a_link_to_no_category_says_so(reader, lite, place):
    reader.open(lite[0])
    reader.go(place)
    assert reader.text("h1").startswith("No category")
    assert reader.tab.evaluate("location.hash") == f"#{place}"


def test_nothing_is_wider_than_a_phone(phone, lite):
    width = phone.tab.viewport_size["width"]
    phone.open(lite[0])
    for view in VIEWS:
        phone.go(view)
        assert phone.tab.evaluate("document.documentElement.scrollWidth") <= width, view
        top = phone.tab.evaluate(
            "document.getElementById('main').firstElementChild.firstElementChild.getBoundingClientRect().top"
        )
        assert top <= 80, view


@pytest.mark.parametrize("width", [320, 400, 701, 1400])
def test_names_without_blanks_do_not_widen_the_page(reader, tmp_path, width):
    rng = np.random.default_rng(0)
    names = [f"a category such as {'unbreakable' * 6}{k}" for k in range(12)]
    moments = covlasso.Moments(["m"], names)
    moments.update({"m": rng.normal(size=(200, 12)) + rng.normal(size=(200, 1))})
    deps = covlasso.solve_moments(moments, terms=3, refit=True)
    reader.tab.set_viewport_size({"width": width, "height": 800})
    reader.open(covlasso.write_report(tmp_path / "r.html", deps, moments=moments))
    for view in ("summary", "categories", "category=5", "category=none", "graph", "graph=5", "about"):
        reader.go(view)
        assert reader.tab.evaluate("document.documentElement.scrollWidth") <= width, view


def test_the_header_is_a_line_and_one_of_sets(phone, lite, tmp_path):
    phone.open(lite[0])
    assert phone.tab.evaluate("document.querySelector('.bar').offsetHeight") <= 80
    one = covlasso.write_report(tmp_path / "one.html", lite[1][0])
    phone.open(one)
    assert phone.tab.evaluate("document.querySelector('.bar').offsetHeight") <= 48
    phone.tab.click("#search input")
    assert phone.tab.evaluate("document.querySelector('#search input').offsetWidth") > 280
    assert typed(phone, "sports car") == ["sports car"]


def test_tables_fold_on_a_phone(phone, lite):
    _, (deps, *_) = lite
    phone.open(lite[0], "categories")
    phone.tab.wait_for_selector(".folded")
    best = int(np.argmax(covlasso.evaluate(deps, covlasso.datasets.load_imagenet_lite()).held_out.r2))
    first = phone.text(".tabulator-row")
    assert deps.target_names[best] in first
    strongest = deps.source_names[deps.coef[[best]].indices[np.argmax(np.abs(deps.coef[[best]].data))]]
    assert strongest in first
    phone.go("category=817")
    cell = phone.tab.locator(".dependents td.number").first
    assert cell.evaluate("cell => getComputedStyle(cell, '::before').content").startswith('"coefficient')


def saved(reader, button):
    with reader.tab.expect_download() as download:
        reader.tab.click(button)
    return pd.read_csv(download.value.path(), encoding="utf-8-sig", keep_default_na=False)


def test_csv_has_numbers_as_numbers_and_names_as_they_are(reader, tmp_path):
    n = len(ODD)
    rng = np.random.default_rng(0)
    moments = covlasso.Moments(["m"], ODD)
    moments.update({"m": rng.normal(size=(200, n)) + rng.normal(size=(200, 1))})
    later = covlasso.Moments(["m"], ODD)
    later.update({"m": rng.normal(size=(200, n)) + rng.normal(size=(200, 1))})
    split = covlasso.SplitMoments(moments, later)
    deps = covlasso.solve_moments(moments, terms=2, refit=True)
    reader.open(covlasso.write_report(tmp_path / "r.html", deps, moments=split), "categories")
    found = saved(reader, "#download").sort_values("target")
    measured = covlasso.evaluate(deps, split)
    formula = [" " * label.startswith(("=", "+", "-", "@")) + label for label in deps.target_labels]
    assert found["target_name"].tolist() == formula
    np.testing.assert_array_equal(
        found["held_out_r2"].astype(np.float32), measured.held_out.r2.astype(np.float32)
    )
    drawn = measured.random.held_out.r2.astype(np.float32)
    np.testing.assert_array_equal(found["held_out_random_r2"].astype(np.float32), drawn)
    np.testing.assert_array_equal(found["explained"], measured.explained)
    terms = saved(reader, "#download-terms")
    dense = np.zeros((n, n), dtype=np.float32)
    dense[terms["target"], terms["source"]] = terms["coefficient"].astype(np.float32)
    np.testing.assert_array_equal(dense, deps.coef.toarray().astype(np.float32))
    assert set(terms.columns) == set(deps.to_columns())


def test_headings_of_the_table_are_whole(reader, lite):
    reader.tab.set_viewport_size({"width": 1400, "height": 900})
    reader.open(lite[0], "categories")
    reader.first_names(1)
    cut = """() => [...document.querySelectorAll('.tabulator-col-title')]
        .filter(title => title.offsetWidth && title.scrollWidth > title.clientWidth)
        .map(title => title.textContent)"""
    assert reader.tab.evaluate(cut) == []


def test_paper_is_light_whatever_the_theme(browser, lite):
    one = Reader(browser, color_scheme="dark")
    one.open(lite[0])
    one.tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert one.tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(246, 247, 249)"
    one.tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert one.tab.evaluate("document.documentElement.dataset.theme") == "auto"
    one.tab.context.close()
    assert one.problems == []


def test_all_categories_that_pass_are_on_paper_and_no_controls(reader, lite):
    _, (deps, *_) = lite
    reader.open(lite[0], "categories")
    reader.first_names(1)
    reader.tab.fill("#filter-text", "car")
    reader.said("of 1,000 categories")
    reader.tab.emulate_media(media="print")
    reader.tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    names = deps.target_names
    wanted = [
        t
        for t, name in enumerate(names)
        if any("car" in word.lower() for word in (name, *(names[j] for j in deps.coef[[t]].indices)))
    ]
    held_out = covlasso.evaluate(deps, covlasso.datasets.load_imagenet_lite()).held_out.r2
    order = sorted(wanted, key=lambda t: -held_out[t])
    rows = reader.tab.locator(".paper tbody th").all_inner_texts()
    assert len(rows) > 30
    assert sorted(rows) == sorted(f"{names[t]} #{t}" for t in order)
    assert rows[0] == f"{names[order[0]]} #{order[0]}"
    for hidden in (".controls", ".tabulator", ".bar"):
        assert not reader.tab.is_visible(hidden), hidden
    reader.tab.evaluate("dispatchEvent(new Event('afterprint'))")
    reader.tab.emulate_media(media="screen")
    assert reader.tab.locator(".paper").count() == 0
    assert reader.tab.is_visible(".tabulator")
    reader.go("graph")
    reader.tab.emulate_media(media="print")
    for hidden in (".controls", ".map-tools", ".handling"):
        assert not reader.tab.is_visible(hidden), hidden
