"""The judge of all solvers is itself judged: by closed forms, and by solutions made wrong."""

import numpy as np
import pytest
from scipy import sparse

from benchmarks.kkt import implied_lambda, kkt_residual, worst
from benchmarks.problems import synthetic_head


@pytest.fixture
def gram():
    return synthetic_head(12, 16).gram


def optimum_of_one_term(gram, i, shrink):
    """Target i on its strongest source j alone: b_j = (c_j - lambda/2 s) / C_jj, while no other enters."""
    c = gram[i].copy()
    c[i] = 0.0
    j = int(np.abs(c).argmax())
    lam = shrink * 2 * abs(c[j])
    b = np.zeros(len(gram))
    b[j] = (c[j] - lam / 2 * np.sign(c[j])) / gram[j, j]
    return lam, b


def residual(gram, i, lam, b):
    return kkt_residual(gram, np.array([i]), np.array([lam]), sparse.csr_array(b[None]))[0]


@pytest.mark.parametrize("i", range(12))
def test_zero_is_optimal_from_lambda_max_on(gram, i):
    lam = 2 * np.abs(np.delete(gram[i], i)).max()
    zero = np.zeros(12)
    assert residual(gram, i, lam, zero) == 0
    assert residual(gram, i, lam / 2, zero) == pytest.approx(1)


@pytest.mark.parametrize("i", range(12))
def test_closed_form_of_one_term(gram, i):
    lam, b = optimum_of_one_term(gram, i, shrink=0.999)
    assert residual(gram, i, lam, b) < 1e-12


def test_scale_is_the_paper_s(gram):
    lam, b = optimum_of_one_term(gram, 0, shrink=0.999)
    assert (
        residual(gram, 0, lam / 2, b) > 0.9
    )  # what a solver with 1/2 b'Cb and mu = lambda/2 would call lambda


def test_size_of_a_disturbance(gram):
    lam, b = optimum_of_one_term(gram, 3, shrink=0.999)
    j = np.flatnonzero(b)[0]
    b[j] += 1e-3 * np.sign(b[j])
    expected = 2e-3 * gram[j, j] / lam
    assert residual(gram, 3, lam, b) >= expected * (1 - 1e-9)


def test_residual_at_lambda_zero_is_relative_to_lambda_max(gram):
    keep = np.arange(12) != 5
    b = np.zeros(12)
    b[keep] = np.linalg.solve(gram[np.ix_(keep, keep)], gram[keep, 5])
    assert residual(gram, 5, 0.0, b) < 1e-10
    assert residual(gram, 5, 0.0, np.zeros(12)) == pytest.approx(1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_solution_that_is_not_finite_is_infinitely_wrong(gram, bad):
    b = np.zeros(12)
    b[2] = bad
    assert residual(gram, 0, 1.0, b) == np.inf


def test_using_the_target_is_infinitely_wrong(gram):
    b = np.zeros(12)
    b[4] = 1.0
    assert residual(gram, 4, 1.0, b) == np.inf


def test_many_targets_at_once_equal_one_by_one():
    gram = synthetic_head(300, 512).gram  # more than one chunk
    targets = np.arange(300)
    made = [optimum_of_one_term(gram, i, shrink=0.9) for i in targets]
    lam, coef = np.array([lam for lam, _ in made]), sparse.csr_array(np.array([b for _, b in made]))
    together = kkt_residual(gram, targets, lam, coef)
    alone = [residual(gram, i, *made[i]) for i in targets]
    np.testing.assert_allclose(together, alone, rtol=1e-9, atol=1e-12)
    assert worst(gram, targets, [(lam, coef)]) == together.max()
    np.testing.assert_allclose(implied_lambda(gram, targets, coef), lam, rtol=1e-9)


def test_float32_gram_is_judged_in_double(gram):
    narrow = gram.astype(np.float32)
    lam, b = optimum_of_one_term(narrow.astype(np.float64), 1, shrink=0.999)
    assert residual(narrow, 1, lam, b) < 1e-12
