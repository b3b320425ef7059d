"""`covlasso.new_category_moments` and `LinearHead.combined`: new categories without torch."""

import numpy as np
import pytest
import scipy.sparse

from covlasso import LinearHead, new_category_moments, solve_moments
from covlasso.evidence import prediction_of
from covlasso.moments.new_categories import SOURCE, TARGET

RNG = np.random.default_rng(0)
KNOWN = RNG.normal(size=(30, 5))
NEW = {"okapi": RNG.normal(size=(4, 5)) + 1.0, "quokka": RNG.normal(size=(7, 5)) - 1.0}


def test_a_step_has_the_levels_of_the_known_logits():
    """By hand: winning logits 3 and 4, means of the others 0.5 and 1; weights 1/4, 1/4; 1/8, 1/8; 1/4."""
    new = {"a": np.array([[1.0, 1.0, 5.0], [1.0, 3.0, 3.0]]), "b": np.array([[2.0, 2.0, 2.0]])}
    moments = new_category_moments(new, np.array([[3.0, 1.0, 0.0], [0.0, 2.0, 4.0]]), target="step")
    high, low = 3.5, 0.75
    assert moments.mean(TARGET).tolist() == [0.25 * high + 0.75 * low] * 2
    assert moments.mean(SOURCE).tolist() == [1.5, 1.75, 2.5]
    own, other = 0.25 * high**2 + 0.75 * low**2, 0.5 * high * low + 0.5 * low**2
    np.testing.assert_allclose(moments.second_moment(TARGET), [[own, other], [other, own]])
    assert moments.classes == "labels"
    assert moments.count == 8  # 5 samples, rounded up to a multiple of 4
    assert moments.class_counts(TARGET).tolist() == [2, 2]
    assert moments.class_means(TARGET, by=TARGET).tolist() == [[high, low], [low, high]]
    assert moments.class_means(SOURCE, by=TARGET).tolist() == [[1.0, 2.0, 4.0], [2.0, 2.0, 2.0]]


@pytest.mark.parametrize("share", [0.5, 0.3, 1 / 3, 0.123456789, 1e-6])
@pytest.mark.parametrize("columns", [2, 5])
def test_the_share_of_a_class_is_its_weight(share, columns):
    new = {name: rows[:, :columns] for name, rows in (NEW | {"dugong": NEW["okapi"] + 1.0}).items()}
    moments = new_category_moments(new, KNOWN[:, :columns], share=share)
    assert moments.count >= 45
    np.testing.assert_allclose(moments.class_counts(TARGET) / moments.count, share / 3, rtol=1e-8)
    np.testing.assert_allclose(moments.class_means(SOURCE, by=TARGET)[2], new["dugong"].mean(axis=0))


@pytest.mark.parametrize("target", ["step", "margin"])
def test_focused_equations_are_those_of_two_populations(target):
    """With all terms: least squares where the own class, spread as all do, has a share of the samples."""
    moments = new_category_moments(NEW, KNOWN, share=0.3, target=target)
    direction = {"target": TARGET, "source": SOURCE, "kind": "covariance", "allow_same": True}
    deps = solve_moments(moments, **direction, focus=0.4, terms=5, refit=True)
    c, cross = moments.covariance(SOURCE), moments.covariance(TARGET, SOURCE)
    mean, level = moments.mean(SOURCE), moments.mean(TARGET)
    own = np.array([rows.mean(axis=0) for rows in NEW.values()])
    high = moments.class_means(TARGET, by=TARGET)
    between = sum(0.15 * np.outer(d, d) for d in own - mean)
    between_cross = sum(0.15 * np.outer(a, b) for a, b in zip(high - level, own - mean, strict=True))
    for i, d in enumerate(own - mean):
        spread = c - 0.4 * between + 0.24 * np.outer(d, d)
        with_target = (cross - 0.4 * between_cross)[i] + 0.24 * (high[i, i] - level[i]) * d
        np.testing.assert_allclose(deps.coef.toarray()[i], np.linalg.solve(spread, with_target), rtol=1e-8)
    made = prediction_of(deps, moments, moments, None, None)
    for i in range(2):
        here = (0.6 * mean + 0.4 * own[i]) @ deps.coef.toarray()[i]
        assert made.intercept[i] == pytest.approx(0.6 * level[i] + 0.4 * high[i, i] - here)


def test_margins_are_those_of_the_logits_that_the_new_categories_should_have():
    share = 0.3
    g = np.concatenate([KNOWN, *NEW.values()])
    label = np.array([None] * 30 + ["okapi"] * 4 + ["quokka"] * 7)
    weight = np.select([label == "okapi", label == "quokka"], [share / 2 / 4, share / 2 / 7], 0.7 / 30)
    margin = sum(w * (np.sort(row)[-1] - np.sort(row)[-2]) for w, row in zip(weight, g, strict=True))
    y = np.array(
        [
            [np.sort(row)[-1] + margin if name == own else np.sort(row)[-2] for name in NEW]
            for row, own in zip(g, label, strict=True)
        ]
    )
    moments = new_category_moments(NEW, KNOWN, share=share, target="margin")
    assert moments.class_names == {"new": ("okapi", "quokka")}
    assert weight.sum() == pytest.approx(1.0)
    for name, rows in ((TARGET, y), (SOURCE, g)):
        np.testing.assert_allclose(moments.mean(name), weight @ rows)
        np.testing.assert_allclose(moments.second_moment(name), (rows.T * weight) @ rows)
    np.testing.assert_allclose(moments.second_moment(TARGET, SOURCE), (y.T * weight) @ g)


@pytest.mark.parametrize(("target", "focus"), [("margin", None), ("step", 0.5)])
def test_a_few_samples_of_new_categories_are_enough_to_recognise_them(target, focus):
    """Bayes' logits of clusters; new clusters lie between known ones. Accuracy is that of fresh samples."""
    rng = np.random.default_rng(1)
    known = rng.normal(size=(16, 30))
    new = np.array([known[rng.choice(16, 3, replace=False)].mean(axis=0) for _ in range(4)])
    new = 1.3 * new + 0.4 * rng.normal(size=new.shape)

    def logits(centre, samples):
        x = centre + rng.normal(size=(samples, 30))
        return x @ known.T - 0.5 * (known**2).sum(axis=1)

    few = {f"new {i}": logits(centre, 20) for i, centre in enumerate(new)}
    seen = np.concatenate([logits(centre, 20) for centre in known])
    moments = new_category_moments(few, seen, target=target)
    direction = {"target": TARGET, "source": SOURCE, "kind": "covariance", "allow_same": True}
    deps = solve_moments(moments, **direction, focus=focus, terms=10, refit=True)
    intercept = prediction_of(deps, moments, moments, None, None).intercept

    def right(centre, category):
        g = logits(centre, 400)
        return np.mean(np.hstack([g, g @ deps.coef.toarray().T + intercept]).argmax(axis=1) == category)

    before = np.mean([np.mean(logits(centre, 400).argmax(axis=1) == i) for i, centre in enumerate(known)])
    old = np.mean([right(centre, i) for i, centre in enumerate(known)])
    assert deps.n_terms.max() <= 10
    assert np.mean([right(centre, 16 + i) for i, centre in enumerate(new)]) > 0.6
    assert old > before - 0.05
    assert before > 0.9


@pytest.mark.parametrize(
    ("new", "known", "options", "error", "message"),
    [
        ({}, KNOWN, {}, TypeError, "new must be a mapping"),
        ([KNOWN], KNOWN, {}, TypeError, "new must be a mapping"),
        ({"a": KNOWN[:, :4]}, KNOWN, {}, ValueError, r"new\['a'\] has 4 logits a sample and known has 5"),
        ({"a": KNOWN[:0]}, KNOWN, {}, ValueError, r"new\['a'\] has shape \(0, 5\)"),
        ({"a": KNOWN.astype(int)}, KNOWN, {}, TypeError, r"new\['a'\] are int64; floating numbers"),
        (NEW, KNOWN[0], {}, ValueError, r"known has shape \(5,\)"),
        (NEW, KNOWN * [1, 1, np.nan, 1, 1], {}, ValueError, r"known\[0, 2\] is nan"),
        (NEW, KNOWN, {"share": 1.0}, ValueError, "share is 1.0; a number between 0 and 1"),
        (NEW, KNOWN, {"share": True}, ValueError, "share is True"),
        (NEW, KNOWN, {"target": "slope"}, ValueError, "target is 'slope'; 'step' or 'margin' is expected"),
    ],
)
def test_bad_samples(new, known, options, error, message):
    with pytest.raises(error, match=message):
        new_category_moments(new, known, **options)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("intercept", [None, np.array([0.5, -2.0])])
def test_combined_head_gives_the_combined_logits(dtype, bias, intercept):
    rng = np.random.default_rng(2)
    weight = rng.normal(size=(5, 3)).astype(dtype)
    head = LinearHead(weight, rng.normal(size=5).astype(dtype) if bias else None)
    coef = scipy.sparse.random_array((2, 5), density=0.5, rng=rng, format="csr")
    made = head.combined(coef, intercept)
    assert made.weight.dtype == dtype
    assert (made.bias is None) == (not bias and intercept is None)
    x = rng.normal(size=3)
    wanted = coef @ head(x) + (0.0 if intercept is None else intercept)
    np.testing.assert_allclose(made(x), wanted, rtol=0, atol=20 * np.finfo(dtype).eps)
    assert head.combined(coef.toarray(), intercept) == made


def test_bad_combinations():
    head = LinearHead(np.ones((5, 3)))
    with pytest.raises(ValueError, match=r"coef has shape \(2, 4\); \(new categories, 5\)"):
        head.combined(np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"intercept has shape \(3,\); \(2,\) is expected"):
        head.combined(np.ones((2, 5)), np.zeros(3))
    with pytest.raises(ValueError, match=r"weight\[0, 0\] is inf"):
        head.combined(np.full((2, 5), np.inf))
