"""Options that change the problem (weights, l2, positive, exclusions) against independent solutions."""

import numpy as np
import pytest
import scipy.sparse
from oracles import (
    allowed_sources,
    assert_solution,
    coordinate_descent,
    random_cross,
    random_gram,
)

import covlasso

pytestmark = pytest.mark.usefixtures("device")


@pytest.mark.parametrize("l2", [0.01, 1.0, 100.0])
def test_l2_is_the_lasso_of_an_augmented_problem(l2):
    """G + l2 I is the Gram of the data with sqrt(l2) I appended to the sources and zeros to the targets."""
    gram, cross, energy = random_cross(30, 12, seed=1)
    augmented = gram + l2 * np.eye(30)
    net = covlasso.path(gram, cross, energy, l2=l2, max_terms=30)
    lasso = covlasso.path(augmented, cross, energy, max_terms=30)
    np.testing.assert_array_equal(net.lambda_max, lasso.lambda_max)
    for fraction in (0.5, 0.05):
        lam = fraction * net.lambda_max
        a, b = net.at(lam=lam), lasso.at(lam=lam)
        np.testing.assert_allclose(a.coef.toarray(), b.coef.toarray(), atol=1e-10)
        assert_solution(a, gram, lam, cross=cross, energy=energy, l2=l2)


def test_l2_makes_a_singular_problem_unique():
    gram = random_gram(20, 5, seed=2)
    lam = 0.05 * covlasso.path(gram).lambda_max
    deps = covlasso.solve(gram, lam=lam, l2=0.5)
    for target, b in enumerate(deps.coef.toarray()):
        expected = coordinate_descent(
            gram, gram[target], lam[target], allowed=allowed_sources(20, target), l2=0.5
        )
        np.testing.assert_allclose(b, expected, atol=1e-9)


@pytest.mark.parametrize("fraction", [0.5, 0.1, 0.01])
def test_positive(fraction):
    gram = random_gram(25, seed=3, noise=0.3)
    path = covlasso.path(gram, positive=True, max_terms=25)
    expected_max = 2 * (gram - np.diag(np.full(25, np.inf))).max(axis=1).clip(0)
    np.testing.assert_array_equal(path.lambda_max, expected_max)
    lam = fraction * path.lambda_max
    deps = path.at(lam=lam)
    assert_solution(deps, gram, lam, positive=True)
    for target, b in enumerate(deps.coef.toarray()):
        allowed = allowed_sources(25, target)
        expected = coordinate_descent(gram, gram[target], lam[target], allowed=allowed, positive=True)
        np.testing.assert_allclose(b, expected, atol=1e-9)


def test_positive_at_lambda_zero_is_nonnegative_least_squares():
    from scipy.optimize import nnls

    rng = np.random.default_rng(4)
    sources, target = rng.standard_normal((60, 15)), rng.standard_normal(60)
    gram, cross = sources.T @ sources, (sources.T @ target)[np.newaxis]
    deps = covlasso.solve(gram, cross, [target @ target], lam=0.0, exclude=None, positive=True)
    expected, residual = nnls(sources, target)
    np.testing.assert_allclose(deps.coef.toarray()[0], expected, atol=1e-9)
    assert deps.error[0] == pytest.approx(residual**2, rel=1e-10)


def test_positive_where_everything_is_opposed():
    gram = np.array([[1.0, -0.5, -0.4], [-0.5, 1.0, -0.3], [-0.4, -0.3, 1.0]])
    path = covlasso.path(gram, positive=True)
    assert not path.lambda_max.any()
    assert path.at(lam=0.1).coef.nnz == 0


@pytest.mark.parametrize("per_edge", [False, True])
def test_weights_are_penalty_factors(per_edge):
    gram = random_gram(20, seed=5, noise=0.3)
    rng = np.random.default_rng(5)
    weights = rng.uniform(0.3, 3.0, (20, 20) if per_edge else 20)
    path = covlasso.path(gram, weights=weights, max_terms=20)
    np.testing.assert_allclose(
        path.lambda_max, 2 * np.abs((gram - np.diag(np.diag(gram))) / weights).max(axis=1), rtol=1e-14
    )
    for fraction in (0.5, 0.05):
        lam = fraction * path.lambda_max
        deps = path.at(lam=lam)
        assert_solution(deps, gram, lam, weights=weights)
        for target in (0, 19):
            row = weights[target] if per_edge else weights
            allowed = allowed_sources(20, target)
            expected = coordinate_descent(gram, gram[target], lam[target], allowed=allowed, weights=row)
            np.testing.assert_allclose(deps.coef.toarray()[target], expected, atol=1e-9)


def test_weights_of_one_change_nothing():
    gram = random_gram(30, 12, seed=6)
    plain, weighted = covlasso.solve(gram, terms=5), covlasso.solve(gram, terms=5, weights=np.ones(30))
    np.testing.assert_allclose(plain.coef.toarray(), weighted.coef.toarray(), atol=1e-12)


def test_an_infinite_weight_excludes():
    gram = random_gram(20, seed=7)
    weights = np.ones((20, 20))
    weights[:, 3] = np.inf
    weights[5, 8] = np.inf
    mask = np.isinf(weights)
    mask[3, 3] = False  # a target's own column is excluded anyway
    a = covlasso.solve(gram, terms=6, weights=weights)
    b = covlasso.solve(gram, terms=6, exclude=mask)
    np.testing.assert_array_equal(a.coef.toarray(), b.coef.toarray())
    assert not a.coef.toarray()[mask].any()


def test_a_zero_weight_leaves_a_source_unpenalised():
    gram = random_gram(20, seed=8, noise=0.2)
    weights = np.ones(20)
    weights[[2, 9]] = 0.0
    path = covlasso.path(gram, weights=weights, max_terms=20)
    above = path.at(lam=2 * path.lambda_max)
    for target in range(20):
        free = [j for j in (2, 9) if j != target]
        expected = np.linalg.solve(gram[np.ix_(free, free)], gram[target, free])
        b = above.coef.toarray()[target]
        np.testing.assert_allclose(b[free], expected, rtol=1e-9)
        assert np.count_nonzero(b) == len(free)
        knots = path.knots(target)
        assert set(knots.category[np.isinf(knots.lam)]) == set(free)
        assert (knots.sign[np.isinf(knots.lam)] == 1).all()
    for fraction in (0.5, 0.05):
        lam = fraction * path.lambda_max
        deps = path.at(lam=lam)
        assert_solution(deps, gram, lam, weights=weights)
        for target in (0, 2):
            allowed = allowed_sources(20, target)
            expected = coordinate_descent(gram, gram[target], lam[target], allowed=allowed, weights=weights)
            np.testing.assert_allclose(deps.coef.toarray()[target], expected, atol=1e-9)


@pytest.mark.parametrize(
    "form", [np.asarray, scipy.sparse.csr_array, scipy.sparse.coo_matrix, scipy.sparse.csc_array]
)
def test_a_mask_excludes_what_it_marks(form):
    gram, cross, energy = random_cross(40, 25, seed=9)
    mask = np.random.default_rng(9).random((25, 40)) < 0.4
    path = covlasso.path(gram, cross, energy, exclude=form(mask), max_terms=40)
    np.testing.assert_array_equal(path.lambda_max, 2 * np.abs(np.where(mask, 0.0, cross)).max(axis=1))
    for fraction in (0.5, 0.02):
        lam = fraction * path.lambda_max
        deps = path.at(lam=lam)
        assert_solution(deps, gram, lam, cross=cross, energy=energy, mask=mask, self_excluded=False)


def test_a_mask_within_one_network_keeps_the_target_out_too():
    gram = random_gram(20, seed=10)
    mask = np.zeros((3, 20), dtype=bool)
    mask[0, [1, 2]] = True
    lam = 0.2 * covlasso.path(gram, targets=[7, 0, 3]).lambda_max
    deps = covlasso.solve(gram, targets=[7, 0, 3], exclude=mask, lam=lam)
    assert_solution(deps, gram, lam, mask=mask)


def test_stored_zeros_and_repeated_entries_of_a_sparse_mask():
    gram = random_gram(6, seed=11)
    values = np.array([1.0, 0.0, 2.0, 3.0])
    mask = scipy.sparse.coo_array((values, ([0, 0, 1, 1], [3, 4, 2, 2])), shape=(6, 6))
    dense = np.zeros((6, 6), dtype=bool)
    dense[0, 3] = dense[1, 2] = True
    a, b = (covlasso.solve(gram, terms=3, exclude=exclude) for exclude in (mask, dense))
    np.testing.assert_array_equal(a.coef.toarray(), b.coef.toarray())


def test_the_same_category_of_the_other_network_is_an_answer_only_when_asked_for():
    gram, cross, energy = random_cross(30, 30, seed=12)
    barred, free = (
        covlasso.solve(gram, cross, energy, lam=0.05, exclude=exclude) for exclude in ("self", None)
    )
    assert not barred.coef.diagonal().any()
    assert free.coef.diagonal().any()


def test_the_intra_form_is_the_cross_form_with_itself():
    gram = random_gram(30, 12, seed=13)
    a = covlasso.solve(gram, terms=5)
    b = covlasso.solve(gram, gram, np.diag(gram), terms=5)
    np.testing.assert_allclose(a.coef.toarray(), b.coef.toarray(), atol=1e-12)
    np.testing.assert_allclose(a.error, b.error, rtol=1e-12)


def test_options_together():
    gram, cross, energy = random_cross(25, 10, seed=14)
    rng = np.random.default_rng(14)
    weights = rng.uniform(0.5, 2.0, (10, 25))
    mask = rng.random((10, 25)) < 0.2
    options = {"l2": 0.1, "positive": True, "weights": weights}
    path = covlasso.path(gram, cross, energy, exclude=mask, max_terms=25, **options)
    for fraction in (0.5, 0.05):
        lam = fraction * path.lambda_max
        deps = path.at(lam=lam)
        assert_solution(
            deps, gram, lam, cross=cross, energy=energy, mask=mask, self_excluded=False, **options
        )
        for t in range(10):
            expected = coordinate_descent(
                gram, cross[t], lam[t], allowed=~mask[t], weights=weights[t], l2=0.1, positive=True
            )
            np.testing.assert_allclose(deps.coef.toarray()[t], expected, atol=1e-9)
