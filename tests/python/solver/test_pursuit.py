"""Orthogonal matching pursuit against a plain loop and scikit-learn, its certificate, and what it refuses."""

import numpy as np
import pytest
from oracles import allowed_sources, assert_refused, random_cross, random_gram, squared_error

import covlasso

pytestmark = pytest.mark.usefixtures("device")


def gradient(gram, c, b, l2=0.0):
    """2 (c - G b - l2 b)"""
    return 2.0 * (c - gram @ b - l2 * b)


def pursue(gram, c, terms, *, allowed=None, weights=None, l2=0.0):
    """The textbook's loop: supports in their order, and least squares on each, (terms + 1, p)."""
    p = len(c)
    w = np.ones(p) if weights is None else np.asarray(weights, dtype=float)
    usable = np.isfinite(w) if allowed is None else allowed & np.isfinite(w)
    support, coefs, scores = [int(j) for j in np.flatnonzero((w == 0) & usable)], [], []
    while True:
        b = np.zeros(p)
        block = gram[np.ix_(support, support)] + l2 * np.eye(len(support))
        b[support] = np.linalg.solve(block, c[support])
        coefs.append(b)
        size = np.abs(gradient(gram, c, b, l2))
        score = np.where(usable & (w > 0), size / np.where(w > 0, w, 1.0), 0.0)
        score[support] = 0.0
        scores.append(score.max())
        if len(support) >= terms:
            return support, np.array(coefs), np.array(scores)
        support.append(int(np.argmax(score)))


def assert_pursuit(
    deps, gram, *, cross=None, energy=None, self_excluded=True, mask=None, weights=None, l2=0.0
):
    """Every row is certified; normal equations, greedy rule and error hold on the raw arrays."""
    gram = np.asarray(gram, dtype=np.float64)
    for t, target in enumerate(deps.targets):
        c = (gram[target] if cross is None else cross[target]).astype(np.float64)
        e = gram[target, target] if cross is None else energy[target]
        w = weights[t] if np.ndim(weights) == 2 else weights
        allowed = allowed_sources(
            len(c), target if self_excluded else None, None if mask is None else mask[t]
        )
        support, coefs, scores = pursue(gram, c, deps.n_terms[t], allowed=allowed, weights=w, l2=l2)
        b = deps.coef[[t]].toarray()[0]
        assert set(np.flatnonzero(b)) == set(support)
        np.testing.assert_allclose(b, coefs[-1], rtol=1e-8, atol=1e-10 * np.abs(coefs[-1]).max(initial=0.0))
        assert deps.status[t] == "certified"
        assert deps.kkt[t] <= 1e-9
        assert np.abs(gradient(gram, c, b, l2)[support]).max(initial=0.0) <= 1e-9 * scores[0]
        assert deps.lam[t] == pytest.approx(scores[-1], rel=1e-6, abs=1e-12 * scores[0])
        assert deps.error[t] == pytest.approx(squared_error(gram, c, e, b), abs=1e-9 * e)
    assert deps.solution == "pursuit"
    assert deps.refit


def two_networks(seed=0, p=40, n=12):
    """(gram, cross, energy), well conditioned."""
    return random_cross(p, n, seed=seed)


# ---- what it finds ----


@pytest.mark.parametrize("terms", [1, 5, 20])
def test_between_two_networks_it_is_what_scikit_learn_finds(terms):
    linear_model = pytest.importorskip("sklearn.linear_model", reason="compared with scikit-learn's")
    gram, cross, energy = two_networks(seed=1, p=60, n=30)
    deps = covlasso.solve(gram, cross, energy, exclude=None, terms=terms, method="pursuit")
    expected = linear_model.orthogonal_mp_gram(gram, cross.T, n_nonzero_coefs=terms).T
    assert ((deps.coef.toarray() != 0) == (expected != 0)).all()
    np.testing.assert_allclose(deps.coef.toarray(), expected, atol=1e-10)
    assert (deps.n_terms == terms).all()


@pytest.mark.parametrize("terms", [1, 2, 7, 31, 33])
def test_within_one_network_every_step_is_that_of_the_plain_loop(terms):
    gram = random_gram(50, seed=2)
    assert_pursuit(covlasso.solve(gram, terms=terms, method="pursuit"), gram)


def test_one_path_holds_all_numbers_of_terms():
    gram, cross, energy = two_networks(seed=3)
    path = covlasso.path(gram, cross, energy, exclude=None, max_terms=15, method="pursuit")
    assert path.method == "pursuit"
    assert (path.status == "terms").all()
    np.testing.assert_array_equal(path.lambda_max, 2 * np.abs(cross).max(axis=1))
    for terms in (1, 4, 15):
        deps = path.at(terms=terms)
        alone = covlasso.solve(gram, cross, energy, exclude=None, terms=terms, method="pursuit")
        assert (deps.n_terms == terms).all()
        np.testing.assert_array_equal(deps.coef.toarray(), alone.coef.toarray())
        np.testing.assert_array_equal(deps.lam, alone.lam)
        assert_pursuit(deps, gram, cross=cross, energy=energy, self_excluded=False)
    np.testing.assert_array_equal(path.at(terms=15).lam, path.lambda_end)


def test_refit_changes_nothing():
    gram = random_gram(30, seed=4)
    path = covlasso.path(gram, max_terms=6, method="pursuit")
    plain, refitted = path.at(terms=6), path.at(terms=6, refit=True)
    np.testing.assert_array_equal(plain.coef.toarray(), refitted.coef.toarray())


def test_relative_error_takes_the_fewest_terms():
    gram = random_gram(40, 15, seed=5, noise=0.5)
    for bound in (0.5, 0.2):
        deps = covlasso.solve(gram, relative_error=bound, method="pursuit")
        assert (deps.status == "certified").all()
        assert (deps.relative_error <= bound).all()
        path = covlasso.path(gram, max_terms=39, method="pursuit")
        for t in range(40):
            fewer = path.at(terms=int(deps.n_terms[t]) - 1) if deps.n_terms[t] > 1 else None
            before = 1.0 if fewer is None else fewer.relative_error[t]
            assert before > bound
        again = path.at(relative_error=bound)
        np.testing.assert_array_equal(deps.coef.toarray(), again.coef.toarray())


def test_knots_are_the_terms_in_their_order_with_least_squares_on_each():
    gram = random_gram(25, seed=6)
    path = covlasso.path(gram, max_terms=8, method="pursuit")
    for target in (0, 17):
        knots = path.knots(target)
        support, coefs, scores = pursue(gram, gram[target], 8, allowed=allowed_sources(25, target))
        assert knots.category.tolist() == support
        np.testing.assert_allclose(knots.lam, scores[:-1], rtol=1e-10)
        np.testing.assert_allclose(knots.coef.toarray(), coefs[1:], atol=1e-10)
        signs = [np.sign(coefs[k + 1][j]) for k, j in enumerate(support)]
        np.testing.assert_array_equal(knots.sign, signs)


# ---- options ----


def test_weights_divide_the_scores():
    gram, cross, energy = two_networks(seed=7)
    shared = np.random.default_rng(1).uniform(0.3, 3.0, 40)
    each = np.random.default_rng(2).uniform(0.3, 3.0, (12, 40))
    for weights in (shared, each, np.sqrt(np.diag(gram))):
        deps = covlasso.solve(gram, cross, energy, exclude=None, terms=8, method="pursuit", weights=weights)
        assert_pursuit(deps, gram, cross=cross, energy=energy, self_excluded=False, weights=weights)


def test_weight_0_is_in_from_the_start_and_inf_never():
    gram, cross, energy = two_networks(seed=8)
    weights = np.ones(40)
    weights[[3, 20]], weights[[5, 6, 7]] = 0.0, np.inf
    path = covlasso.path(gram, cross, energy, exclude=None, max_terms=9, method="pursuit", weights=weights)
    deps = path.at(terms=9)
    assert_pursuit(deps, gram, cross=cross, energy=energy, self_excluded=False, weights=weights)
    assert (deps.coef.toarray()[:, [3, 20]] != 0).all()
    assert np.isinf(path.knots(0).lam[:2]).all()


def test_exclusions():
    gram, cross, energy = two_networks(seed=9)
    mask = np.random.default_rng(3).random((12, 40)) < 0.4
    deps = covlasso.solve(gram, cross, energy, exclude=mask, terms=7, method="pursuit")
    assert_pursuit(deps, gram, cross=cross, energy=energy, self_excluded=False, mask=mask)
    square = random_gram(30, seed=10)
    mask = np.random.default_rng(4).random((30, 30)) < 0.4
    assert_pursuit(covlasso.solve(square, exclude=mask, terms=7, method="pursuit"), square, mask=mask)


@pytest.mark.parametrize("l2", [1e-3, 1.0, 50.0])
def test_l2(l2):
    gram, cross, energy = two_networks(seed=11)
    deps = covlasso.solve(gram, cross, energy, exclude=None, terms=9, method="pursuit", l2=l2)
    assert_pursuit(deps, gram, cross=cross, energy=energy, self_excluded=False, l2=l2)


def test_float32_moments_are_those_numbers_in_double():
    gram, cross, energy = two_networks(seed=12)
    gram, cross = gram.astype(np.float32), cross.astype(np.float32)
    deps = covlasso.solve(gram, cross, energy, exclude=None, terms=9, method="pursuit")
    assert_pursuit(deps, gram, cross=cross, energy=energy, self_excluded=False)


def test_factored():
    factor = np.random.default_rng(13).standard_normal((50, 30)) + 0.5
    gram = factor @ factor.T
    deps = covlasso.solve(covlasso.FactoredGram(factor), terms=12, method="pursuit")
    assert_pursuit(deps, gram)


def test_rows_of_its_own_are_those_of_the_gram_written_out():
    gram, rows = random_gram(30, seed=28), np.random.default_rng(6).standard_normal((30, 30))
    deps = covlasso.solve(gram, terms=8, method="pursuit", own=rows)
    for i, v in enumerate(rows):
        whole = gram + np.outer(v, v)
        alone = covlasso.solve(whole, targets=[i], terms=8, method="pursuit")
        assert_pursuit(alone, whole)
        np.testing.assert_allclose(deps.coef[[i]].toarray(), alone.coef.toarray(), atol=1e-10)
        assert deps.status[i] == "certified"


def test_some_targets_in_any_order():
    gram = random_gram(40, seed=14)
    whole = covlasso.solve(gram, terms=6, method="pursuit")
    some = covlasso.solve(gram, targets=[31, 2, 17], terms=6, method="pursuit")
    np.testing.assert_array_equal(some.coef.toarray(), whole.coef.toarray()[[31, 2, 17]])


# ---- degenerate problems ----


def test_of_equal_sources_the_lowest_number_enters_and_no_other():
    base = random_gram(12, seed=15)
    order = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 3, 3, 7])
    gram = np.ascontiguousarray(base[np.ix_(order, order)])
    cross = np.ascontiguousarray(base[:, order]) * 0.5
    deps = covlasso.path(gram, cross, np.diag(base).copy(), exclude=None, max_terms=15, method="pursuit")
    found = deps.at(terms=15).coef.toarray()
    assert not found[:, [12, 13, 14]].any()
    assert (deps.status == "exhausted").all()


def test_a_duplicate_of_the_target_explains_it_alone():
    base = random_gram(10, seed=16)
    order = np.append(np.arange(10), 4)
    deps = covlasso.solve(np.ascontiguousarray(base[np.ix_(order, order)]), terms=5, method="pursuit")
    row = deps.coef[[4]]
    assert row.indices.tolist() == [10]
    assert row.data[0] == pytest.approx(1.0, abs=1e-14)
    assert deps.status[4] == "exhausted"
    assert deps.lam[4] == 0.0
    assert deps.error[4] == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("rank", [1, 5, 12])
def test_more_terms_than_the_rank_are_not_invented(rank):
    """A source beyond the rank is a combination of those in: it is set aside, whatever rounding says."""
    rng = np.random.default_rng(17)
    sources = rng.standard_normal((200, rank)) @ rng.standard_normal((rank, 30))
    targets = rng.standard_normal((200, 8)) + sources[:, :8]
    gram, cross = sources.T @ sources / 200, np.ascontiguousarray(targets.T @ sources / 200)
    energy = (targets**2).mean(axis=0)
    path = covlasso.path(gram, cross, energy, exclude=None, max_terms=30, method="pursuit")
    deps = path.at(terms=30)
    assert (path.status == "exhausted").all()
    assert (deps.n_terms == rank).all()
    full = np.linalg.lstsq(sources, targets, rcond=None)[0]
    expected = ((targets - sources @ full) ** 2).mean(axis=0)
    np.testing.assert_allclose(deps.error, expected, rtol=1e-8)


def test_within_a_network_of_low_rank_errors_go_to_zero():
    gram = random_gram(30, 6, seed=18)
    deps = covlasso.solve(gram, terms=29, method="pursuit")
    assert (deps.n_terms <= 6).all()
    assert (deps.relative_error <= 1e-12).all()
    assert (deps.kkt <= 1e-9).all()


def test_a_target_that_is_zero_and_sources_that_are():
    gram = random_gram(8, seed=19)
    gram[3], gram[:, 3] = 0.0, 0.0
    deps = covlasso.solve(gram, terms=7, method="pursuit")
    assert deps.n_terms[3] == 0
    assert deps.status[3] == "exhausted"
    assert not deps.coef.toarray()[:, 3].any()


def test_no_covariance_with_any_source_is_exhausted_at_once():
    gram = np.diag([1.0, 2.0, 3.0])
    path = covlasso.path(gram, method="pursuit")
    assert (path.status == "exhausted").all()
    assert (path.lambda_max == 0).all()
    assert path.at(terms=2).coef.nnz == 0


def test_scale_does_not_matter():
    gram, cross, energy = two_networks(seed=20)
    plain = covlasso.solve(gram, cross, energy, exclude=None, terms=6, method="pursuit")
    for scale in (2.0**-400, 2.0**400):
        scaled = covlasso.solve(
            gram * scale, cross * scale, energy * scale, exclude=None, terms=6, method="pursuit"
        )
        np.testing.assert_array_equal(scaled.coef.toarray(), plain.coef.toarray())
        assert (scaled.status == "certified").all()


def test_an_indefinite_gram_is_refused():
    gram = np.array([[1.0, 0.9, 0.9], [0.9, 1.0, -0.9], [0.9, -0.9, 1.0]])
    with pytest.raises(ValueError, match="not positive semi-definite"):
        covlasso.path(gram, method="pursuit")


def test_nearly_dependent_sources_are_certified_or_say_that_they_are_not():
    rng = np.random.default_rng(21)
    samples = rng.standard_normal((500, 25))
    samples[:, 13:] = samples[:, :12] + 1e-6 * rng.standard_normal((500, 12))
    targets = rng.standard_normal((500, 6)) + samples[:, :6]
    gram, cross = samples.T @ samples / 500, np.ascontiguousarray(targets.T @ samples / 500)
    deps = covlasso.solve(gram, cross, (targets**2).mean(axis=0), exclude=None, terms=25, method="pursuit")
    for t, b in enumerate(deps.coef.toarray()):
        scale = 2 * np.abs(cross[t]).max()
        residual = np.abs(gradient(gram, cross[t], b)[b != 0]).max() / scale
        assert residual <= 1e-9 or deps.status[t] in ("floor", "uncertified")


# ---- running ----


def test_equal_bits_for_any_number_of_threads():
    for gram in (
        random_gram(60, seed=22),
        covlasso.FactoredGram(np.random.default_rng(5).normal(size=(60, 20))),
    ):
        one = covlasso.solve(gram, terms=12, method="pursuit", n_threads=1)
        for threads in (2, 5):
            many = covlasso.solve(gram, terms=12, method="pursuit", n_threads=threads)
            np.testing.assert_array_equal(one.coef.toarray(), many.coef.toarray())
            np.testing.assert_array_equal(one.lam, many.lam)
            np.testing.assert_array_equal(one.kkt, many.kkt)


def test_an_exception_of_progress_ends_it():
    class Enough(Exception):
        pass

    def stop(*_):
        raise Enough

    with pytest.raises(Enough):
        covlasso.path(random_gram(300, seed=23), max_terms=200, method="pursuit", progress=stop)


def test_again_pursues_on_the_other_moments():
    gram, other = random_gram(20, seed=24), random_gram(20, seed=25)
    path = covlasso.path(gram, max_terms=5, method="pursuit").again(other)
    assert path.method == "pursuit"
    expected = covlasso.solve(other, terms=5, method="pursuit")
    np.testing.assert_array_equal(path.at(terms=5).coef.toarray(), expected.coef.toarray())


def test_on_moments():
    rng = np.random.default_rng(26)
    samples = rng.standard_normal((400, 5)) @ rng.standard_normal((5, 20)) + rng.standard_normal((400, 20))
    accumulator = covlasso.Moments(["head"])
    accumulator.update({"head": samples})
    for kind in ("second_moment", "covariance", "correlation"):
        deps = covlasso.solve_moments(accumulator, kind=kind, terms=6, method="pursuit")
        assert deps.solution == "pursuit"
        assert_pursuit(deps, accumulator.gram("head", kind))


def test_with_focus_it_is_the_pursuit_on_weighted_samples():
    rng = np.random.default_rng(29)
    labels = rng.integers(0, 8, 300)
    samples = rng.standard_normal((300, 5)) @ rng.standard_normal((5, 8)) + rng.standard_normal((300, 8))
    moments = covlasso.Moments(["head"], classes="labels")
    moments.update({"head": samples}, labels)
    deps = covlasso.solve_moments(moments, terms=4, focus=0.3, method="pursuit")
    for i in range(8):
        pooled = samples - np.array([samples[labels == k].mean(axis=0) for k in range(8)])[labels]
        mean = samples[labels == i].mean(axis=0)
        own = pooled.T @ pooled / 300 + np.outer(mean, mean)
        whole = 0.7 * samples.T @ samples / 300 + 0.3 * own
        expected = covlasso.solve(whole, targets=[i], terms=4, method="pursuit")
        assert_pursuit(expected, whole)
        np.testing.assert_allclose(deps.coef[[i]].toarray(), expected.coef.toarray(), atol=1e-9)
        assert deps.status[i] == "certified"


# ---- bad arguments ----


def test_bad_arguments_are_refused():
    gram = random_gram(10, seed=27)
    path = covlasso.path(gram, max_terms=5, method="pursuit")
    assert_refused(lambda: covlasso.path(gram, method="omp"), ValueError, ["method", "'omp'", "pursuit"])
    assert_refused(lambda: covlasso.solve(gram, lam=0.1, method="pursuit"), ValueError, ["lam", "terms"])
    assert_refused(lambda: path.at(lam=0.1), ValueError, ["lam", "pursuit", "terms", "relative_error"])
    assert_refused(lambda: path.error(0, 0.1), ValueError, ["lam", "pursuit"])
    assert_refused(lambda: path.l1_norm(0, 0.1), ValueError, ["lam", "pursuit"])
    for options, parts in (
        ({"positive": True}, ["positive", "pursuit"]),
        ({"min_lambda": 0.1}, ["min_lambda", "pursuit", "max_terms"]),
        ({"min_lambda": np.full(10, 0.1)}, ["min_lambda", "pursuit"]),
    ):
        assert_refused(lambda o=options: covlasso.path(gram, method="pursuit", **o), ValueError, parts)
