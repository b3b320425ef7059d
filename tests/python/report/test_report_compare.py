"""Two sets of a report laid side by side: what they share, what differs, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from report_reader import read, small_deps, small_halves

import covlasso


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    """Two kinds of moments, a lambda, another direction, and other targets, of one pair of models."""
    halves = small_halves()
    sets = [
        small_deps(halves),
        small_deps(halves, kind="covariance"),
        small_deps(halves, terms=None, lam=2.5, refit=False),
        small_deps(halves, "a", "b"),
        small_deps(halves, targets=np.array([0, 3, 5])),
    ]
    file = tmp_path_factory.mktemp("kinds") / "report.html"
    return covlasso.write_report(file, sets, moments=halves), sets, halves


def choose(reader, left, right):
    reader.tab.select_option("#left", str(left))
    reader.tab.select_option("#right", str(right))


def figures(reader, title):
    """Rows of the table under a chart."""
    card = f"figure:has(h3:text-is('{title}'))"
    reader.tab.click(f"{card} summary")
    reader.tab.wait_for_selector(f"{card} table")
    return [line.split("\t") for line in reader.tab.locator(f"{card} tbody tr").all_inner_texts()]


def test_both_graphs_of_a_comparison_have_the_colours_of_their_own_communities(reader, lite):
    file, _ = lite
    data = read(file)
    reader.open(file, "compare")
    pictures = reader.tab.evaluate(
        """() => [...document.querySelectorAll('.network')].map(canvas =>
            echarts.getInstanceByDom(canvas).getOption().series[0].data.map(
                dot => [dot.name, dot.itemStyle.color]))"""
    )
    faint, other, *groups = reader.tab.evaluate(
        """names => {
            const style = getComputedStyle(document.documentElement);
            return names.map(name => style.getPropertyValue('--' + name).trim());
        }""",
        ["faint", "other", *(f"group-{k}" for k in range(10))],
    )
    of = [{}, {}]
    for k, dots in enumerate(pictures):
        number = data.array(f"{k}.sourceCommunity")
        for name, shown in dots:
            if shown != faint:  # no edge of it is drawn in this picture
                of[k].setdefault(int(number[int(name)]), set()).add(shown)
        assert all(len(shown) == 1 for shown in of[k].values())
        coloured = [shown for (shown,) in of[k].values() if shown != other]
        assert len(set(coloured)) == len(coloured) > 5
    left = {number: {groups[number] if number < len(groups) else other} for number in of[0]}
    assert of[0] == left
    same = {}  # categories of a community on the right, by communities on the left
    for one, two in zip(data.array("0.sourceCommunity"), data.array("1.sourceCommunity"), strict=True):
        same[one, two] = same.get((one, two), 0) + 1
    one, two = max(same, key=same.get)
    assert of[1][two] == of[0][one]
    assert "colours of this set's communities" in reader.text(".grid:has(.map)")


def test_two_networks_side_by_side(reader, lite):
    file, (a, b, _) = lite
    reader.open(file, "compare")
    assert reader.text("h1") == "Two networks"
    shared = int(((a.coef != 0).multiply(b.coef != 0)).sum())
    assert f"{shared:,} are the same" in reader.text(".lead")
    assert reader.tab.locator(".network canvas").count() == 2
    assert reader.text(".map-key >> nth=0").startswith("in both sets: ")


def test_two_kinds_of_one_network_are_told_apart_and_measured_alike(reader, kinds):
    file, (a, b, *_), halves = kinds
    reader.open(file, "compare")
    choose(reader, 0, 1)
    assert reader.text("h1") == "Two sets of one network"
    assert reader.tab.locator("h3:text-is('uncentred')").count() == 1
    assert reader.tab.locator("h3:text-is('centred')").count() == 1
    assert reader.tab.locator("h3:text-is('R² about the mean, held out')").count() == 1
    drawn = reader.tab.evaluate(
        """() => {
            const card = [...document.querySelectorAll('figure')]
                .find(figure => figure.querySelector('h3').textContent.startsWith('R²'));
            return echarts.getInstanceByDom(card.querySelector('.chart')).getOption().series[0].data;
        }"""
    )
    expected = [covlasso.evaluate(deps, halves).held_out.r2_centred for deps in (a, b)]
    for x, y, t in drawn:
        assert (x, y) == pytest.approx((expected[0][t], expected[1][t]), abs=1e-6)
    assert len(drawn) == 12


def test_what_differs_is_listed(reader, kinds):
    file, (a, _, c, *_), _ = kinds
    reader.open(file, "compare")
    choose(reader, 0, 2)
    rows = dict(
        line.split("\t", 1)
        for line in reader.tab.locator(".card:has(h3:text-is('What differs')) tbody tr").all_inner_texts()
    )
    assert rows["place"] == "3 terms\tlambda 2.5"
    assert rows["coefficients"] == "refitted\tLasso"
    assert rows["terms"] == f"{a.coef.nnz}\t{c.coef.nnz}"
    assert rows["median R², fit"] == f"{np.median(a.r2):.2f}\t{np.median(c.r2):.2f}"
    bold = reader.tab.locator(".card:has(h3:text-is('What differs')) strong").all_inner_texts()
    assert "refitted" in bold
    assert "uncentred" not in bold


def test_categories_that_changed_most(reader, kinds):
    file, sets, _ = kinds
    a, b, *_ = sets
    reader.open(file, "compare")
    choose(reader, 0, 1)
    x, y = (deps.coef.toarray() for deps in (a, b))
    change = np.abs(x - y).sum(axis=1) / (np.abs(x) + np.abs(y)).sum(axis=1)
    rows = reader.tab.locator(".card:has(h3:text-is('Changed most')) tbody tr").all_inner_texts()
    order = np.argsort(-change, kind="stable")
    assert [row.split("\t")[0] for row in rows] == [f"#{t}" for t in order[:10]]
    assert rows[0].split("\t")[1] == f"{change[order[0]]:.2f}"
    choose(reader, 0, 2)
    empty = np.flatnonzero(sets[2].n_terms == 0)
    shown = reader.tab.locator(".card:has(h3:text-is('Changed most')) tbody tr th").all_inner_texts()
    assert not {f"#{t}" for t in empty} & set(shown)
    assert len(shown) == min(10, 12 - len(empty))
    choose(reader, 0, 1)
    assert f"{np.median(change):.2f}" in reader.text(".tile:has-text('Median change')")


def test_coefficients_of_shared_terms(reader, kinds):
    file, (a, b, *_), _ = kinds
    reader.open(file, "compare")
    choose(reader, 0, 1)
    x, y = (deps.coef.toarray() for deps in (a, b))
    both = (x != 0) & (y != 0)
    assert f"{np.corrcoef(x[both], y[both])[0, 1]:.2f}" in reader.text(
        "figure:has(h3:text-is('Coefficients of shared terms'))"
    )
    rows = figures(reader, "Coefficients of shared terms")
    largest = np.sort(np.abs(x - y)[both])[::-1][: len(rows)]
    shown = [abs(float(p.replace("−", "-")) - float(q.replace("−", "-"))) for *_, p, q in rows]
    assert np.allclose(shown, largest, atol=0.0011)


@pytest.mark.parametrize(
    ("right", "words"),
    [
        (3, "they have different sources, 12 categories of a and 12 categories of b"),
        (4, "they have different targets, 12 categories of a and 3 categories of a"),
    ],
)
def test_sets_that_cannot_be_compared_say_why(reader, kinds, right, words):
    reader.open(kinds[0], "compare")
    choose(reader, 0, right)
    assert words in reader.text("#obstacle")
    assert reader.tab.locator(".pairs li").count() == 3
    reader.tab.click(".pairs button >> nth=1")
    assert (reader.tab.input_value("#left"), reader.tab.input_value("#right")) == ("0", "2")
    assert reader.text("h1") == "Two sets of one network"
    choose(reader, 1, 1)
    assert "These are one set" in reader.text("#obstacle")


def test_a_centred_r2_is_not_drawn_against_another(reader, tmp_path):
    """Dependencies of older files have no R^2 about the mean."""
    from dataclasses import replace

    halves = small_halves()
    kinds = ("second_moment", "covariance")
    sets = [replace(small_deps(halves, kind=kind), mean=None, variance=None) for kind in kinds]
    reader.open(covlasso.write_report(tmp_path / "r.html", sets), "compare")
    assert "is about the mean of each logit" in reader.text(".absent")
    assert "--moments" in reader.text(".absent")
    assert reader.tab.locator(".tile:has-text('Agreement')").count() == 0


def test_row_centred_logits_beside_others_are_said_to_be(reader, tmp_path):
    halves = small_halves()
    sets = [small_deps(halves, row_centred=rows) for rows in (False, True)]
    reader.open(covlasso.write_report(tmp_path / "r.html", sets, moments=halves), "compare")
    words = "within a, row-centred explains logits less their mean over the categories"
    assert words in reader.text("figure:has(h3:text-is('R² held out'))")
    for index, said in enumerate((False, True)):
        reader.go(f"summary&set={index}")
        assert ("less their mean over the categories" in reader.text(".caveats")) is said
        assert ("logits enter as they are" in reader.text(".caveats")) is not said


def test_a_pair_has_an_address(reader, kinds):
    reader.open(kinds[0], "compare&set=1")
    assert (reader.tab.input_value("#left"), reader.tab.input_value("#right")) == ("0", "1")
    choose(reader, 2, 1)
    assert reader.tab.evaluate("location.hash") == "#compare&set=1&left=2&right=1"
    reader.tab.click(".card:has(h3:text-is('Changed most')) a >> nth=0")
    reader._drawn("category")
    reader.tab.go_back()
    reader._drawn("compare")
    assert (reader.tab.input_value("#left"), reader.tab.input_value("#right")) == ("2", "1")
    for wrong in ("left=9&right=1", "left=x&right=1", "left=1", "left=-1&right=0"):
        reader.go("summary")
        reader.go(f"compare&{wrong}")
        assert (reader.tab.input_value("#left"), reader.tab.input_value("#right")) == ("0", "1")


def test_checkpoints_have_the_names_of_their_files(reader, tmp_path):
    both = [small_halves(seed=seed) for seed in (0, 1)]
    sets = [small_deps(halves) for halves in both]
    file = covlasso.write_report(tmp_path / "r.html", sets, moments=both, names=["epoch 1", "epoch 2"])
    reader.open(file, "compare")
    assert reader.tab.locator("#set option").all_inner_texts() == ["within a, epoch 1", "within a, epoch 2"]
    assert "(within a, epoch 1)" in reader.text(".lead")
    assert reader.text("h1") == "Two sets of one network"


def test_a_set_between_two_networks_alone_has_two_columns(reader, tmp_path):
    halves = small_halves()
    file = covlasso.write_report(tmp_path / "r.html", small_deps(halves, "a", "b"), moments=halves)
    for size in ({"width": 1400, "height": 900}, {"width": 400, "height": 800}):
        reader.tab.set_viewport_size(size)
        reader.open(file, "compare")
        assert reader.text("h1") == "From one network to the other"
        names = reader.tab.locator(".map-name")
        assert names.count() == 24
