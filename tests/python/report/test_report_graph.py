"""The map of a graph in Chromium: what is drawn, named, said and reached without a mouse."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from browser import Reader
from report_reader import read, small_deps, small_halves

import covlasso

SIZES = {"wide": {"width": 1400, "height": 900}, "phone": {"width": 400, "height": 800}}
MAP = """() => {
    const map = document.querySelector('.map').getBoundingClientRect();
    const names = [...document.querySelectorAll('.map-name')].map(name => {
        const { left, top, right, bottom } = name.getBoundingClientRect();
        const box = [left - map.left, top - map.top, right - map.left, bottom - map.top];
        return { text: name.textContent, box };
    });
    const chart = echarts.getInstanceByDom(document.querySelector('.map .network'));
    const series = chart.getModel().getSeriesByIndex(0);
    const [data, edges] = [series.getData(), series.getEdgeData()];
    const dots = {};
    data.each(k => {
        const item = data.getItemGraphicEl(k);
        const box = item.getBoundingRect().clone();
        box.applyTransform(item.getComputedTransform());
        dots[data.getName(k)] = { x: box.x + box.width / 2, y: box.y + box.height / 2, r: box.width / 2 };
    });
    const heads = [];
    edges.each(k => heads.push([edges.getItemVisual(k, 'toSymbol'), edges.getItemVisual(k, 'toSymbolSize')]));
    const ends = series.getGraph().edges.map(({ node1, node2 }) => [node1.id, node2.id]);
    return { names, dots, heads, ends, size: [map.width, map.height] };
}"""


@pytest.fixture(params=[(size, scheme) for size in SIZES for scheme in ("light", "dark")], ids="-".join)
def screen(browser, request):
    """A tab of a desk or a phone, light or dark."""
    size, scheme = request.param
    one = Reader(browser, color_scheme=scheme, has_touch=size == "phone")
    one.tab.set_viewport_size(SIZES[size])
    yield one
    one.tab.context.close()
    assert one.problems == []


def settled(reader):
    """The map when nothing moves any more."""
    reader.tab.evaluate(
        """() => new Promise(done =>
            requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 60))))"""
    )
    return reader.tab.evaluate(MAP)


def meet(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def covers(box, dot):
    """Whether a box has a point inside a circle."""
    across = max(box[0] - dot["x"], 0, dot["x"] - box[2])
    down = max(box[1] - dot["y"], 0, dot["y"] - box[3])
    return np.hypot(across, down) < dot["r"] - 0.7  # the ring around a dot is of the background


def check_names(drawn, least):
    boxes = [name["box"] for name in drawn["names"]]
    assert len(boxes) >= least
    for k, box in enumerate(boxes):
        assert not any(meet(box, other) for other in boxes[:k]), drawn["names"][k]
        assert not any(covers(box, dot) for dot in drawn["dots"].values()), drawn["names"][k]
        assert box[0] >= 0
        assert box[1] >= 0
        assert box[2] <= drawn["size"][0]
        assert box[3] <= drawn["size"][1]


def test_the_graph_is_filtered_and_searched(reader, lite):
    file, (deps, *_) = lite
    reader.open(file, "graph")
    first = reader.text(".found")
    reader.tab.fill("#edges", "3")
    reader.tab.dispatch_event("#edges", "change")
    fewer = reader.text(".found")
    assert int(fewer.split()[0]) < int(first.split()[0])
    reader.tab.fill("#least-r2", "0.99")
    reader.tab.dispatch_event("#least-r2", "change")
    assert reader.text(".found") == "No edge passes these filters."
    reader.tab.fill("#graph-search input", "sports car")
    reader.tab.keyboard.press("Enter")
    reader.tab.wait_for_function(
        "() => document.querySelector('.found').textContent.includes('around sports car')"
    )
    terms = {deps.source_names[j] for j in deps.coef[[817]].indices}
    terms |= {deps.target_names[t] for t in np.flatnonzero(deps.coef[:, [817]].toarray()[:, 0])}
    listed = set(reader.tab.locator(".communities a").all_inner_texts())
    assert listed <= terms | {"sports car"}
    reader.tab.click("text=Back to the whole graph")
    reader.tab.wait_for_function("() => !document.querySelector('.found').textContent.includes('around')")


def drawn_nodes(deps, edges):
    """(role, category) of both ends of edges; within a network a category is one node."""
    row = np.repeat(deps.targets, deps.n_terms)
    targets = {("source" if deps.intra else "target", i) for i in row[edges].tolist()}
    return targets | {("source", j) for j in deps.coef.indices[edges].tolist()}


def listed_communities(reader):
    """(drawn, size, categories named) of every community in the list of the page."""
    found = []
    for item in reader.tab.locator(".communities li").all():
        size, drawn = re.fullmatch(r"([\d,]+) \((\d+) drawn\)", item.inner_text().partition(":")[0]).groups()
        links = [link.get_attribute("href") for link in item.locator("a").all()]
        named = [int(link.partition("=")[2].partition("&")[0]) for link in links]
        found.append((int(drawn), int(size), named))
    return found


@pytest.mark.parametrize("place", ["graph&set=0", "graph&set=1", "graph&set=2", "graph=817&set=0"])
def test_the_list_of_communities_is_the_one_in_the_file(reader, lite, place):
    file, sets = lite
    k = int(place[-1])
    deps, data = sets[k], read(file)
    numbers = {role: data.array(f"{k}.{role}Community") for role in ("target", "source")}
    reader.open(file, place)
    words = reader.text(".found")
    size = np.abs(deps.coef.data.astype(np.float32))
    if "=817" in place:
        row = np.repeat(deps.targets, deps.n_terms)
        edges = np.flatnonzero((row == 817) | (deps.coef.indices == 817))
    else:
        edges = np.argsort(-size, kind="stable")[: int(words.split()[0].replace(",", ""))]
    of = {(role, i): int(numbers[role][i]) for role, i in drawn_nodes(deps, edges)}  # all are targets here
    there = sorted(set(of.values()))
    assert f"between {len(of)} categories in {len(there)} communities" in words
    every = [*numbers["source"], *([] if deps.intra else numbers["target"])]
    shown = there if "=817" in place else sorted(set(every) - {-1})
    listed = listed_communities(reader)
    assert len(listed) == min(8, len(shown))
    for (drawn, members, named), number in zip(listed, shown, strict=False):
        assert (drawn, members) == (list(of.values()).count(number), every.count(number))
        assert len(named) == min(8, drawn if "=817" in place else members)
        assert all(number in (numbers["source"][i], numbers["target"][i]) for i in named)


def test_communities_do_not_change_with_the_slider(reader, lite):
    reader.open(lite[0], "graph")
    first = [(size, named) for _, size, named in listed_communities(reader)]
    for step in ("0", reader.tab.get_attribute("#edges", "max")):
        reader.tab.fill("#edges", step)
        reader.tab.dispatch_event("#edges", "change")
        assert [(size, named) for _, size, named in listed_communities(reader)] == first


def test_a_dot_of_the_graph_can_be_clicked(reader, lite):
    reader.open(lite[0], "graph=817")
    place = reader.tab.evaluate(
        """() => {
            const chart = echarts.getInstanceByDom(document.querySelector('.network'));
            const data = chart.getModel().getSeriesByIndex(0).getData();
            const box = document.querySelector('.network').getBoundingClientRect();
            const item = data.getItemGraphicEl(0);
            item.updateTransform();
            const [x, y] = item.transformCoordToGlobal(0, 0);
            return [x + box.left, y + box.top];
        }"""
    )
    reader.tab.mouse.click(*place)
    reader.tab.wait_for_selector(".panel .selected h2")
    assert reader.text(".panel .selected h2") in reader.text(".communities")


def test_names_are_free_of_each_other_of_dots_and_of_the_edge(screen, lite):
    screen.open(lite[0], "graph")
    wide = screen.tab.viewport_size["width"] > 1000
    check_names(settled(screen), 60 if wide else 15)
    screen.tab.fill("#edges", screen.tab.get_attribute("#edges", "max"))
    screen.tab.dispatch_event("#edges", "change")
    check_names(settled(screen), 40 if wide else 10)
    for _ in range(3):
        screen.tab.click("button[aria-label='Zoom in']")
        check_names(settled(screen), 5)
    screen.tab.set_viewport_size({"width": 900 if wide else 360, "height": 700})
    check_names(settled(screen), 10)


def test_the_map_is_not_stretched(browser, lite):
    shapes = []
    for size in SIZES.values():
        one = Reader(browser)
        one.tab.set_viewport_size(size)
        one.open(lite[0], "graph")
        one.tab.fill("#edges", "12")
        one.tab.dispatch_event("#edges", "change")
        dots = settled(one)["dots"]
        shapes.append(np.array([[dots[key]["x"], dots[key]["y"]] for key in sorted(dots)]))
        one.tab.context.close()
    far = [np.linalg.norm(shape[:, None] - shape, axis=2) for shape in shapes]
    ratio = far[0][far[1] > 20] / far[1][far[1] > 20]
    assert np.ptp(ratio) < 0.1 * np.median(ratio)


def test_arrow_heads_are_small_and_short_edges_have_none(reader, lite):
    reader.open(lite[0], "graph")
    for _ in range(2):
        drawn = settled(reader)
        for (symbol, size), (start, end) in zip(drawn["heads"], drawn["ends"], strict=True):
            one, other = drawn["dots"][start], drawn["dots"][end]
            visible = np.hypot(one["x"] - other["x"], one["y"] - other["y"]) - one["r"] - other["r"]
            width = np.max(size) if symbol == "arrow" else 0
            assert width <= max(0.45 * visible, 0), (visible, width)
            assert visible < 25 or width >= 4
        reader.tab.click("button[aria-label='Zoom in']")


def test_the_slider_says_what_it_can_draw(reader, lite, tmp_path):
    file, (deps, *_) = lite
    reader.open(file, "graph")
    steps = []
    for k in range(1 + int(reader.tab.get_attribute("#edges", "max"))):
        reader.tab.fill("#edges", str(k))
        drawn, limit = re.fullmatch(
            rf"([\d,]+) of {deps.coef.nnz:,}; at most ([\d,]+) are drawn", reader.text("output")
        ).groups()
        steps.append(int(drawn.replace(",", "")))
    assert steps[-1] == int(limit.replace(",", "")) == 3000
    assert all(1.2 < b / a < 2.1 for a, b in pairwise(steps))
    halves = small_halves()
    reader.open(covlasso.write_report(tmp_path / "r.html", small_deps(halves), moments=halves), "graph")
    assert reader.text("output") == "36 of 36"


def test_grey_is_explained(reader, lite, tmp_path):
    file, _ = lite
    number = read(file).array("0.sourceCommunity")
    reader.open(file, "graph")
    small = int(number.max()) + 1 - 10
    assert f"grey: communities beyond the 10 largest, {small} of them" in reader.text(".map-key")
    reader.tab.select_option("#colour", "r2")
    assert "grey: no equation" in reader.text(".map-key")
    halves = small_halves()
    reader.open(covlasso.write_report(tmp_path / "r.html", small_deps(halves), moments=halves), "graph")
    assert "grey" not in reader.text(".map-key")


def test_the_edges_are_there_as_a_table(reader, lite):
    file, (deps, *_) = lite
    reader.open(file, "graph")
    reader.tab.click("summary:text-is('Edges as a table')")
    reader.tab.wait_for_selector(".numbers table")
    rows = reader.tab.locator(".numbers tbody tr").all_inner_texts()
    order = np.argsort(-np.abs(deps.coef.data.astype(np.float32)), kind="stable")[: len(rows)]
    row = np.repeat(np.arange(deps.n_targets), deps.n_terms)
    expected = [
        f"{deps.target_labels[row[k]]} {deps.source_labels[deps.coef.indices[k]]} {deps.coef.data[k]:.3f}"
        for k in order
    ]
    assert len(rows) == int(reader.text(".found").split()[0])
    assert [" ".join(line.split()).replace("−", "-") for line in rows] == expected
    reader.tab.click("summary:text-is('Communities as a table')")
    reader.tab.wait_for_selector(".numbers:has-text('Communities') table")
    sizes = np.bincount(read(file).array("0.sourceCommunity"))
    cells = reader.tab.locator(".numbers:has-text('Communities') tbody tr td:nth-child(2)").all_inner_texts()
    assert [int(cell) for cell in cells] == sizes.tolist()


def test_the_map_by_keyboard(reader, lite):
    file, (deps, *_) = lite
    reader.open(file, "graph")
    drawn = settled(reader)
    tied = {}
    for a, b in drawn["ends"]:
        tied.setdefault(a, set()).add(b)
        tied.setdefault(b, set()).add(a)
    number = {label: str(i) for i, label in enumerate(deps.target_labels)}

    def press(key):
        reader.tab.keyboard.press(key)
        return number[reader.text("#said").partition(", tied here to ")[0]]

    reader.tab.focus(".map")
    first = press("Home")
    assert reader.text(".panel h2 >> nth=0") == deps.target_labels[int(first)]
    assert press("PageDown") != first
    assert press("PageUp") == first
    for key, axis, sign in (("ArrowRight", "x", 1), ("ArrowDown", "y", 1), ("ArrowLeft", "x", -1)):
        before = drawn["dots"]
        here = press("Home")
        there = press(key)
        ahead = [
            other for other in tied[here]
            if 0.5 * np.hypot(*(before[other][c] - before[here][c] for c in "xy"))
            <= sign * (before[other][axis] - before[here][axis])
        ]  # fmt: skip
        assert sign * (before[there][axis] - before[here][axis]) > 0
        assert there in ahead or not ahead
    reader.tab.keyboard.press("Home")
    reader.tab.keyboard.press("+")
    scale = lambda now: np.ptp([dot["x"] for dot in now["dots"].values()])  # noqa: E731
    assert scale(settled(reader)) > 1.3 * scale(drawn)
    reader.tab.click("#theme")  # what is in sight stays there
    assert scale(settled(reader)) > 1.3 * scale(drawn)
    reader.tab.focus(".map")
    reader.tab.keyboard.press("0")
    assert scale(settled(reader)) == pytest.approx(scale(drawn), rel=0.02)
    reader.tab.keyboard.press("Home")
    reader.tab.keyboard.press("Enter")
    reader._drawn("category")
    assert reader.text("h1") == deps.target_labels[int(first)]


@pytest.mark.parametrize("place", ["graph=817", "graph=817&set=2", "graph=130"])
def test_names_keep_clear_of_edges_where_there_is_room(reader, lite, place):
    reader.open(lite[0], place)
    boxes = np.array([name["box"] for name in settled(reader)["names"]])
    layouts = reader.tab.evaluate(
        """() => {
            const chart = echarts.getInstanceByDom(document.querySelector('.map .network'));
            const edges = chart.getModel().getSeriesByIndex(0).getEdgeData();
            const all = [];
            edges.each(k => all.push(edges.getItemLayout(k).map(point => [...point])));
            return all;
        }"""
    )
    s = np.linspace(0, 1, 200)[:, None]
    crossed = np.zeros(len(boxes), dtype=bool)
    for start, end, middle in np.array(layouts)[:, :3]:
        x, y = ((1 - s) ** 2 * start + 2 * s * (1 - s) * middle + s**2 * end).T
        left, top, right, bottom = boxes.T[:, :, None]
        crossed |= ((left < x) & (x < right) & (top < y) & (y < bottom)).any(axis=1)
    assert len(boxes) > 8
    assert crossed.mean() < 0.35


def test_two_fingers_zoom(browser, lite):
    one = Reader(browser, has_touch=True)
    one.tab.set_viewport_size(SIZES["phone"])
    one.open(lite[0], "graph")
    before = settled(one)
    assert before["names"]
    assert one.text("output").startswith("150 of")  # fewer, so that they can be read
    assert "pinch to zoom" in one.text(".map-key")
    one.tab.locator(".map").scroll_into_view_if_needed()
    box = one.tab.locator(".map").bounding_box()
    touch = one.tab.context.new_cdp_session(one.tab)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind, apart in [("touchStart", 20), *[("touchMove", 20 + 12 * k) for k in range(1, 8)]]:
        fingers = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    after = settled(one)
    span = [np.ptp([dot["x"] for dot in drawn["dots"].values()]) for drawn in (before, after)]
    assert span[1] > 1.3 * span[0]
    check_names(after, 5)
    one.tab.context.close()
    assert one.problems == []
