"""Spanning categories: as many as the rank, and what they leave is the least-squares error of raw logits."""

import numpy as np
import pytest
from oracles import random_gram

from covlasso import FactoredGram
from covlasso.gram import spanning_categories


def logits_of_rank(n, rank, seed=0, samples=500):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((samples, rank)) @ rng.standard_normal((rank, n))


def least_squares_error(logits, chosen):
    best, *_ = np.linalg.lstsq(logits[:, chosen], logits, rcond=None)
    return np.mean((logits - logits[:, chosen] @ best) ** 2, axis=0)


@pytest.mark.parametrize(("n", "rank"), [(40, 7), (200, 30), (25, 25), (90, 1)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_matrix_of_rank_r_is_spanned_by_r_categories(n, rank, dtype):
    logits = logits_of_rank(n, rank)
    gram = (logits.T @ logits / len(logits)).astype(dtype)
    found = spanning_categories(gram, tolerance=0.0)
    assert len(found.categories) == rank
    assert len(set(found.categories.tolist())) == rank
    error = least_squares_error(logits, found.categories)
    assert error.max() <= 1e-5 * np.mean(logits**2)


@pytest.mark.parametrize("tolerance", [0.5, 0.1, 0.01, 1e-4])
def test_the_rest_is_reproduced_to_the_tolerance_and_not_earlier(tolerance):
    rng = np.random.default_rng(3)
    logits = logits_of_rank(60, 40, seed=3) * rng.uniform(0.1, 3.0, 60) + 0.05 * rng.standard_normal(
        (500, 60)
    )
    energy = np.mean(logits**2, axis=0)
    found = spanning_categories(logits.T @ logits / len(logits), tolerance)
    error = least_squares_error(logits, found.categories)
    np.testing.assert_allclose(found.residual, error, atol=1e-10 * energy.max())
    assert (found.residual[found.categories] == 0).all()
    for k in range(len(found.categories) + 1):
        error = least_squares_error(logits, found.categories[:k]) if k else energy
        np.testing.assert_allclose(found.share[k], error.sum() / energy.sum(), atol=1e-10)
        if k < len(found.categories):
            assert found.categories[k] == np.argmax(error)
    assert found.share[-1] <= tolerance < found.share[-2]


def test_a_factored_gram_gives_the_same_categories():
    rng = np.random.default_rng(6)
    factor = rng.standard_normal((300, 20)) @ rng.standard_normal((20, 25))
    for tolerance in (0.1, 0.0):
        found = spanning_categories(FactoredGram(factor), tolerance)
        dense = spanning_categories(factor @ factor.T, tolerance)
        assert found.categories.tolist() == dense.categories.tolist()
        np.testing.assert_allclose(found.share, dense.share, atol=1e-12)
    assert len(found.categories) == 20
    rest, *_ = np.linalg.lstsq(factor[found.categories].T, factor.T, rcond=None)
    np.testing.assert_allclose(factor[found.categories].T @ rest, factor.T, atol=1e-9)


def test_exact_duplicates_are_chosen_once():
    logits = logits_of_rank(6, 6)[:, [0, 1, 2, 3, 4, 5, 0, 1, 2]]
    found = spanning_categories(logits.T @ logits, tolerance=0.0)
    assert sorted(i % 6 for i in found.categories) == list(range(6))


def test_extremes():
    nothing = spanning_categories(np.zeros((4, 4)))
    assert nothing.categories.size == 0
    assert nothing.share.tolist() == [0.0]
    assert spanning_categories(np.eye(5), tolerance=1.0).categories.size == 0
    assert spanning_categories(np.eye(5), tolerance=0.4).categories.tolist() == [0, 1, 2]
    assert spanning_categories(np.eye(5), tolerance=0.0, max_categories=2).categories.tolist() == [0, 1]
    tiny = random_gram(9, 4)
    for scale in (1e-150, 1e150):
        assert len(spanning_categories(scale * tiny, tolerance=0.0).categories) == 4


def test_bad_input_is_named():
    with pytest.raises(TypeError, match="gram must be a numpy array"):
        spanning_categories([[1.0]])
    with pytest.raises(ValueError, match=r"gram has shape \(2, 3\)"):
        spanning_categories(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"gram\[1, 1\] is -1.0"):
        spanning_categories(np.diag([1.0, -1.0]))
    with pytest.raises(ValueError, match=r"gram\[0, 1\] is nan"):
        spanning_categories(np.array([[2.0, np.nan], [np.nan, 1.0]]))
    with pytest.raises(ValueError, match="gram is not positive semi-definite: least squares of category 1"):
        spanning_categories(np.array([[2.0, 3.0], [3.0, 1.0]]))
    with pytest.raises(ValueError, match="tolerance is -1"):
        spanning_categories(np.eye(2), tolerance=-1)
    with pytest.raises(ValueError, match="max_categories is 0"):
        spanning_categories(np.eye(2), max_categories=0)
