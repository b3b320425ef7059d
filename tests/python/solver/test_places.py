"""Where a path is read: at a lambda, a number of terms, a relative error; its knots; solve() too."""

import numpy as np
import pytest
from oracles import assert_solution, random_cross, random_gram

import covlasso

pytestmark = pytest.mark.usefixtures("device")


def terms_after_each_knot(knots):
    return np.cumsum(np.where(knots.sign == 0, -1, 1))


@pytest.mark.parametrize("rank", [None, 25])
@pytest.mark.parametrize("terms", [1, 2, 7, 20])
def test_at_terms_is_just_before_one_more_enters_for_the_first_time(rank, terms):
    gram = random_gram(60, rank, seed=1)
    path = covlasso.path(gram, max_terms=30)
    deps = path.at(terms=terms)
    assert (deps.n_terms <= terms).all()
    assert_solution(deps, gram)
    for target in range(60):
        knots = path.knots(target)
        first = np.flatnonzero(terms_after_each_knot(knots) == terms + 1)[0]
        assert deps.lam[target] == pytest.approx(knots.lam[first], rel=1e-12)
    below = path.at(lam=deps.lam * (1 - 1e-7))
    assert (below.n_terms == terms + 1).all()


@pytest.mark.parametrize("share", [0.9, 0.5, 0.25])
def test_at_relative_error_hits_the_error_asked_for(share):
    gram = random_gram(50, seed=2, noise=0.01)
    path = covlasso.path(gram, max_terms=50)
    deps = path.at(relative_error=share)
    np.testing.assert_allclose(deps.relative_error, share, rtol=1e-10)
    np.testing.assert_allclose(deps.error, share * np.diag(gram), rtol=1e-10)
    assert_solution(deps, gram)
    above = path.at(lam=deps.lam * (1 + 1e-6))
    assert (above.relative_error > share).all(), "it must be the largest such lambda"


def test_relative_error_of_one_or_more_is_the_zero_solution():
    path = covlasso.path(random_gram(20, seed=3))
    for share in (1.0, 7.0):
        deps = path.at(relative_error=share)
        assert deps.coef.nnz == 0
        assert (deps.status == "certified").all()


def test_a_place_beyond_the_end_gives_the_end_and_says_why():
    gram = random_gram(40, seed=4)
    short = covlasso.path(gram, max_terms=3)
    assert (short.status == "terms").all()
    for place in ({"lam": 1e-3 * short.lambda_max}, {"relative_error": 1e-6}, {"terms": 9}):
        deps = short.at(**place)
        assert (deps.status == "terms").all()
        np.testing.assert_array_equal(deps.lam, short.lambda_end)
    stopped = covlasso.path(gram, min_lambda=0.3 * short.lambda_max)
    assert (stopped.at(lam=0.1 * short.lambda_max).status == "lambda").all()
    np.testing.assert_allclose(stopped.lambda_end, 0.3 * short.lambda_max)
    enough = covlasso.path(gram, relative_error=0.5)
    assert (enough.at(lam=0.0).status == "error").all()
    np.testing.assert_allclose(enough.at(lam=0.0).relative_error, 0.5, rtol=1e-10)
    full = covlasso.path(gram, max_terms=40)
    assert set(full.status) <= {"exhausted", "floor"}


def test_min_lambda_may_differ_between_targets():
    gram = random_gram(30, seed=5)
    lam = np.linspace(0.2, 0.8, 30) * covlasso.path(gram).lambda_max
    np.testing.assert_array_equal(covlasso.path(gram, max_terms=30, min_lambda=lam).lambda_end, lam)


@pytest.mark.parametrize("place", [{"lam": 2.0}, {"terms": 6}, {"relative_error": 0.4}], ids=str)
@pytest.mark.parametrize("refit", [False, True])
def test_solve_is_the_path_read_at_one_place(place, refit):
    gram = random_gram(50, seed=6)
    one_shot = covlasso.solve(gram, **place, refit=refit)
    long = covlasso.path(gram, max_terms=50).at(**place, refit=refit)
    np.testing.assert_allclose(one_shot.coef.toarray(), long.coef.toarray(), atol=1e-10)
    np.testing.assert_allclose(one_shot.lam, long.lam, rtol=1e-12)
    np.testing.assert_allclose(one_shot.error, long.error, rtol=1e-10)
    assert (one_shot.status == "certified").all()


def test_lambda_above_the_maximum_gives_zero():
    gram = random_gram(10, seed=7)
    deps = covlasso.solve(gram, lam=10 * gram.max())
    assert deps.coef.nnz == 0
    assert (deps.status == "certified").all()
    np.testing.assert_array_equal(deps.error, np.diag(gram))
    np.testing.assert_array_equal(deps.relative_error, 1.0)


@pytest.mark.parametrize("rank", [None, 12])
def test_knots_join_the_path_by_straight_lines(rank):
    gram = random_gram(30, rank, seed=8)
    path = covlasso.path(gram, max_terms=30)
    for target in (0, 13):
        knots = path.knots(target)
        assert knots.coef.shape == (len(knots.lam), 30)
        assert (np.diff(knots.lam) <= 0).all()
        assert knots.lam[0] == path.lambda_max[target]
        dense = knots.coef.toarray()
        for k in range(len(knots.lam) - 1):
            if knots.lam[k] - knots.lam[k + 1] < 1e-9 * knots.lam[0]:
                continue
            middle = 0.25 * knots.lam[k] + 0.75 * knots.lam[k + 1]
            b = covlasso.solve(gram, targets=[target], lam=middle).coef.toarray()[0]
            np.testing.assert_allclose(0.25 * dense[k] + 0.75 * dense[k + 1], b, atol=1e-9)
        np.testing.assert_allclose(dense[np.arange(len(dense)), knots.category], 0.0, atol=1e-9)
        support = set()
        for category, sign in zip(knots.category, knots.sign, strict=True):
            assert (category in support) == (sign == 0), "enters once before it leaves"
            support.symmetric_difference_update({category})


def test_error_and_norm_agree_with_the_solutions():
    gram, cross, energy = random_cross(40, 20, seed=9)
    path = covlasso.path(gram, cross, energy, max_terms=40)
    for fraction in (0.7, 0.2, 0.02):
        deps = path.at(lam=fraction * path.lambda_max)
        for target in (0, 19):
            assert path.error(target, deps.lam[target]) == pytest.approx(deps.error[target], rel=1e-10)
            norm = np.abs(deps.coef[[target]].toarray()).sum()
            assert path.l1_norm(target, deps.lam[target]) == pytest.approx(norm, rel=1e-9)
    grid = np.full((2, 3), path.lambda_max[0])
    assert path.error(0, grid).shape == (2, 3)
    assert isinstance(path.error(0, 1.0), float)


def test_targets_are_asked_for_by_category_or_name():
    gram = random_gram(6, seed=10)
    path = covlasso.path(gram, targets=[4, 1], names=list("abcdef"))
    assert path.target_names == ("e", "b")
    assert path.source_names == tuple("abcdef")
    assert path.error("b", 0.3) == path.error(1, 0.3)
    assert "2 targets" in repr(path)
    assert path.n_targets == 2
    assert path.n_sources == 6


def test_refit_is_least_squares_on_the_support():
    rng = np.random.default_rng(11)
    logits = rng.standard_normal((300, 10)) @ rng.standard_normal((10, 40)) + rng.standard_normal((300, 40))
    gram = logits.T @ logits / len(logits)
    path = covlasso.path(gram)
    lasso, refit = path.at(terms=6), path.at(terms=6, refit=True)
    assert refit.refit
    np.testing.assert_array_equal(lasso.lam, refit.lam)
    np.testing.assert_array_equal(lasso.kkt, refit.kkt)
    for target in range(40):
        support = np.flatnonzero(lasso.coef[[target]].toarray()[0])
        b = refit.coef[[target]].toarray()[0]
        expected, *_ = np.linalg.lstsq(logits[:, support], logits[:, target], rcond=None)
        np.testing.assert_allclose(b[support], expected, rtol=1e-8, atol=1e-10)
        assert not np.delete(b, support).any()
        residual = logits[:, target] - logits @ b
        assert refit.error[target] == pytest.approx(np.mean(residual**2), rel=1e-9)
    assert (refit.error <= lasso.error * (1 + 1e-12)).all()


def test_refit_far_down_a_singular_problem_leaves_no_error():
    """Five features make thirty categories: five terms are enough, and any refit on them is exact."""
    gram = random_gram(30, 5, seed=12)
    deps = covlasso.solve(gram, lam=1e-3 * np.abs(gram).max(), refit=True)
    assert np.isfinite(deps.coef.data).all()
    for target, b in enumerate(deps.coef.toarray()):
        support = np.flatnonzero(b)
        c, block = gram[target, support], gram[np.ix_(support, support)]
        least = gram[target, target] - c @ np.linalg.lstsq(block, c, rcond=1e-12)[0]
        assert deps.error[target] == pytest.approx(least, abs=1e-10 * gram[target, target])
    full = deps.n_terms == 5
    assert full.mean() > 0.8
    assert (np.abs(deps.error[full]) <= 1e-10 * np.diag(gram)[full]).all()
