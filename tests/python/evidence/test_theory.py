"""Closed forms of the theory against plain computation, singular matrices included."""

import numpy as np
import pytest
from oracles import assert_refused, random_cross, random_gram

import covlasso
from covlasso import theory


def full_error(gram, c, e, left_out=None):
    """Least squares of one target on all sources but one, by numpy."""
    kept = np.delete(np.arange(len(gram)), [] if left_out is None else [left_out])
    b = np.linalg.lstsq(gram[np.ix_(kept, kept)], c[kept], rcond=1e-12)[0]
    return e - c[kept] @ b, np.abs(b).sum()


def test_full_errors_are_least_squares_on_all_others():
    gram = random_gram(25, seed=1)
    found = theory.least_squares(gram)
    expected = np.array([full_error(gram, gram[i], gram[i, i], i) for i in range(25)])
    np.testing.assert_allclose(found.error, expected[:, 0], rtol=1e-8)
    np.testing.assert_allclose(found.l1_norm, expected[:, 1], rtol=1e-7)
    assert np.sum(1 / found.error) == pytest.approx(np.trace(np.linalg.inv(gram)), rel=1e-9)
    assert not found.exact.any()


@pytest.mark.parametrize("form", ["dense", "factor"])
def test_singular_gram_with_one_category_that_stands_alone(form):
    """Ten categories of rank four, and an eleventh that no other explains."""
    factor = np.zeros((11, 5))
    factor[:10, :4] = np.random.default_rng(2).standard_normal((10, 4))
    factor[10, 4] = 1.5
    gram = covlasso.FactoredGram(factor) if form == "factor" else factor @ factor.T
    found = theory.least_squares(gram)
    np.testing.assert_allclose(found.error, np.append(np.zeros(10), 2.25), atol=1e-12)
    np.testing.assert_array_equal(found.exact, np.append(np.ones(10, bool), False))
    spectrum = theory.spectrum(gram)
    assert spectrum.rank == 5
    assert 1 < spectrum.participation <= spectrum.effective_rank <= 5
    assert theory.log_determinants(gram)[0] == -np.inf
    assert (theory.log_determinants(gram)[1] == -np.inf).all()


def test_full_solutions_of_a_singular_gram_solve_it():
    from covlasso.gram import Spectral, full_solutions

    gram = random_gram(20, 6, seed=3)
    targets = np.arange(20, dtype=np.int32)
    (_, coef), *more = full_solutions(Spectral(gram), None, targets)
    assert not more
    assert not coef.diagonal().any()
    left = coef - np.eye(20)
    np.testing.assert_allclose(left @ gram, 0.0, atol=1e-11)


@pytest.mark.parametrize("exclude", ["self", None])
@pytest.mark.parametrize("rank", [None, 5])
def test_full_errors_between_networks(exclude, rank):
    gram, cross, energy = random_cross(12, 12, seed=4)
    if rank is not None:
        rng = np.random.default_rng(5)
        features = rng.standard_normal((300, rank))
        sources = features @ rng.standard_normal((rank, 12))
        targets = features @ rng.standard_normal((rank, 12)) + rng.standard_normal((300, 12))
        gram, cross = sources.T @ sources / 300, targets.T @ sources / 300
        energy = np.mean(targets**2, axis=0)
    rows = [3, 0, 11]
    found = theory.least_squares(gram, cross, energy, targets=rows, exclude=exclude)
    left_out = rows if exclude == "self" else [None] * 3
    expected = [full_error(gram, cross[i], energy[i], j)[0] for i, j in zip(rows, left_out, strict=True)]
    np.testing.assert_allclose(found.error, expected, rtol=1e-8)


def test_determinants_in_the_log_domain():
    gram = random_gram(9, seed=6)
    whole, without = theory.log_determinants(gram)
    assert whole == pytest.approx(np.linalg.slogdet(gram)[1], rel=1e-9)
    for i in range(9):
        kept = np.delete(np.arange(9), i)
        assert without[i] == pytest.approx(np.linalg.slogdet(gram[np.ix_(kept, kept)])[1], rel=1e-8)
    np.testing.assert_allclose(np.exp(whole - without), theory.least_squares(gram).error, rtol=1e-8)
    tiny = theory.log_determinants(gram * 1e-100)[0]  # its determinant would be 0 in double
    assert tiny == pytest.approx(whole - 900 * np.log(10), rel=1e-12)


def test_determinants_with_one_zero_eigenvalue():
    gram = random_gram(6, 5, seed=7)
    whole, without = theory.log_determinants(gram)
    assert whole == -np.inf
    for i in range(6):
        kept = np.delete(np.arange(6), i)
        assert without[i] == pytest.approx(np.linalg.slogdet(gram[np.ix_(kept, kept)])[1], rel=1e-7)


def test_spectrum():
    gram = random_gram(30, 8, seed=8)
    found = theory.spectrum(gram)
    np.testing.assert_allclose(found.eigenvalues, np.linalg.eigvalsh(gram)[::-1], atol=1e-12)
    assert found.rank == 8
    equal = theory.spectrum(np.diag([2.0, 2.0, 2.0, 0.0]))
    assert equal.effective_rank == pytest.approx(3)
    assert equal.participation == pytest.approx(3)
    assert theory.spectrum(np.zeros((2, 2))).rank == 0


@pytest.mark.parametrize("rank", [None, 9])
@pytest.mark.parametrize("share", [0.5, 0.05])
def test_bounds_hold_and_shares_add_up(rank, share):
    gram = random_gram(30, rank, seed=9)
    full = theory.least_squares(gram)
    path = covlasso.path(gram, max_terms=30)
    deps = path.at(lam=np.maximum(share * path.lambda_max, path.lambda_end))
    price = deps.error - full.error
    slack = 1e-9 * deps.energy
    assert (price >= -slack).all()
    assert (theory.price_bound(deps, full) >= price - slack).all()
    assert (theory.terms_bound(deps, theory.spectrum(gram).eigenvalues[0]) >= deps.n_terms * (1 - 1e-9)).all()
    shares = theory.error_shares(deps, full)
    np.testing.assert_allclose(shares.explained + shares.sparsity + shares.irreducible, 1.0)


def test_bad_input_is_refused():
    gram = random_gram(6, seed=11)
    path = covlasso.path(gram)
    deps, full = path.at(terms=2, refit=True), theory.least_squares(gram)
    assert_refused(lambda: theory.spectrum(gram - 5 * np.eye(6)), ValueError, ["gram", "eigenvalue"])
    assert_refused(lambda: theory.spectrum(gram[:3]), ValueError, ["gram", "(3, 6)"])
    assert_refused(lambda: theory.spectrum(gram.tolist()), TypeError, ["gram", "list"])
    broken = gram.copy()
    broken[2, 1] = np.inf
    assert_refused(lambda: theory.spectrum(broken), ValueError, ["gram[2, 1]", "inf"])
    assert_refused(lambda: theory.price_bound(deps, full), ValueError, ["refit"])
    assert_refused(lambda: theory.terms_bound(deps, 1.0), ValueError, ["refit"])
    some = theory.least_squares(gram, targets=[1, 2])
    assert_refused(lambda: theory.error_shares(deps, some), ValueError, ["2 targets", "6"])
