"""Focus and number of terms by F1: every cell is that of its own solve, and the rule is what it says."""

import numpy as np
import pytest
from oracles import assert_refused

import covlasso
from covlasso import Moments
from covlasso.evidence.choose_focus import _chosen, measured
from covlasso.logits import Samples

N = 14


def draw(samples, seed):
    """Logits of classes that a network recognises mostly, and the classes."""
    head = np.random.default_rng(0).standard_normal((6, N))
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, N, samples)
    hidden = 2.5 * (head / np.linalg.norm(head, axis=0)).T[classes] + 0.6 * rng.standard_normal((samples, 6))
    return hidden @ head + 0.2 * rng.standard_normal((samples, N)), classes


@pytest.fixture(scope="module")
def fit():
    moments = Moments(["net"])
    moments.update({"net": draw(900, 1)[0]})
    return moments


@pytest.fixture(scope="module")
def held_out():
    return draw(500, 2)


def paths_of(fit):
    """Paths that differ by a number in the place of a focus: of a ridge term."""
    return lambda alpha: covlasso.path(fit.second_moment("net"), max_terms=8, l2=100.0 * alpha)


def test_every_cell_is_that_of_its_own_solve(fit, held_out):
    logits, classes = held_out
    found = measured(
        paths_of(fit), Samples(logits, None, classes), fit, alphas=(0.0, 0.1, 0.5), terms=(2, 4, 8)
    )
    for row, alpha in enumerate((0.0, 0.1, 0.5)):
        for column, terms in enumerate((2, 4, 8)):
            deps = paths_of(fit)(alpha).at(terms=terms, refit=True)
            alone = covlasso.evaluate(deps, logits=logits, labels=classes).decisions
            for name in ("f1", "recall", "false_alarms"):
                assert found.table(name)[row, column] == alone.replaced.mean(name)
            cell = row * 3 + column
            columns = found.columns()
            assert (columns["focus"][cell], columns["terms"][cell]) == (alpha, terms)
            assert columns["f1"][cell] == alone.replaced.mean("f1")
            assert columns["at_once_f1"][cell] == alone.at_once.mean("f1")
            assert columns["at_once_top1"][cell] == alone.at_once_top1
    chosen = paths_of(fit)(found.focus).at(terms=found.terms, refit=True)
    np.testing.assert_array_equal(found.dependencies.coef.toarray(), chosen.coef.toarray())
    assert found.network.mean("f1") > 0.6
    row, column = found.alphas.index(found.best[0]), found.places.index(found.best[1])
    assert found.table()[row, column] == found.table().max()
    assert f"{found.terms} terms" in repr(found)


@pytest.mark.parametrize(
    ("f1", "tolerance", "cell"),
    [
        ([[0.1, 0.5], [0.2, 0.6]], 0.0, (1, 1)),
        ([[0.1, 0.5], [0.2, 0.6]], 0.4, (1, 0)),  # fewer terms within the tolerance
        ([[0.6, 0.6], [0.6, 0.6]], 0.0, (0, 0)),  # equal ones: fewer terms, less focus
        ([[0.5, 0.1], [0.595, 0.6]], 0.01, (1, 0)),
    ],
)
def test_fewer_terms_are_preferred_within_the_tolerance(f1, tolerance, cell):
    assert _chosen(np.array(f1), tolerance) == cell


def test_the_grid_as_a_frame(fit, held_out):
    pytest.importorskip("pandas", reason="to_frame needs pandas")
    found = measured(paths_of(fit), Samples(held_out[0]), fit, alphas=(0.1,), terms=(2, 3))
    assert found.to_frame()["terms"].tolist() == [2, 3]
    assert found.at_end == (found.terms == 3)


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"alphas": ()}, ["alphas", "increasing"]),
        ({"alphas": (0.3, 0.1)}, ["alphas", "increasing"]),
        ({"alphas": (0.3, 1.2)}, ["alphas", "0 to 1"]),
        ({"alphas": (-0.1,)}, ["alphas", "-0.1"]),
        ({"terms": (0, 2)}, ["terms", "0", "at least 1"]),
        ({"terms": (2.5,)}, ["terms", "2.5", "integers"]),
        ({"terms": (2, 2)}, ["terms", "increasing"]),
        ({"tolerance": -1}, ["tolerance"]),
    ],
)
def test_bad_input_is_refused(fit, held_out, options, parts):
    assert_refused(lambda: measured(paths_of(fit), Samples(held_out[0]), fit, **options), ValueError, parts)


@pytest.mark.parametrize("between", [False, True])
def test_a_focus_is_chosen_from_moments_that_know_classes(between):
    logits, classes = draw(900, 1)
    later, labels = draw(400, 2)
    other = [rows + 0.3 * np.random.default_rng(3).standard_normal(rows.shape) for rows in (logits, later)]
    moments = Moments(["net", "other"], classes="labels")
    moments.update({"net": logits, "other": other[0]}, classes)
    source = "other" if between else "net"
    found = covlasso.choose_focus(
        moments,
        later,
        source_logits=other[1] if between else None,
        labels=labels,
        target="net",
        source=source,
        alphas=(0.0, 0.1, 0.3),
        terms=(2, 4),
    )
    for row, alpha in enumerate(found.alphas):
        for column, terms in enumerate(found.places):
            deps = covlasso.solve_moments(
                moments, target="net", source=source, focus=alpha, terms=terms, refit=True
            )
            alone = covlasso.evaluate(
                deps, logits=later, source_logits=other[1] if between else None, labels=labels
            ).decisions
            assert found.decisions[row][column].replaced.mean("f1") == pytest.approx(
                alone.replaced.mean("f1")
            )
    assert found.dependencies.origin.focus == ("labels" if found.focus else None)
    assert found.table()[1:].max() > found.table()[0].max()  # with these few terms focus helps
    assert np.all(found.dependencies.n_terms <= found.terms)


def test_moments_without_classes_are_refused(fit, held_out):
    assert_refused(lambda: covlasso.choose_focus(fit, held_out[0], terms=(2,)), ValueError, ["classes"])


def test_targets_without_samples_have_the_moments_of_all(monkeypatch):
    """However many classes there are: no row for each of them, which for a vocabulary are more than 2 GB."""
    logits, classes = draw(900, 1)
    classes[classes == 5] = 6
    moments = Moments(["net"], classes="labels")
    moments.update({"net": logits}, classes)
    monkeypatch.setattr("covlasso.moments.focus._MOST_OWN", 1)
    found = covlasso.choose_focus(moments, *draw(400, 2)[:1], alphas=(0.3,), terms=(2,)).dependencies
    assert found.unfocused.tolist() == [5]
    expected = covlasso.solve_moments(moments, focus=0.3, terms=2, refit=True)
    np.testing.assert_array_equal(found.coef.toarray(), expected.coef.toarray())
    np.testing.assert_array_equal(found.focus, expected.focus)
