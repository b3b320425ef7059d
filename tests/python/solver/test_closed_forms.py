"""The facts of the method that hold in closed form, each recomputed here from the Gram or from raw logits."""

from itertools import pairwise

import numpy as np
import pytest
from oracles import random_cross, random_gram

import covlasso

pytestmark = pytest.mark.usefixtures("device")


def off_diagonal(gram):
    return gram - np.diag(np.diag(gram))


def test_lambda_max_is_where_the_first_term_enters():
    gram = random_gram(40, seed=1)
    path = covlasso.path(gram)
    expected = 2 * np.abs(off_diagonal(gram)).max(axis=1)
    np.testing.assert_array_equal(path.lambda_max, expected)
    assert path.at(lam=expected).coef.nnz == 0
    assert (path.at(lam=expected * (1 - 1e-9)).n_terms == 1).all()


def test_lambda_max_between_two_networks():
    gram, cross, energy = random_cross(30, 20, seed=2)
    path = covlasso.path(gram, cross, energy, exclude=None)
    np.testing.assert_array_equal(path.lambda_max, 2 * np.abs(cross).max(axis=1))


@pytest.mark.parametrize("target", [0, 7, 19])
def test_error_and_coefficients_on_a_piece(target):
    """b_A = G_AA^-1 (c_A - lambda/2 s) and err = err_A + lambda^2/4 s' G_AA^-1 s on every piece."""
    gram = random_gram(20, seed=3)
    path = covlasso.path(gram, max_terms=20)
    lams = np.unique(path.knots(target).lam)[::-1]
    for upper, lower in pairwise(lams):
        lam = 0.5 * (upper + lower)
        b = covlasso.solve(gram, targets=[target], lam=lam).coef.toarray()[0]
        support = np.flatnonzero(b)
        inverse = np.linalg.inv(gram[np.ix_(support, support)])
        c, s = gram[target, support], np.sign(b[support])
        np.testing.assert_allclose(b[support], inverse @ (c - lam / 2 * s), rtol=1e-8, atol=1e-10)
        least = gram[target, target] - c @ inverse @ c
        assert path.error(target, lam) == pytest.approx(least + lam**2 / 4 * s @ inverse @ s, rel=1e-9)
        assert path.l1_norm(target, lam) == pytest.approx(np.abs(b).sum(), rel=1e-9)


def test_error_at_lambda_zero_is_least_squares():
    gram = random_gram(25, seed=4, noise=0.1)
    path = covlasso.path(gram, max_terms=25)
    expected = 1 / np.diag(np.linalg.inv(gram))
    deps = path.at(lam=0.0)
    np.testing.assert_allclose(deps.error, expected, rtol=1e-9)
    for target in (0, 24):
        rest = np.delete(np.arange(25), target)
        ratio = np.linalg.det(gram) / np.linalg.det(gram[np.ix_(rest, rest)])
        assert deps.error[target] == pytest.approx(ratio, rel=1e-8)
    assert np.sum(1 / deps.error) == pytest.approx(np.trace(np.linalg.inv(gram)), rel=1e-9)


@pytest.mark.parametrize("fraction", [0.9, 0.5, 0.1, 0.01])
def test_price_of_sparsity(fraction):
    """0 <= err(lambda) - err(0) <= lambda (|b(0)|_1 - |b(lambda)|_1)."""
    gram = random_gram(30, seed=5, noise=0.05)
    path = covlasso.path(gram, max_terms=30)
    end, some = path.at(lam=0.0), path.at(lam=fraction * path.lambda_max)
    price = some.error - end.error
    l1_end, l1_some = (np.abs(deps.coef.toarray()).sum(axis=1) for deps in (end, some))
    rounding = 1e-12 * np.diag(gram)
    assert (price >= -rounding).all()
    assert (price <= some.lam * (l1_end - l1_some) + rounding).all()


@pytest.mark.parametrize("rank", [None, 10])
@pytest.mark.parametrize("fraction", [0.8, 0.3, 0.05])
def test_uniform_sparsity_bound(rank, fraction):
    """Terms <= 4 sigma_max(G) err(lambda) / lambda^2."""
    gram = random_gram(50, rank, seed=6)
    path = covlasso.path(gram, max_terms=50)
    deps = path.at(lam=fraction * path.lambda_max)
    largest = np.linalg.eigvalsh(gram)[-1]
    assert (deps.n_terms <= 4 * largest * deps.error / deps.lam**2 * (1 + 1e-9)).all()


def test_error_is_the_mean_square_of_raw_residuals_and_obeys_markov():
    rng = np.random.default_rng(7)
    logits = rng.standard_normal((500, 8)) @ rng.standard_normal((8, 30)) + rng.standard_normal((500, 30))
    moments = covlasso.Moments(["net"])
    moments.update({"net": logits})
    deps = covlasso.solve(moments.second_moment("net"), terms=5)
    residual = logits - logits @ deps.coef.toarray().T
    np.testing.assert_allclose(np.mean(residual**2, axis=0), deps.error, rtol=1e-10)
    for eps in (0.5, 1.0, 3.0):
        share = np.mean(np.abs(residual) >= eps, axis=0)
        assert (share <= deps.error / eps**2 * (1 + 1e-12)).all()


@pytest.mark.parametrize("rank", [None, 10])
def test_error_rises_and_the_norm_falls_with_lambda(rank):
    gram = random_gram(40, rank, seed=8)
    path = covlasso.path(gram, max_terms=40)
    for target in (0, 11, 39):
        lam = np.linspace(path.lambda_end[target], 1.1 * path.lambda_max[target], 300)
        error, norm = path.error(target, lam), path.l1_norm(target, lam)
        assert (np.diff(error) >= -1e-12 * gram[target, target]).all()
        assert (np.diff(norm) <= 1e-9 * norm.max()).all()
        assert error[-1] == pytest.approx(gram[target, target], rel=1e-15)
        assert norm[-1] == 0.0
