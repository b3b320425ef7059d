"""The report opened in Chromium: what a reader does with it, at 1000 and more categories."""

from __future__ import annotations

import numpy as np
import pytest
from browser import Reader
from report_reader import HOSTILE, small_deps, small_halves
from vocabulary import planted

import covlasso
from covlasso.datasets import load_imagenet_lite
from covlasso.dependencies import labels

TO_OPEN = 2.0  # seconds of the processor


def test_it_opens_in_time_and_says_what_was_found(reader, lite):
    file, (deps, *_) = lite
    assert min(reader.busy(file) for _ in range(3)) < TO_OPEN
    held_out = covlasso.evaluate(deps, load_imagenet_lite()).held_out.r2
    assert f"median R² of {np.median(held_out):.2f} on 7,120 samples" in reader.text(".lead")
    assert f"{np.median(held_out):.2f}" in reader.text(".tiles")
    assert reader.tab.locator("figure canvas").count() == 4
    assert reader.tab.title() == "Lite"


def test_every_view_of_every_set_opens(reader, lite):
    reader.open(lite[0])
    for k in range(3):
        for view in ("summary", "categories", "category=817", "graph", "graph=817", "compare", "about"):
            reader.go(f"{view}&set={k}")
            assert reader.tab.locator("h1").count() == 1
            assert reader.tab.input_value("#set") == str(k)


def test_search_sort_and_filter_the_table(reader, lite):
    file, (deps, *_) = lite
    held_out = covlasso.evaluate(deps, load_imagenet_lite()).held_out.r2
    names = np.array(deps.target_names)
    reader.open(file, "categories")
    assert reader.first_names() == names[np.argsort(-held_out)[:5]].tolist()

    reader.tab.click(".tabulator-col[tabulator-field=fit]")
    reader.tab.wait_for_selector(".tabulator-col[tabulator-field=fit][aria-sort=ascending]")
    assert reader.first_names(1) == [names[np.argmin(deps.r2)]]
    reader.tab.select_option("#sort-by", "dependents")
    reader.tab.select_option("#sort-order", "desc")
    reader.tab.wait_for_selector(".tabulator-col[tabulator-field=dependents][aria-sort=descending]")
    used = np.bincount(deps.coef.indices, minlength=1000)
    assert used[np.flatnonzero(names == reader.first_names(1)[0])].max() == used.max()

    reader.tab.fill("#filter-least", "0.8")
    reader.said(f"^{np.sum(held_out >= 0.8)} of")
    reader.tab.fill("#filter-least", "")
    reader.tab.fill("#filter-text", "sports car")
    with_car = [i for i in range(1000) if "sports car" in deps.equation(i, max_terms=None)]
    reader.said(f"^{len(with_car)} of")
    reader.tab.fill("#filter-text", "no such thing")
    reader.said("^0 of")


def test_the_csv_has_the_rows_in_sight(reader, lite):
    reader.open(lite[0], "categories")
    reader.tab.fill("#filter-text", "#817")
    reader.said("^1 of")
    with reader.tab.expect_download() as download:
        reader.tab.click("#download")
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 2
    assert "sports car" in lines[1]
    assert "more)" not in lines[1]


def test_a_category_from_the_table_and_back(reader, lite):
    file, (deps, *_) = lite
    reader.open(file, "categories")
    reader.tab.fill("#filter-text", "sports car")
    reader.tab.click(".tabulator-row a:text-is('sports car')")
    reader._drawn("category")
    assert reader.text("h1") == "sports car"
    assert reader.tab.evaluate("document.activeElement.id") == "main"
    reader.tab.click("figure:has(h3:text-is('Equation')) summary")
    shown = reader.text("figure:has(h3:text-is('Equation')) table")
    row = slice(*deps.coef.indptr[817:819])
    for j, b in zip(deps.coef.indices[row], deps.coef.data[row], strict=True):
        assert deps.source_names[j] in shown
        assert f"{abs(b):.4f}" in shown
    dependents = np.flatnonzero(deps.coef[:, [817]].toarray()[:, 0])
    assert f"Who depends on it ({len(dependents)})" in reader.text(".dependents")
    reader.tab.click(".dependents a >> nth=0")
    reader._drawn("category")
    assert reader.text("h1") in [deps.target_names[t] for t in dependents]
    reader.tab.go_back()
    reader.tab.wait_for_function("() => document.querySelector('h1').textContent === 'sports car'")
    reader.tab.go_back()
    reader._drawn("categories")


def test_a_bar_of_the_equation_opens_its_category(reader, lite):
    file, (deps, *_) = lite
    reader.open(file, "category=817")
    box = reader.tab.locator("figure:has(h3:text-is('Equation')) .chart").bounding_box()
    strongest = deps.coef[[817]].toarray()[0]
    reader.tab.mouse.click(box["x"] + 0.55 * box["width"], box["y"] + 18)
    reader.tab.wait_for_function("() => document.querySelector('h1').textContent !== 'sports car'")
    assert reader.text("h1") == deps.source_names[np.argmax(np.abs(strongest))]


def test_search_with_the_keyboard(reader, lite):
    reader.open(lite[0])
    reader.tab.focus("#search input")
    reader.tab.keyboard.type("sports c")
    assert reader.tab.get_attribute("#search input", "aria-expanded") == "true"
    assert reader.text("#search [aria-selected=true]").startswith("sports car")
    reader.tab.keyboard.press("Enter")
    reader._drawn("category")
    assert reader.text("h1") == "sports car"
    reader.tab.focus("#search input")
    reader.tab.keyboard.type("zzz")
    assert "No such category" in reader.text("#search ul")
    reader.tab.keyboard.press("Escape")
    assert reader.tab.is_hidden("#search ul")


def test_tab_begins_with_the_skip_link(reader, lite):
    reader.open(lite[0])
    reader.tab.evaluate("document.activeElement.blur()")
    reader.tab.keyboard.press("Tab")
    assert reader.tab.evaluate("document.activeElement.className") == "skip"


def test_sets_are_switched(reader, lite):
    reader.open(lite[0], "category=817")
    reader.tab.select_option("#set", "2")
    reader.tab.wait_for_function("() => location.hash.includes('set=2')")
    reader.tab.wait_for_function(
        "() => document.querySelector('.crumb').textContent.includes('lite0 from lite1')"
    )
    assert "Its own category alone" in reader.text(".tiles")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_themes(browser, lite, scheme):
    reader = Reader(browser, color_scheme=scheme)
    reader.open(lite[0])
    page = lambda: reader.tab.evaluate("getComputedStyle(document.body).backgroundColor")  # noqa: E731
    light, dark = "rgb(246, 247, 249)", "rgb(18, 22, 28)"
    assert page() == {"light": light, "dark": dark}[scheme]
    reader.tab.click("#theme")
    assert (page(), reader.text("#theme")) == (dark, "Theme: dark")
    reader.tab.click("#theme")
    assert (page(), reader.text("#theme")) == (light, "Theme: light")
    reader.tab.context.close()
    assert reader.problems == []


def test_colours_have_contrast(reader, lite):
    """WCAG AA, 4.5 : 1, for text on every ground that it stands on."""
    reader.open(lite[0])
    for theme in ("light", "dark"):
        colours = reader.tab.evaluate(
            """theme => {
                document.documentElement.dataset.theme = theme;
                const style = getComputedStyle(document.documentElement);
                const names = ['ink', 'muted', 'accent', 'surface', 'page', 'warn-page', 'plus', 'minus'];
                const colour = name => style.getPropertyValue('--' + name).trim();
                return Object.fromEntries(names.map(name => [name, colour(name)]));
            }""",
            theme,
        )
        for text in ("ink", "muted", "accent", "plus", "minus"):
            for ground in ("surface", "page"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (theme, text, ground)
        assert contrast(colours["ink"], colours["warn-page"]) >= 4.5


def contrast(one, other):
    def luminance(colour):
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_hostile_names_stay_text(reader, tmp_path):
    names = [*HOSTILE, "plain", "", " ", "x" * 500]
    halves = small_halves(class_names=names)
    deps = [small_deps(halves), small_deps(halves, "b", "b"), small_deps(halves, "a", "b")]
    file = covlasso.write_report(tmp_path / "r.html", deps, moments=halves, title=HOSTILE[1])
    reader.open(file)
    for k in range(3):
        for category, name in enumerate(labels(names, range(len(names)))):
            reader.go(f"category={category}&set={k}")
            assert reader.tab.evaluate("document.querySelector('h1').textContent") == name
        for view in ("summary", "categories", "graph", "graph=0", "compare"):
            reader.go(f"{view}&set={k}")
    reader.go("categories")
    reader.tab.wait_for_selector(".tabulator-row")
    assert reader.tab.locator(".tabulator-row a").all_text_contents() != []
    reader.tab.hover(".tabulator-row >> nth=0")
    reader.tab.fill("#search input", "script")
    assert HOSTILE[0] in reader.text("#search ul")
    assert reader.tab.evaluate("[window.hurt, document.querySelectorAll('main img, main b').length]") == [
        None,
        0,
    ]


def test_tooltips_of_hostile_names_stay_text(reader, tmp_path):
    halves = small_halves(class_names=[HOSTILE[1]] * 12)
    file = covlasso.write_report(tmp_path / "r.html", small_deps(halves), moments=halves)
    reader.open(file, "category=0")
    box = reader.tab.locator("figure:has(h3:text-is('Equation')) .chart").bounding_box()
    for x in np.linspace(0.2, 0.9, 15):
        reader.tab.mouse.move(box["x"] + x * box["width"], box["y"] + 18)
    reader.tab.wait_for_function("name => document.body.innerText.includes(name)", arg=HOSTILE[1])
    assert reader.tab.evaluate("[window.hurt, document.querySelectorAll('img').length]") == [None, 0]


@pytest.mark.parametrize(
    "place", ["nothing", "category=99999", "category=x", "graph=99999", "category=3&set=9", ""]
)
def test_wrong_addresses_do_no_harm(reader, tmp_path, place):
    halves = small_halves()
    file = covlasso.write_report(tmp_path / "r.html", small_deps(halves), moments=halves)
    reader.tab.goto(f"{file.as_uri()}#{place}")
    reader.tab.wait_for_selector("h1")
    assert reader.text("h1") != ""


@pytest.mark.parametrize("case", ["one", "silent", "silent later", "no names", "no moments", "few details"])
def test_unusual_reports_open(reader, tmp_path, case):
    silent = {"silent": {"silent": [4]}, "silent later": {"silent_later": [4]}}
    halves = small_halves(**silent.get(case, {}))
    deps = small_deps(halves)
    if case == "one":
        halves = covlasso.Moments(["m"])
        halves.update({"m": np.arange(5.0)[:, None]})
        deps = covlasso.solve(halves.second_moment("m"), terms=1)
    moments = () if case == "no moments" else halves
    file = covlasso.write_report(
        tmp_path / "r.html", deps, moments=moments, details=2 if case == "few details" else 2000
    )
    reader.open(file)
    for view in ("summary", "categories", "category=0", "category=4", "graph", "graph=0", "compare", "about"):
        reader.go(view)
    reader.go("summary")
    said = {
        "silent": "always 0: no R²",
        "no moments": "No moments were given",
        "few details": "for the 2 categories",
    }
    assert said.get(case, "") in reader.text(".caveats")


def test_more_edges_than_can_be_drawn(reader, tmp_path):
    deps = planted(2000)
    file = covlasso.write_report(tmp_path / "r.html", deps)
    reader.open(file, "graph")
    assert f"of {deps.coef.nnz:,}" in reader.text("output")
    assert "weaker edges not drawn" in reader.text(".found")
    reader.tab.fill("#least-r2", "0.85")  # most of these categories have none of the strongest edges of all
    reader.tab.dispatch_event("#least-r2", "change")
    reader.said("R² of at least 0.85 not drawn")
    nodes, ends = reader.tab.evaluate(
        """() => {
            const chart = echarts.getInstanceByDom(document.querySelector('.network'));
            const { data, edges } = chart.getOption().series[0];
            return [data.length, edges.flatMap(({ source, target }) => [source, target])];
        }"""
    )
    assert f"{len(ends) // 2:,} edges between {nodes:,} categories" in reader.text(".found")
    assert set(ends) == set(range(nodes))


def test_fifty_thousand_categories(reader, tmp_path):
    n = 49_152
    deps = planted(n)
    file = covlasso.write_report(tmp_path / "r.html", deps)
    assert file.stat().st_size < 7e6
    assert min(reader.busy(file, "categories") for _ in range(3)) < TO_OPEN
    assert "49,152 categories" in reader.text(".found")
    assert 10 < reader.tab.locator(".tabulator-row").count() < 200
    reader.tab.fill("#filter-text", "#49151")
    reader.said("^1 of")
    reader.tab.fill("#search input", " word49151")
    assert reader.text("#search [role=option] >> nth=0").startswith("' word49151'")
    reader.go("category=49151")
    assert reader.text("h1") == "' word49151'"
    reader.go("graph")
    assert "communities of 49,152 categories" in reader.text(".found")
    reader.tab.click(".communities a.into >> nth=0")
    reader.tab.wait_for_selector(".trail [aria-current]")


def test_a_pursuit_says_that_it_has_no_path(reader, tmp_path):
    halves = small_halves()
    deps = small_deps(halves, method="pursuit")
    reader.open(covlasso.write_report(tmp_path / "r.html", deps, moments=halves))
    assert "matching pursuit chose one by one" in reader.text(".caveats")
    assert "(matching pursuit)" in reader.text("main")
    reader.go("category=3")
    assert "its terms come one by one" in reader.text(".absent")
    assert "Error against the number of terms" in reader.text("main")


@pytest.fixture(scope="module")
def replaced(tmp_path_factory):
    """A report that has logits, of one network and of a from b."""
    rng = np.random.default_rng(3)
    names = [*HOSTILE, *(f"category {i}" for i in range(len(HOSTILE), 12))]
    halves = small_halves(class_names=names)
    logits = {name: rng.normal(size=(200, 12)) * 3 for name in ("a", "b")}
    sets = [small_deps(halves), small_deps(halves, "a", "b")]
    file = tmp_path_factory.mktemp("replaced") / "report.html"
    return covlasso.write_report(file, sets, moments=halves, logits=logits), sets, logits


def test_what_becomes_of_decisions_is_shown(reader, replaced):
    file, (deps, _), logits = replaced
    found = covlasso.evaluate(deps, logits=logits["a"]).decisions
    reader.open(file)
    assert "Mean F1 when replaced" in reader.text(".tiles")
    assert f"{found.replaced.mean('f1'):.2f}" in reader.text(".tiles")
    title = "Recognised when replaced: F1 against the number of terms"
    chart = f"figure:has(h3:text-is('{title}'))"
    assert reader.tab.locator(f"{chart} canvas").count() == 1
    reader.tab.click(f"{chart} summary")
    assert "1 term, random terms" in reader.text(f"{chart} table")
    reader.go("category=3")
    card = reader.text(".replaced")
    for values in (found.network, found.replaced, found.at_once):
        assert f"{values.f1[3]:.2f}" in card
    (category, count), *_ = found.confusions.most(3).false_alarms
    assert f"{deps.target_names[category]} {count}" in card
    assert f"{np.sum(logits['a'].argmax(axis=1) == 3)} held-out samples" in card
    reader.go("summary&set=1")
    assert "Between networks" in reader.text(".caveats")


def test_every_category_opens_with_its_confusions(reader, replaced):
    reader.open(replaced[0])
    for category in range(12):
        reader.go(f"category={category}")
        assert reader.tab.locator(".replaced").count() == 1


def test_a_category_says_the_share_of_its_own_samples(reader, tmp_path):
    rng = np.random.default_rng(5)
    moments = covlasso.Moments(["a"], classes="labels")
    moments.update({"a": rng.normal(size=(300, 6)) @ rng.normal(size=(6, 6))}, rng.integers(0, 5, 300))
    deps = covlasso.solve_moments(moments, terms=2, focus=0.25)
    file = covlasso.write_report(tmp_path / "r.html", deps, moments=moments)
    reader.open(file, "category=2")
    assert "0.25\nshare of its own samples" in reader.text(".tiles")
    reader.go("category=5")
    assert "none\nequation of all samples" in reader.text(".tiles")
