"""`covlasso.new_category_moments` and `LinearHead.combined`: new categories without torch."""

import numpy as np
import pytest
import scipy.sparse

from covlasso import LinearHead, new_category_moments, solve_moments
from covlasso.moments.new_categories import SOURCE, TARGET

RNG = np.random.default_rng(0)
KNOWN = RNG.normal(size=(30, 5))
NEW = {"okapi": RNG.normal(size=(4, 5)) + 1.0, "quokka": RNG.normal(size=(7, 5)) - 1.0}


def test_moments_are_those_of_the_logits_that_the_new_categories_should_have():
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
    moments = new_category_moments(NEW, KNOWN, share=share)
    assert moments.class_names == {"new": ("okapi", "quokka")}
    assert weight.sum() == pytest.approx(1.0)
    for name, rows in ((TARGET, y), (SOURCE, g)):
        np.testing.assert_allclose(moments.mean(name), weight @ rows)
        np.testing.assert_allclose(moments.second_moment(name), (rows.T * weight) @ rows)
    np.testing.assert_allclose(moments.second_moment(TARGET, SOURCE), (y.T * weight) @ g)


def test_a_few_samples_of_new_categories_are_enough_to_recognise_them():
    """Bayes' logits of clusters; new clusters lie between known ones. Accuracy is that of fresh samples."""
    rng = np.random.default_rng(1)
    known = rng.normal(size=(16, 30))
    new = np.array([known[rng.choice(16, 3, replace=False)].mean(axis=0) for _ in range(4)])
    new = 1.3 * new + 0.4 * rng.normal(size=new.shape)

    def logits(centre, samples):
        x = centre + rng.normal(size=(samples, 30))
        return x @ known.T - 0.5 * (known**2).sum(axis=1)

    few = {f"new {i}": logits(centre, 20) for i, centre in enumerate(new)}
    moments = new_category_moments(few, np.concatenate([logits(centre, 20) for centre in known]))
    direction = {"target": TARGET, "source": SOURCE, "kind": "covariance", "allow_same": True}
    deps = solve_moments(moments, **direction, terms=10, refit=True)
    intercept = moments.mean(TARGET) - deps.coef @ moments.mean(SOURCE)

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
        ({"a": KNOWN.astype(int)}, KNOWN, {}, TypeError, r"new\['a'\] is int64; floating logits"),
        (NEW, KNOWN[0], {}, ValueError, r"known has shape \(5,\)"),
        (NEW, KNOWN * [1, 1, np.nan, 1, 1], {}, ValueError, r"known\[0, 2\] is nan"),
        (NEW, KNOWN, {"share": 1.0}, ValueError, "share is 1.0; a number between 0 and 1"),
        (NEW, KNOWN, {"share": True}, ValueError, "share is True"),
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
