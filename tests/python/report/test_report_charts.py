"""Charts as their reader meets them: legends, names at lines, keyboard, tables, digits."""

from __future__ import annotations

import numpy as np
import pytest
from browser import Reader
from report_reader import small_deps, small_halves

import covlasso
from covlasso._base.digits import r2_text
from covlasso.datasets import load_imagenet_lite
from covlasso.report import page

OPTION = """title => {
    const named = figure => figure.querySelector('h3').textContent.startsWith(title);
    const figure = [...document.querySelectorAll('figure')].find(named);
    const chart = echarts.getInstanceByDom(figure.querySelector('.chart'));
    const { series, xAxis, yAxis } = chart.getOption();
    const kept = ({ name, type, data, of, lineStyle, itemStyle, symbol, markLine }) =>
        ({ name, type, data, of, lineStyle, itemStyle, symbol, place: markLine?.data?.[0]?.xAxis });
    const pixels = series.map(one => one.data.filter(point => point?.value?.length === 2).map(
        point => chart.convertToPixel({ xAxisIndex: 0, yAxisIndex: 0 }, point.value)));
    return { series: series.map(kept), pixels, width: chart.getWidth(), height: chart.getHeight() };
}"""
LEGEND = """title => {
    const named = figure => figure.querySelector('h3').textContent.startsWith(title);
    const figure = [...document.querySelectorAll('figure')].find(named);
    return [...figure.querySelectorAll('.legend button')].map(button => {
        const one = button.querySelector('line') ?? button.querySelector('rect');
        const { right } = button.getBoundingClientRect();
        return {
            name: button.textContent, right, pressed: button.getAttribute('aria-pressed'),
            colour: one.getAttribute('stroke'), fill: one.getAttribute('fill'),
            dash: one.getAttribute('stroke-dasharray'), symbol: button.querySelector('circle, path') !== null,
        };
    });
}"""
DASHES = {"solid": 1, "dashed": 2, "dotted": 2}


def drawn(reader, title):
    return reader.tab.evaluate(OPTION, title)


def chart(title):
    return f"figure:has(h3:text('{title}')) .chart"


@pytest.fixture(params=[(1360, "light"), (400, "dark")], ids=["wide", "phone"])
def screen(request, browser):
    width, scheme = request.param
    one = Reader(browser, color_scheme=scheme)
    one.tab.set_viewport_size({"width": width, "height": 800})
    yield one
    one.tab.context.close()
    assert one.problems == []


@pytest.mark.parametrize(
    ("place", "title"),
    [("summary", "Error against"), ("summary", "How well"), ("category=817", "Error against")],
)
def test_a_legend_shows_the_lines_as_they_are_drawn(screen, lite, place, title):
    screen.open(lite[0], place)
    series = [one for one in drawn(screen, title)["series"] if not one.get("of")]
    entries = screen.tab.evaluate(LEGEND, title)
    assert [one["name"] for one in entries] == [one["name"] for one in series]
    looks = set()
    for entry, one in zip(entries, series, strict=True):
        assert entry["right"] <= screen.tab.viewport_size["width"]
        if one["type"] == "bar":
            assert entry["fill"] == one["itemStyle"]["color"]
            continue
        assert entry["colour"] == one["lineStyle"]["color"]
        dash = "solid" if entry["dash"] == "none" else "broken"
        assert dash == ("solid" if one["lineStyle"].get("type", "solid") == "solid" else "broken")
        assert entry["symbol"] == (one["symbol"] != "none")
        looks.add((entry["colour"], entry["dash"]))
    assert len(looks) == sum(one["type"] == "line" for one in series)


def test_a_line_is_hidden_by_its_legend(reader, lite):
    reader.open(lite[0])
    reader.tab.focus("figure:has(h3:text('Error against')) .legend button >> nth=0")
    reader.tab.keyboard.press("Enter")
    names = [one.get("name", one.get("of")) for one in drawn(reader, "Error against")["series"]]
    assert "fit" not in names
    assert "held out" in names
    assert [one["pressed"] for one in reader.tab.evaluate(LEGEND, "Error against")] == [
        "false",
        "true",
        "true",
    ]
    reader.tab.keyboard.press("Enter")
    assert drawn(reader, "Error against")["series"][2]["name"] == "fit"


@pytest.mark.parametrize("category", [0, 281, 817])
def test_names_of_a_path_stand_apart_at_their_lines(screen, lite, category):
    screen.open(lite[0], f"category={category}")
    found = drawn(screen, "Path")
    ends = [
        points[-1]
        for one, points in zip(found["series"], found["pixels"], strict=True)
        if one["data"][-1].get("between")  # it goes on to its name
    ]
    heights = np.sort([y for _, y in ends])
    assert len(heights) >= (5 if found["width"] < 480 else 8)
    assert np.diff(heights).min() >= 14
    assert heights[0] >= 0
    assert heights[-1] <= found["height"] - 30


def test_a_path_is_drawn_over_log_lambda_or_terms(reader, lite):
    deps = lite[1][0]
    path = covlasso.path(load_imagenet_lite().fit.second_moment("lite0"), targets=[817], max_terms=15)
    knots = path.knots(817)
    reader.open(lite[0], "category=817")
    found = drawn(reader, "Path")["series"]
    x = sorted({p["value"][0] for one in found for p in one["data"] if not p.get("between")})
    assert np.allclose(x[: len(knots.lam)], -np.log10(knots.lam), atol=2e-3)
    assert found[0]["place"] == pytest.approx(-np.log10(deps.lam[817]), abs=2e-3)

    reader.tab.check("input[value=terms]")
    found = drawn(reader, "Path")["series"]
    x = {p["value"][0] for one in found for p in one["data"] if not p.get("between")}
    assert x == set(range(len(knots.lam) + 1))
    step = np.searchsorted(-knots.lam, -deps.lam[817] * (1 - 1e-6))
    assert found[0]["place"] == pytest.approx(step - 1, abs=0.05)
    racer = next(one for one in found if one["name"] == "racer")
    values = {p["value"][0]: p["value"][1] for p in racer["data"] if not p.get("between")}
    j = deps.source_names.index("racer")
    for k, coef in enumerate(knots.coef[:, [j]].toarray()[:, 0]):
        assert values.get(k, 0.0) == pytest.approx(coef, abs=2e-3)


def test_the_certificate_is_of_the_lasso_and_its_coefficients_stand_beside(reader, lite):
    deps = lite[1][0]
    lasso = covlasso.solve_moments(load_imagenet_lite().fit, target="lite0", terms=10)
    reader.open(lite[0], "category=817")
    assert "Least squares on the terms the Lasso chose" in reader.text("figure:has(h3:text-is('Equation'))")
    card = reader.text(".certificate")
    assert f"{deps.kkt[817]:.1e}".replace("-", "−") in card
    assert "its coefficients are not the certified ones" in card
    assert "certified" not in reader.text(".tiles")
    refitted, own = drawn(reader, "Equation")["series"]
    row = slice(*deps.coef.indptr[817:819])
    order = np.argsort(-np.abs(deps.coef.data[row]))
    sources = deps.coef.indices[row][order]
    assert np.allclose([p["value"] for p in refitted["data"]], deps.coef.data[row][order], atol=1e-6)
    expected = lasso.coef[[817]].toarray()[0][sources]
    assert np.allclose([p["value"] for p in own["data"]], expected, atol=2e-3 * np.abs(expected).max())


def test_every_chart_has_a_sentence_and_a_table(reader, lite):
    reader.open(lite[0], "summary&set=2")
    for view in ("summary", "category=817"):
        reader.go(f"{view}&set=2")
        figures = reader.tab.locator("figure")
        assert figures.count() >= 3
        for k in range(figures.count()):
            figure = figures.nth(k)
            assert len(figure.locator(".chart").get_attribute("aria-label")) > 40
            figure.locator("summary").click()
            figure.locator("table tbody tr").first.wait_for()


def test_a_scatter_by_keyboard(reader, lite):
    file, (deps, *_) = lite
    reader.open(file)
    reader.tab.focus(chart("Fit against held out"))
    reader.tab.keyboard.press("ArrowRight")
    order = np.argsort(deps.r2.astype(np.float32), kind="stable")
    said = reader.tab.locator("#said")
    assert said.inner_text().startswith(
        f"{deps.target_names[order[0]]}; R², fit: {r2_text(deps.r2[order[0]])}"
    )
    for _ in range(2):
        reader.tab.keyboard.press("ArrowRight")
    name = deps.target_names[order[2]]
    assert said.inner_text().startswith(name)
    tips = reader.tab.locator(f"{chart('Fit against held out')} > div:nth-child(2)")
    assert name in tips.inner_text()
    reader.tab.keyboard.press("Enter")
    reader._drawn("category")
    assert reader.text("h1") == name


def test_lines_by_keyboard(reader, lite):
    reader.open(lite[0])
    reader.tab.focus(chart("Error against"))
    reader.tab.keyboard.press("End")
    assert reader.text("#said").startswith("15 terms; fit: ")
    assert "random terms: " in reader.text("#said")
    reader.tab.keyboard.press("ArrowLeft")
    assert reader.text("#said").startswith("14 terms; fit: ")
    reader.go("category=817")
    reader.tab.focus(chart("Path"))
    reader.tab.keyboard.press("ArrowDown")
    first = reader.text("#said")
    reader.tab.keyboard.press("ArrowDown")
    assert reader.text("#said").partition(";")[0] != first.partition(";")[0]
    reader.tab.focus(chart("Equation"))
    reader.tab.keyboard.press("ArrowDown")
    assert reader.text("#said").startswith("racer; least squares: 0.34")
    reader.tab.keyboard.press("Enter")
    reader.tab.wait_for_function("() => document.querySelector('h1').textContent === 'racer'")


def test_digits_are_those_of_the_terminal(reader, lite):
    reader.open(lite[0])
    values = [0.0, -1e-4, 0.1234, 0.9949, 0.995, 0.9951, 0.9987, 0.99987, 0.9999995, 1.0, -0.5, -12.345]
    found = reader.tab.evaluate(
        f"values => {{ {page._scope('dom', page._read('js/dom.js'))} return values.map(dom.r2); }}", values
    )
    assert found == [r2_text(value).replace("-", "−") for value in values]


def test_a_refit_of_few_terms_has_no_empty_place(reader, tmp_path):
    """An odd number of cards: the last one goes over both columns."""
    halves = small_halves()
    reader.open(covlasso.write_report(tmp_path / "r.html", small_deps(halves)))
    grid = reader.tab.locator(".grid >> nth=1")
    boxes = [grid.locator("> *").nth(k).bounding_box() for k in range(grid.locator("> *").count())]
    assert len(boxes) == 1
    assert boxes[0]["width"] == pytest.approx(grid.bounding_box()["width"], abs=1)


def test_charts_of_figures_near_one_show_where_they_differ(reader, tmp_path):
    rng = np.random.default_rng(2)
    parts = []
    for _ in range(2):
        moments = covlasso.Moments(["m"])
        moments.update({"m": rng.normal(size=(400, 12)) + 20 * rng.normal(size=(400, 1))})
        parts.append(moments)
    halves = covlasso.SplitMoments(*parts)
    deps = small_deps(halves, "m", "m")
    reader.open(covlasso.write_report(tmp_path / "r.html", deps, moments=halves))
    found = covlasso.evaluate(deps, halves)
    bars = {one["name"]: one["data"] for one in drawn(reader, "How well")["series"]}
    assert 0.99 < min(deps.r2.min(), found.held_out.r2.min()) < 0.999
    edges = np.linspace(0.99, 1.0, 21)
    assert bars["fit"] == np.histogram(deps.r2.astype(np.float32), edges)[0].tolist()
    assert bars["held out"] == np.histogram(found.held_out.r2.astype(np.float32), edges)[0].tolist()
    axis = "() => echarts.getInstanceByDom(document.querySelector('figure .chart')).getOption().yAxis[0].type"
    assert reader.tab.evaluate(axis) == "log"
    reader.tab.click("figure:has(h3:text('Error against')) summary")
    rows = reader.tab.locator("figure:has(h3:text('Error against')) tbody tr")
    rows.nth(3).wait_for()
    last = rows.nth(3).locator("td").all_inner_texts()
    error = 1 - deps.r2
    assert float(last[1]) == pytest.approx(np.median(error), rel=0.02)
    assert len({*last}) > 2


def test_a_category_without_samples_has_no_empty_chart(reader, tmp_path):
    halves = small_halves()
    logits = np.zeros((50, 12))
    logits[:, 0] = 1.0  # every decision is for the first
    file = covlasso.write_report(
        tmp_path / "r.html", small_deps(halves), moments=halves, logits={"a": logits}
    )
    reader.open(file, "category=5")
    assert "No held-out sample is of this category" in reader.text("main")
    assert "F1 when replaced" not in reader.text(".tiles")
    reader.go("category=0")
    assert "F1 when replaced" in reader.text(".tiles")


def test_the_place_of_an_equation_is_said(reader, tmp_path):
    halves = small_halves()
    places = {"lam": 1e6}, {"terms": 2}
    deps = [small_deps(halves, refit=True, **({"terms": None} | place)) for place in places]
    reader.open(covlasso.write_report(tmp_path / "r.html", deps, moments=halves), "category=3&set=0")
    assert "λ 1.0e6, before any term enters" in reader.text("figure:has(h3:text-is('Path'))")
    assert "KKT residual\t0 relative" in reader.text(".certificate")
    assert "It has no term." in reader.text(".certificate")
    assert drawn(reader, "Path")["series"][0]["place"] is None
    reader.go("category=3&set=1")
    reader.tab.wait_for_selector("text=The dashed line is where the equation was taken")
    assert drawn(reader, "Path")["series"][0]["place"] is not None
    assert drawn(reader, "Error against")["series"][0]["place"] == deps[1].n_terms[3]


def test_dependents_have_the_room_beside_a_long_equation(reader, tmp_path):
    halves = small_halves(n=30)
    reader.open(covlasso.write_report(tmp_path / "r.html", small_deps(halves, terms=25)), "category=3")
    card, table = (reader.tab.locator(name).bounding_box() for name in (".dependents", ".dependents .scroll"))
    equation = reader.tab.locator("figure:has(h3:text-is('Equation'))").bounding_box()
    assert equation["height"] > 700
    assert card["y"] + card["height"] == pytest.approx(equation["y"] + equation["height"], abs=1)
    assert card["y"] + card["height"] - table["y"] - table["height"] < 20


def test_a_path_to_lambda_0_is_drawn_to_its_end(reader, tmp_path):
    halves = small_halves()
    deps = small_deps(halves, terms=None, lam=0.0, refit=False)
    reader.open(covlasso.write_report(tmp_path / "r.html", deps, moments=halves), "category=3")
    lines = drawn(reader, "Path")["series"]
    own = {f"#{j}": b for j, b in enumerate(deps.coef[[3]].toarray()[0]) if b}
    assert len(lines) == len(own)
    for line in lines:
        at_end = [point["value"] for point in line["data"] if point.get("lam", 1.0) < 1e-9]
        assert [x for x, _ in at_end] == [lines[0]["place"]]  # where the equation is said to be
        assert at_end[0][1] == pytest.approx(own[line["name"]], rel=1e-2)
        knots = [point["value"][0] for point in line["data"] if not point.get("between")]
        assert np.all(np.diff(knots) > 0)


def test_a_silent_category_has_words_in_place_of_charts(reader, tmp_path):
    halves = small_halves(silent=[2])
    reader.open(covlasso.write_report(tmp_path / "r.html", small_deps(halves), moments=halves), "category=2")
    assert reader.tab.locator("figure").count() == 0
    for title in ("Path", "Error against the number of terms"):
        assert "always 0" in reader.text(f".absent:has(h3:text-is('{title}'))")
