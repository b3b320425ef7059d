"""Paths on G = F F' from F alone: equal to those on the matrix, certified from F, in the memory of F."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from oracles import assert_refused, assert_solution, changed

import covlasso


def factor(n, r, *, seed=0):
    """Rows with much in common, as logits have."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, r)) + 1.5 * (np.arange(r) < 3)


def residuals(f, deps):
    """Largest violation of the optimality conditions of each target relative to lambda, from F itself."""
    worst = []
    for target, lam, b in zip(deps.targets, deps.lam, deps.coef.toarray(), strict=True):
        gradient = 2.0 * (f @ (f[target] - f.T @ b))
        used = b != 0
        over = np.where(used, np.abs(gradient - lam * np.sign(b)), np.abs(gradient) - lam)
        over[target] = 0.0
        assert b[target] == 0
        worst.append(over.max() / lam)
    return np.array(worst)


def assert_equal_paths(ours, dense):
    """The same events, and the same coefficients to 1e-9."""
    np.testing.assert_allclose(ours.lambda_max, dense.lambda_max, rtol=1e-12)
    for target in ours.targets:
        a, b = ours.knots(target), dense.knots(target)
        np.testing.assert_array_equal(a.category, b.category)
        np.testing.assert_array_equal(a.sign, b.sign)
        np.testing.assert_allclose(a.lam, b.lam, rtol=1e-9)
        np.testing.assert_allclose(a.coef.toarray(), b.coef.toarray(), atol=1e-9)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(("n", "r"), [(50, 20), (30, 30), (20, 100), (300, 40)])
def test_the_path_is_that_of_the_matrix(n, r):
    f = factor(n, r)
    ours, dense = covlasso.path(covlasso.FactoredGram(f), max_terms=12), covlasso.path(f @ f.T, max_terms=12)
    assert_equal_paths(ours, dense)
    for place in ({"terms": 7}, {"relative_error": 0.3}, {"lam": 0.2 * dense.lambda_max}):
        a, b = ours.at(**place), dense.at(**place)
        np.testing.assert_allclose(a.coef.toarray(), b.coef.toarray(), atol=1e-9)
        np.testing.assert_allclose(a.error, b.error, rtol=1e-9)
        np.testing.assert_allclose(a.relative_error, b.relative_error, rtol=1e-9)
        np.testing.assert_array_equal(a.status, b.status)
    np.testing.assert_allclose(
        ours.error(3, [0.5, 5.0]), dense.error(3, [0.5, 5.0]), rtol=1e-9, atol=1e-9 * dense.lambda_max[3]
    )


@pytest.mark.usefixtures("device")
def test_every_place_is_certified_from_the_factor():
    f = factor(400, 60, seed=1)
    gram = covlasso.FactoredGram(f)
    path = covlasso.path(gram, targets=range(0, 400, 7))
    for place in ({"terms": 1}, {"terms": 20}, {"terms": 50}, {"lam": 0.1 * path.lambda_max}):
        deps = path.at(**place)
        assert (deps.kkt <= 1e-9).all()
        assert residuals(f, deps).max() <= 2e-9
    deps = covlasso.solve(gram, terms=5, refit=True, names=[f"category {j}" for j in range(400)])
    for target, b in zip(deps.targets, deps.coef.toarray(), strict=True):
        used = np.flatnonzero(b)
        best, *_ = np.linalg.lstsq(f[used].T, f[target], rcond=None)
        np.testing.assert_allclose(b[used], best, atol=1e-9)
    assert "category" in deps.equation("category 3")


@pytest.mark.usefixtures("device")
def test_solve_without_limit_of_terms_reaches_the_error():
    f = factor(40, 15, seed=2)
    deps = covlasso.solve(covlasso.FactoredGram(f), relative_error=0.01)
    assert_solution(deps, f @ f.T)
    np.testing.assert_allclose(deps.relative_error, 0.01, rtol=1e-6)


@pytest.mark.usefixtures("device")
def test_cross_form_with_a_dense_cross():
    f, g = factor(9, 20, seed=3), factor(30, 20, seed=4)
    cross, energy = f @ g.T, np.square(f).sum(axis=1)
    for options in ({}, {"l2": 0.5}, {"positive": True}, {"weights": np.linspace(0.5, 2.0, 30)}):
        ours = covlasso.path(covlasso.FactoredGram(g), cross, energy, exclude=None, **options)
        deps = ours.at(terms=5)
        assert_solution(deps, g @ g.T, cross=cross, energy=energy, self_excluded=False, **options)
    assert_equal_paths(
        covlasso.path(covlasso.FactoredGram(g), cross, energy, exclude=None, max_terms=10),
        covlasso.path(g @ g.T, cross, energy, exclude=None, max_terms=10),
    )


@pytest.mark.usefixtures("device")
def test_rank_one_zero_rows_and_duplicates():
    f = factor(30, 8, seed=5)
    f[4] = 0.0
    f[10], f[11], f[12] = f[9], -f[9], 2.0 * f[8]
    path = covlasso.path(covlasso.FactoredGram(f))
    assert path.lambda_max[4] == 0.0
    deps = path.at(lam=np.maximum(0.05 * path.lambda_max, path.lambda_end))
    others = np.arange(30) != 4
    assert (deps.status[others] == "certified").all()
    assert not deps.coef.toarray()[:, 4].any()
    line = np.random.default_rng(6).standard_normal((12, 1))
    half = 0.5 * covlasso.path(line @ line.T).lambda_max
    assert_solution(covlasso.solve(covlasso.FactoredGram(line), lam=half), line @ line.T, half)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("scale", [1e-74, 1e-30, 1e30, 1e73])
def test_a_scaled_factor_scales_lambda_by_the_square(scale):
    f = factor(40, 12, seed=7)
    plain = covlasso.path(covlasso.FactoredGram(f), max_terms=8)
    scaled = covlasso.path(covlasso.FactoredGram(scale * f), max_terms=8)
    np.testing.assert_allclose(scaled.lambda_max, plain.lambda_max * scale**2, rtol=1e-12)
    np.testing.assert_allclose(scaled.at(terms=8).coef.toarray(), plain.at(terms=8).coef.toarray(), atol=1e-9)
    assert scaled.kkt.max() <= 1e-9


def test_the_number_of_threads_changes_no_bit():
    gram = covlasso.FactoredGram(factor(120, 33, seed=8))
    one, *others = (covlasso.path(gram, n_threads=threads) for threads in (1, 2, 5))
    for other in others:
        np.testing.assert_array_equal(one.lambda_end, other.lambda_end)
        np.testing.assert_array_equal(one.kkt, other.kkt)
        a, b = one.at(terms=20).coef, other.at(terms=20).coef
        np.testing.assert_array_equal(a.indices, b.indices)
        np.testing.assert_array_equal(a.data, b.data)


def test_rows_and_diagonal():
    f = factor(50, 17, seed=9)
    gram = covlasso.FactoredGram(f)
    whole = gram.rows(slice(None))
    assert gram.shape == (50, 50)
    assert gram.factor is f
    np.testing.assert_allclose(whole, f @ f.T, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(whole, whole.T)
    np.testing.assert_array_equal(whole.diagonal(), gram.diagonal())
    np.testing.assert_array_equal(gram.rows([3, -1, 3]), whole[[3, -1, 3]])
    np.testing.assert_array_equal(gram.rows(np.arange(50) % 9 == 0), whole[::9])
    assert gram.rows([]).shape == (0, 50)
    with pytest.raises(IndexError, match="50"):
        gram.rows([50])
    assert repr(gram) == "FactoredGram(50 categories, factor with 17 columns)"


def test_the_factor_stays_alive_and_is_read_in_place():
    f = factor(30, 10, seed=10)
    expected = covlasso.path(covlasso.FactoredGram(f.copy())).at(terms=4).coef.toarray()
    wide = np.full((30, 13), np.nan)
    wide[:, :10] = f
    path = covlasso.path(covlasso.FactoredGram(wide[:, :10]))
    del f, wide
    np.testing.assert_array_equal(path.at(terms=4).coef.toarray(), expected)


@pytest.mark.parametrize(
    ("bad", "error", "parts"),
    [
        ([[1.0, 2.0]], TypeError, ("factor", "list", "np.ascontiguousarray")),
        (factor(5, 3).astype(np.float32), TypeError, ("factor is float32", "dtype=np.float64")),
        (factor(5, 3).astype(np.float16), TypeError, ("factor is float16",)),
        (np.ma.masked_array(factor(5, 3)), TypeError, ("factor", "MaskedArray")),
        (np.ones(5), ValueError, ("factor", "(5,)", "two dimensions")),
        (np.ones((5, 0)), ValueError, ("factor", "(5, 0)", "column")),
        (np.ones((0, 5)), ValueError, ("factor", "(0, 5)", "category")),
        (np.asfortranarray(factor(5, 3)), ValueError, ("rows of factor are not contiguous",)),
        (changed(factor(5, 3), (4, 2), np.nan), ValueError, ("factor", "not finite", "[4, 2]", "remove")),
        (changed(factor(5, 3), (0, 1), -np.inf), ValueError, ("factor", "not finite", "[0, 1]")),
        (changed(factor(5, 3), (2, 0), 1e160), ValueError, ("row 2", "1e+160", "multiply the factor")),
        (changed(factor(5, 3), 3, 1e-170), ValueError, ("row 3", "1e-170", "multiply the factor")),
    ],
)
def test_a_bad_factor_is_refused(bad, error, parts):
    assert_refused(lambda: covlasso.FactoredGram(bad), error, parts)


def test_bad_arguments_beside_a_factored_gram():
    gram = covlasso.FactoredGram(factor(6, 3))
    cross = np.ones((2, 5))
    assert_refused(lambda: covlasso.path(gram, targets=[6]), ValueError, ("targets[0] is 6",))
    assert_refused(
        lambda: covlasso.path(gram, cross, np.ones(2)), ValueError, ("cross", "(2, 5)", "(targets, 6)")
    )
    too_large = np.full((1, 6), 100.0)
    assert_refused(
        lambda: covlasso.path(gram, too_large, [1.0], exclude=None), ValueError, ("cross", "energy_i G_jj")
    )
    assert_refused(lambda: covlasso.path(gram.factor), ValueError, ("gram", "(6, 3)", "square"))


MEMORY = """
import numpy as np
import covlasso

def peak():
    with open("/proc/self/status") as status:  # ru_maxrss would begin with that of the parent
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))

n, r = 20_000, 256
f = np.random.default_rng(0).standard_normal((n, r))
gram = covlasso.FactoredGram(f)
before = peak()
deps = covlasso.path(gram, targets=range(0, n, 2500), max_terms=20).at(terms=20)
assert (deps.kkt <= 1e-9).all()
print(f.nbytes, peak() - before)
"""


def test_the_matrix_is_never_formed():
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read from /proc, which this system has not")
    run = subprocess.run([sys.executable, "-c", MEMORY], check=True, capture_output=True, text=True)
    factor_size, extra = map(int, run.stdout.split())
    assert 0 < extra < factor_size  # the (n, n) matrix has 78 times the size of the factor
