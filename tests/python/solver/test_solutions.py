"""Solutions from raw data: optimality conditions, scikit-learn, coordinate descent, planted supports."""

import numpy as np
import pytest
from oracles import (
    allowed_sources,
    assert_solution,
    coordinate_descent,
    duality_gap,
    objective,
    random_cross,
    random_gram,
)
from sklearn.linear_model import lars_path_gram

import covlasso

pytestmark = pytest.mark.usefixtures("device")

FRACTIONS = (0.95, 0.5, 0.2, 0.05, 0.01)


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("rank", [None, 40, 7], ids=["full", "rank40", "rank7"])
def test_optimality_within_one_network(fraction, rank):
    gram = random_gram(60, rank, seed=1)
    path = covlasso.path(gram, max_terms=60)
    lam = fraction * path.lambda_max
    assert_solution(path.at(lam=lam), gram, lam)


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("exclude", ["self", None])
def test_optimality_between_two_networks(fraction, exclude):
    gram, cross, energy = random_cross(50, 30, seed=2)
    path = covlasso.path(gram, cross, energy, exclude=exclude, max_terms=50)
    lam = fraction * path.lambda_max
    assert_solution(path.at(lam=lam), gram, lam, cross=cross, energy=energy, self_excluded=exclude == "self")


def test_far_more_categories_than_rank():
    gram = random_gram(400, 30, seed=3)
    path = covlasso.path(gram, targets=range(0, 400, 8), max_terms=30)
    for fraction in (0.5, 0.1, 0.02):
        lam = fraction * path.lambda_max
        assert_solution(path.at(lam=lam), gram, lam)


def test_the_whole_path_is_that_of_scikit_learn():
    n = 25
    gram = random_gram(n, seed=4)
    path = covlasso.path(gram, max_terms=n)
    for target in range(n):
        others = np.delete(np.arange(n), target)
        alphas, _, coefs = lars_path_gram(
            gram[target, others], gram[np.ix_(others, others)], n_samples=1, method="lasso"
        )
        keep = 2 * alphas > 1e-6 * path.lambda_max[target]
        for lam, expected in zip(2 * alphas[keep], coefs.T[keep], strict=True):
            one = covlasso.solve(gram, lam=lam, targets=[target])
            np.testing.assert_allclose(
                one.coef.toarray()[0, others], expected, atol=1e-9 * np.abs(coefs).max()
            )
        knots = path.knots(target)
        np.testing.assert_allclose(np.unique(knots.lam)[::-1][: keep.sum()], 2 * alphas[keep], rtol=1e-8)


@pytest.mark.parametrize("fraction", [0.5, 0.1, 0.03])
def test_coordinate_descent_finds_the_same_coefficients(fraction):
    gram = random_gram(20, seed=5, noise=0.3)
    path = covlasso.path(gram, max_terms=20)
    lam = fraction * path.lambda_max
    coef = path.at(lam=lam).coef.toarray()
    for target in range(20):
        expected = coordinate_descent(gram, gram[target], lam[target], allowed=allowed_sources(20, target))
        np.testing.assert_allclose(coef[target], expected, atol=1e-10 * np.abs(expected).max(initial=1.0))


@pytest.mark.parametrize("rank", [None, 12])
def test_no_other_coefficients_have_a_lower_objective(rank):
    """The objective where the minimiser is not unique: the duality gap bounds what is left to gain."""
    gram = random_gram(40, rank, seed=6)
    path = covlasso.path(gram, max_terms=40)
    for fraction in (0.5, 0.1, 0.01):
        deps = path.at(lam=fraction * path.lambda_max)
        for target, b in enumerate(deps.coef.toarray()):
            e = gram[target, target]
            gap = duality_gap(gram, gram[target], e, b, deps.lam[target], allowed=allowed_sources(40, target))
            assert gap <= 1e-9 * e


def test_the_objective_of_a_singular_problem_is_that_of_coordinate_descent():
    gram = random_gram(24, 8, seed=7)
    deps = covlasso.solve(gram, lam=0.1 * 2 * np.abs(gram - np.diag(np.diag(gram))).max(axis=1))
    for target, b in enumerate(deps.coef.toarray()):
        e, lam, allowed = gram[target, target], deps.lam[target], allowed_sources(24, target)
        other = coordinate_descent(gram, gram[target], lam, allowed=allowed, tolerance=1e-12)
        ours = objective(gram, gram[target], e, b, lam)
        theirs = objective(gram, gram[target], e, other, lam)
        assert ours <= theirs + 1e-10 * e


def test_a_planted_support_is_found():
    rng = np.random.default_rng(8)
    n, samples = 80, 4000
    logits = rng.standard_normal((samples, n))
    planted = {0: {10: 0.9, 20: -0.8, 30: 0.7}, 1: {40: 1.0}, 2: {50: 0.6, 60: 0.6, 70: -0.9, 75: 0.5}}
    for target, terms in planted.items():
        logits[:, target] = sum(b * logits[:, j] for j, b in terms.items()) + 0.1 * rng.standard_normal(
            samples
        )
    gram = logits.T @ logits / samples
    path = covlasso.path(gram, targets=list(planted))
    for t, (target, terms) in enumerate(planted.items()):
        deps = path.at(terms=len(terms), refit=True)
        found = deps.coef[[t]].tocsr()
        assert set(found.indices) == set(terms), target
        np.testing.assert_allclose(found.toarray()[0, list(terms)], list(terms.values()), atol=0.02)


def test_a_subset_of_targets_has_the_bits_of_all():
    gram = random_gram(40, 15, seed=9)
    every = covlasso.path(gram)
    some = [31, 2, 17]
    part = covlasso.path(gram, targets=some)
    assert np.array_equal(part.targets, some)
    for name in ("lambda_max", "lambda_end", "kkt", "status"):
        assert np.array_equal(getattr(part, name), getattr(every, name)[some])
    a, b = part.at(terms=6), every.at(terms=6)
    assert np.array_equal(a.coef.toarray(), b.coef.toarray()[some])
    assert np.array_equal(a.error, b.error[some])


@pytest.mark.parametrize("threads", [2, 3])
def test_bits_do_not_depend_on_the_number_of_threads(threads):
    gram = random_gram(150, 40, seed=10)
    one, many = covlasso.path(gram, n_threads=1), covlasso.path(gram, n_threads=threads)
    for name in ("lambda_max", "lambda_end", "kkt", "status"):
        assert np.array_equal(getattr(one, name), getattr(many, name))
    for place in ({"terms": 10}, {"lam": 0.3 * one.lambda_max}, {"relative_error": 0.3}):
        for refit in (False, True):
            a, b = one.at(**place, refit=refit), many.at(**place, refit=refit)
            for name in ("indptr", "indices", "data"):
                assert np.array_equal(getattr(a.coef, name), getattr(b.coef, name))
            for name in ("lam", "error", "kkt", "status"):
                assert np.array_equal(getattr(a, name), getattr(b, name))
    for target in (0, 149):
        for x, y in zip(one.knots(target)[:3], many.knots(target)[:3], strict=True):
            assert np.array_equal(x, y)


def test_a_repeated_run_has_the_same_bits():
    gram = random_gram(60, 20, seed=11)
    first, second = covlasso.solve(gram, terms=10), covlasso.solve(gram.copy(), terms=10)
    assert np.array_equal(first.coef.toarray(), second.coef.toarray())


def test_float32_is_the_problem_of_the_rounded_matrix():
    """A float32 Gram is read as it is: its solution solves the same numbers held as float64."""
    narrow = random_gram(60, seed=12).astype(np.float32)
    narrow = np.triu(narrow) + np.triu(narrow, 1).T
    wide = narrow.astype(np.float64)
    path = covlasso.path(narrow, max_terms=60)
    lam = 0.2 * path.lambda_max
    deps = path.at(lam=lam)
    assert_solution(deps, wide, lam)
    np.testing.assert_allclose(deps.coef.toarray(), covlasso.solve(wide, lam=lam).coef.toarray(), atol=1e-9)


def test_float32_cross_rows():
    gram, cross, energy = random_cross(30, 12, seed=13)
    gram32 = (np.triu(gram) + np.triu(gram, 1).T).astype(np.float32)
    cross32 = cross.astype(np.float32)
    path = covlasso.path(gram32, cross32, energy)
    lam = 0.2 * path.lambda_max
    assert_solution(path.at(lam=lam), gram32.astype(float), lam, cross=cross32.astype(float), energy=energy)


def test_rows_may_be_strided():
    """A block of a larger matrix is read in place."""
    large = random_gram(50, seed=14)
    block = large[:30, :30]
    assert not block.flags.c_contiguous
    a, b = covlasso.solve(block, terms=5), covlasso.solve(np.ascontiguousarray(block), terms=5)
    assert np.array_equal(a.coef.toarray(), b.coef.toarray())


def test_one_and_two_categories():
    alone = covlasso.solve(np.array([[2.0]]), lam=0.5)
    assert alone.coef.nnz == 0
    assert alone.status[0] == "certified"
    assert alone.error[0] == 2.0
    gram = np.array([[2.0, 1.0], [1.0, 3.0]])
    both = covlasso.solve(gram, lam=0.5)
    np.testing.assert_allclose(
        both.coef.toarray(), [[0, 0.25], [0.375, 0]]
    )  # (c - lam/2) / G_jj = 0.75/3, 0.75/2
    assert_solution(both, gram, 0.5)


def test_a_target_that_nothing_explains():
    gram = np.diag([1.0, 2.0, 3.0])
    path = covlasso.path(gram)
    assert not path.lambda_max.any()
    for place in ({"lam": 0.0}, {"lam": 1.0}, {"terms": 2}, {"relative_error": 0.5}):
        deps = path.at(**place)
        assert deps.coef.nnz == 0
        np.testing.assert_array_equal(deps.error, [1.0, 2.0, 3.0])
    assert (path.at(lam=1.0).status == "certified").all()


@pytest.mark.parametrize("scale", [1e-150, 1e-30, 1e30, 1e150])
def test_scaling_the_gram_scales_lambda_and_nothing_else(scale):
    power = 2.0 ** np.round(np.log2(scale))  # exact, so that only overflow or absolute thresholds can differ
    gram = random_gram(30, 12, seed=15)
    plain, scaled = covlasso.path(gram, max_terms=12), covlasso.path(power * gram, max_terms=12)
    np.testing.assert_allclose(scaled.lambda_max, power * plain.lambda_max, rtol=1e-15)
    for fraction in (0.5, 0.05):
        a, b = plain.at(lam=fraction * plain.lambda_max), scaled.at(lam=fraction * scaled.lambda_max)
        np.testing.assert_allclose(a.coef.toarray(), b.coef.toarray(), rtol=1e-9, atol=1e-12)
        assert (b.status == "certified").all()
        np.testing.assert_allclose(b.error, power * a.error, rtol=1e-9)


def test_categories_of_very_different_size():
    size = 10.0 ** np.random.default_rng(16).uniform(-4, 4, 30)
    gram = random_gram(30, seed=16) * np.outer(size, size)
    path = covlasso.path(gram, max_terms=30)
    for fraction in (0.5, 0.1):
        lam = fraction * path.lambda_max
        assert_solution(path.at(lam=lam), gram, lam)
