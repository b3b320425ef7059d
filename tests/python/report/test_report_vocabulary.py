"""The page of a large vocabulary: communities first, paths for those asked for, names of tokens."""

import sys

import numpy as np
import pytest
from report_reader import read
from vocabulary import ODD, head_moments

import covlasso
from covlasso import Accumulator, Split
from covlasso.graph import communities
from covlasso.report import groups

followed = sys.modules["covlasso.report.followed"]  # the door has the function of this name
ASKED = [" child", 7, " word33"]


@pytest.fixture(scope="module", autouse=True)
def small():
    """Limits so low that 600 categories are many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "GROUPED", 300)
        patch.setattr(groups, "_SMALL", 50)
        patch.setattr(followed, "MANY", 300)
        patch.setattr(followed, "FEW", 12)
        yield


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    """A page by default and one with paths asked for; moments and dependencies."""
    moments = head_moments()
    deps = covlasso.solve_moments(moments.fit, terms=4, refit=True)
    folder = tmp_path_factory.mktemp("vocabulary")
    page = covlasso.write_report(folder / "page.html", deps, moments=moments, title="Tokens")
    asked = covlasso.write_report(folder / "asked.html", deps, moments=moments, paths=ASKED)
    return page, asked, deps, moments


def members(data, k=0):
    """Categories of every group and of those within it."""
    parent, inner = data.array(f"{k}.groupParent"), data.array(f"{k}.sourceGroup")
    found = [set() for _ in parent]
    for category, group in enumerate(inner.tolist()):
        while group >= 0:
            found[group].add(category)
            group = parent[group]
    return parent, found


def test_groups_within_groups_divide_their_community(vocabulary):
    page, _, deps, _ = vocabulary
    data = read(page)
    parent, found = members(data)
    assert [sorted(found[k]) for k in np.flatnonzero(parent < 0)] == [
        group for group in communities(deps) if len(group) > 1
    ]
    np.testing.assert_array_equal(data.array("0.groupSize"), [len(one) for one in found])
    assert (parent < np.arange(len(parent))).all()
    assert parent.max() >= 0
    for k, one in enumerate(parent.tolist()):
        assert one < 0 or found[k] < found[one]
    start, central = data.array("0.groupCentralStart"), data.array("0.groupCentral")
    size = abs(deps.coef).toarray()
    tie = np.maximum(size, size.T)
    for k, one in enumerate(found):
        own = sorted(one)
        inside = tie[np.ix_(own, own)].sum(axis=1)
        named = [own.index(-1 - code if code < 0 else code) for code in central[start[k] : start[k + 1]]]
        np.testing.assert_allclose(inside[named], np.sort(inside)[::-1][: len(named)])


def test_links_are_the_ties_between_groups_of_one_parent(vocabulary):
    page, _, deps, _ = vocabulary
    data = read(page)
    parent, found = members(data)
    size = abs(deps.coef).toarray()
    tie = np.maximum(size, size.T)
    ends = zip(*(data.array(f"0.link{name}") for name in ("From", "To", "Size", "Count")), strict=True)
    for i, j, strength, count in ends:
        assert parent[i] == parent[j]
        between = tie[np.ix_(sorted(found[i]), sorted(found[j]))]
        assert strength == pytest.approx(between.sum(), rel=2e-3)
        assert count == np.count_nonzero(between)


def test_no_circle_lies_over_another(vocabulary):
    data = read(vocabulary[0])
    parent, x, y, radius = (data.array(f"0.group{name}") for name in ("Parent", "X", "Y", "Radius"))
    np.testing.assert_allclose(radius, np.sqrt(data.array("0.groupSize")), rtol=1e-3)
    for one in np.unique(parent):
        own = np.flatnonzero(parent == one)
        distance = np.hypot(x[own, None] - x[own], y[own, None] - y[own])
        apart = distance - radius[own, None] - radius[own] + 1e9 * np.eye(len(own))
        assert apart.min() > -1e-2 * radius[own].max()


def test_equal_seeds_give_equal_pages(vocabulary, tmp_path):
    page, _, deps, moments = vocabulary
    again = covlasso.write_report(tmp_path / "again.html", deps, moments=moments, title="Tokens")
    assert again.read_bytes() == page.read_bytes()


def test_what_is_heavy_is_for_some_evenly_over_the_ranking(vocabulary):
    page, _, deps, _ = vocabulary
    data = read(page)
    (record,) = data.record["sets"]
    assert record["followed"] == {"why": "spread", "shown": 12, "solved": 12}
    shown = data.array("0.detail")
    rank = np.empty(600, dtype=int)
    rank[np.argsort(-deps.r2, kind="stable")] = np.arange(600)
    np.testing.assert_array_equal(np.sort(rank[shown]), np.linspace(0, 599, 12).round())
    assert len(data.array("0.r2")) == 600
    assert data.array("0.curve.fit.refit").size == 12 * (record["curves"]["terms"] + 1)
    curve = data.array("0.curve.fit.refit").reshape(12, -1)
    np.testing.assert_allclose(curve[:, 4], deps.r2[shown], rtol=1e-3)
    band = data.array("0.band.fit.refit").reshape(5, -1)
    np.testing.assert_allclose(band[2], np.median(curve, axis=0), rtol=1e-3)


def test_those_asked_for_have_their_paths(vocabulary):
    _, asked, deps, _ = vocabulary
    data = read(asked)
    numbers = sorted(deps.target_names.index(one) if isinstance(one, str) else one for one in ASKED)
    assert data.array("0.detail").tolist() == numbers == data.array("0.followed").tolist()


def test_terms_on_halves_and_decisions_are_of_those_that_are_followed(tmp_path):
    rng = np.random.default_rng(1)
    head = head_moments(320).fit.heads["lm"]
    gathered = Accumulator(["lm"], heads={"lm": head}, split=Split(0.2, 4))
    gathered.update({"lm": rng.normal(size=(800, 20))}, [str(k) for k in range(800)])
    moments = gathered.result()
    deps = covlasso.solve_moments(moments.fit, terms=3, refit=True)
    logits = rng.normal(size=(300, 20)) @ head.weight.T
    page = covlasso.write_report(
        tmp_path / "r.html", deps, moments=moments, paths=[3, 5], logits=logits, stability_pairs=2
    )
    data = read(page)
    (record,) = data.record["sets"]
    of_term = np.repeat(np.arange(320), deps.n_terms)
    np.testing.assert_array_equal(data.array("0.stability") < 255, np.isin(of_term, [3, 5]))
    assert record["stability"]["terms"] == deps.n_terms[[3, 5]].sum()
    assert record["decisions"]["looked"] == 2
    decided = np.bincount(logits.argmax(axis=1), minlength=320)
    np.testing.assert_array_equal(data.array("0.support")[[3, 5]], decided[[3, 5]])
    assert np.flatnonzero(np.isfinite(data.array("0.replaced.recall"))).tolist() == [
        t for t in (3, 5) if decided[t]
    ]


@pytest.mark.parametrize(
    ("paths", "error", "message"),
    [
        ("child", TypeError, "paths is 'child'; a sequence"),
        ([], TypeError, "a sequence"),
        ([True], TypeError, r"paths\[0\] is True; a category number or a name"),
        ([3, 600], ValueError, r"paths\[1\] is 600, no category that was solved for"),
        ([-1], ValueError, r"paths\[0\] is -1"),
        (["chlid"], ValueError, "near: #"),
    ],
)
def test_paths_that_cannot_be_are_refused(vocabulary, tmp_path, paths, error, message):
    _, _, deps, moments = vocabulary
    with pytest.raises(error, match=message):
        covlasso.write_report(tmp_path / "r.html", deps, moments=moments, paths=paths)
    with pytest.raises(ValueError, match="give one"):
        covlasso.write_report(tmp_path / "r.html", deps, moments=moments, paths=[3], details=4)


def nodes(reader):
    """What the map has drawn: names and sizes of dots, and the number of lines."""
    return reader.tab.evaluate(
        """() => {
            const chart = echarts.getInstanceByDom(document.querySelector('.network'));
            const { data, edges } = chart.getOption().series[0];
            return [data.map(({ name }) => name), data.map(({ symbolSize }) => symbolSize), edges.length];
        }"""
    )


def test_the_map_goes_from_communities_to_categories(reader, vocabulary):
    page, _, deps, _ = vocabulary
    data = read(page)
    parent, found = members(data)
    reader.open(page, "graph")
    outer = np.flatnonzero(parent < 0)
    drawn, pixels, _ = nodes(reader)
    assert [int(one) for one in drawn] == outer.tolist()
    size = np.array([len(found[k]) for k in outer])
    np.testing.assert_allclose(np.array(pixels) ** 2 / size, pixels[0] ** 2 / size[0], rtol=0.02)
    assert f"{len(outer)} communities of 600 categories" in reader.text(".found")

    reader.tab.focus(".map")
    reader.tab.keyboard.press("Home")  # the largest
    reader.tab.keyboard.press("Enter")
    reader.tab.wait_for_function("location.hash.includes('group=')")
    reader._drawn("graph")
    group = int(reader.tab.evaluate("new URLSearchParams(location.hash.slice(1)).get('group')"))
    assert len(found[group]) == size.max()
    while (parent == group).any():
        drawn, _, _ = nodes(reader)
        assert [int(one) for one in drawn] == np.flatnonzero(parent == group).tolist()
        reader.tab.click(".communities a.into >> nth=0")
        group = int(np.flatnonzero(parent == group)[0])
        reader.tab.wait_for_function("n => location.hash.includes(`group=${n}`)", arg=group)
        reader._drawn("graph")
    own = sorted(found[group])
    inside = deps.coef.toarray()[np.ix_(own, own)]
    drawn, _, edges = nodes(reader)
    assert edges == np.count_nonzero(inside)
    assert {int(one) for one in drawn} == {
        own[k] for k in np.flatnonzero(inside.any(axis=0) | inside.any(axis=1))
    }
    assert reader.tab.locator(".trail li").count() >= 3

    reader.go(f"graph={own[0]}")
    assert reader.text(".trail [aria-current]") == deps.target_labels[own[0]]
    reader.tab.click(".trail a >> nth=-1")
    reader.tab.wait_for_function("n => location.hash.includes(`group=${n}`)", arg=group)
    reader.go("graph&group=99999")
    assert "communities" in reader.text(".found")


def test_the_page_says_what_is_left_out(reader, vocabulary):
    page, asked, _, _ = vocabulary
    reader.open(page)
    assert "12 categories, evenly from the best to the least explained (--paths LIST" in reader.text(
        ".caveats"
    )
    assert "of all 600" in reader.text(".caveats")
    assert "that are followed, 12 of 600" in reader.text("main")
    reader.go(f"category={int(np.setdiff1d(np.arange(600), read(page).array('0.detail'))[0])}")
    assert "--paths LIST" in reader.text(".absent >> nth=0")
    reader.open(asked, "category=7")
    assert reader.tab.locator(".absent").count() == 0
    reader.go("category=8")
    assert "the 3 categories asked for" in reader.text(".absent >> nth=0")


def found(reader, text):
    reader.tab.fill("#search input", text)
    return [one.rsplit(" #", 1)[0] for one in reader.tab.locator("#search [role=option]").all_inner_texts()]


def test_names_of_tokens_are_read_searched_and_do_no_harm(reader, vocabulary):
    page, _, deps, _ = vocabulary
    reader.open(page, "categories")
    assert found(reader, " child")[0] == "' child'"
    assert found(reader, "child")[:2] == ["'child'", "' child'"]
    assert found(reader, "Child")[0] == "' Child'"
    assert found(reader, "' child'")[0] == "' child'"
    assert "'   '" in found(reader, "   ")
    assert sorted(found(reader, "#7")) == sorted(deps.target_labels[k] for k in (7, ODD.index("#7")))
    reader.tab.fill("#search input", "")
    for category, name in enumerate(ODD):
        reader.go(f"category={category}")
        shown = reader.tab.evaluate("document.querySelector('h1').textContent")
        assert shown == deps.target_labels[category]
        assert shown.isprintable()
        assert name.strip() == "" or not name.isprintable() or name in shown
    assert reader.tab.evaluate("window.hurt === undefined")
    reader.go("category=%20child")
    assert reader.tab.evaluate("document.querySelector('h1').textContent") == "' child'"
    reader.go("category=child")
    assert "Several categories" in reader.text("h1")


def test_the_filter_finds_what_a_plain_search_does(reader, vocabulary):
    page, _, deps, _ = vocabulary
    reader.open(page, "categories")
    row = np.repeat(np.arange(600), deps.n_terms)
    for text in ("child", " word5", "part1", "ZZZ", "#31"):
        hit = np.array([text.lower() in name.lower() for name in deps.target_labels])
        passes = hit | (np.bincount(row, hit[deps.coef.indices], 600) > 0)
        if text.startswith("#"):
            passes[int(text[1:])] = True
        reader.tab.fill("#filter-text", text)
        reader.said(f"^{np.count_nonzero(passes)} of 600 categories")
    reader.tab.fill("#filter-text", "")
    reader.said("^600 categories")


def test_a_two_way_view_has_communities_of_both_networks(reader, tmp_path):
    rng = np.random.default_rng(2)
    hidden = rng.normal(size=(500, 12))
    a, b = (hidden @ rng.normal(size=(12, 200)) + 0.1 * rng.normal(size=(500, 200)) for _ in range(2))
    moments = covlasso.Moments(["a", "b"])
    moments.update({"a": a, "b": b})
    sets = [
        covlasso.solve_moments(moments, target=one, source="b", terms=3, focus=None) for one in ("a", "b")
    ]
    page = covlasso.write_report(tmp_path / "r.html", sets, moments=moments)
    data = read(page)
    used = np.unique(sets[0].coef.indices)
    inner = np.concatenate([data.array("0.targetGroup"), data.array("0.sourceGroup")[used]])
    assert np.all(data.array("0.sourceGroup")[np.setdiff1d(np.arange(200), used)] == -1)
    parent, size = data.array("0.groupParent"), data.array("0.groupSize")
    total = np.zeros(len(parent), dtype=int)
    for group in inner[inner >= 0].tolist():
        while group >= 0:
            total[group] += 1
            group = parent[group]
    np.testing.assert_array_equal(total, size)
    reader.open(page, "graph")
    assert "communities of" in reader.text(".found")
    leaf = int(np.flatnonzero(~np.isin(np.arange(len(parent)), parent))[0])
    reader.go(f"graph&group={leaf}")
    assert reader.tab.locator(".network canvas").count() == 1
    for place in ("compare", "summary", "category=3", "graph=3"):
        reader.go(place)
