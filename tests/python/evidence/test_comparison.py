"""Baselines: each is what it says, recomputed from the moments; planted dependencies beat them."""

import numpy as np
import pytest
from oracles import assert_refused

import covlasso
from covlasso import Moments, SplitMoments


def moments_of(**logits):
    moments = Moments(list(logits))
    moments.update(logits)
    return moments


def draw(samples, n, seed, network=0):
    head = np.random.default_rng(network).standard_normal((6, n))
    rng = np.random.default_rng(seed)
    return rng.standard_normal((samples, 6)) @ head + 0.5 * rng.standard_normal((samples, n))


N, TERMS = 20, 3


@pytest.fixture(scope="module")
def halves():
    return SplitMoments(moments_of(net=draw(120, N, 1)), moments_of(net=draw(100, N, 2)))


@pytest.fixture(scope="module")
def deps(halves):
    return covlasso.solve(halves.fit.second_moment("net"), terms=TERMS)


def error_of(moments, target, support):
    """Least squares of one category on some others, on their own moments."""
    gram = moments.second_moment("net")
    b = np.linalg.solve(gram[np.ix_(support, support)], gram[support, target])
    return gram[target, target] - gram[support, target] @ b


def test_lasso_and_refit_are_found_from_each_other(deps, halves):
    refit = covlasso.solve(halves.fit.second_moment("net"), terms=TERMS, refit=True)
    one, other = (covlasso.compare_methods(d, halves, methods=["lasso", "refitted"]) for d in (deps, refit))
    for method, direct in (("lasso", deps), ("refitted", refit)):
        expected = covlasso.evaluate(direct, halves)
        for found in (one[method], other[method]):
            np.testing.assert_allclose(found.held_out.error, expected.held_out.error, rtol=1e-9)
            np.testing.assert_allclose(found.fit.error, expected.fit.error, rtol=1e-9)


def test_largest_correlations(deps, halves):
    found = covlasso.compare_methods(deps, halves, methods=["correlation"])["correlation"]
    gram = halves.fit.second_moment("net")
    for target in range(N):
        size = np.abs(gram[target]) / np.sqrt(gram.diagonal())
        size[target] = 0
        assert found.fit.error[target] == pytest.approx(
            error_of(halves.fit, target, np.argsort(-size)[:TERMS]), rel=1e-9
        )


def test_matching_pursuit_takes_the_source_that_correlates_most_with_what_is_left(deps, halves):
    pytest.importorskip("sklearn", reason="orthogonal matching pursuit is scikit-learn's")
    found = covlasso.compare_methods(deps, halves, methods=["pursuit"])["pursuit"]
    gram = halves.fit.second_moment("net")
    scale = np.sqrt(gram.diagonal())
    for target in range(N):
        support, residual = [], gram[target].copy()
        for _ in range(TERMS):
            size = np.abs(residual) / scale
            size[[target, *support]] = 0
            support.append(int(np.argmax(size)))
            b = np.linalg.solve(gram[np.ix_(support, support)], gram[support, target])
            residual = gram[target] - gram[:, support] @ b
        assert found.fit.error[target] == pytest.approx(error_of(halves.fit, target, support), rel=1e-9)


def test_random_terms_have_a_seed(deps, halves):
    one, again, other = (
        covlasso.compare_methods(deps, halves, methods=["random"], seed=seed)["random"] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one.held_out.error, again.held_out.error)
    assert (one.held_out.error != other.held_out.error).any()
    assert (one.n_terms == TERMS).all()


def test_all_others_are_least_squares(deps, halves):
    found = covlasso.compare_methods(deps, halves, methods=["all"])["all"]
    for target in range(N):
        others = np.delete(np.arange(N), target)
        assert found.fit.error[target] == pytest.approx(error_of(halves.fit, target, others), rel=1e-9)


def test_planted_dependencies_beat_every_choice_of_as_many_terms():
    rng = np.random.default_rng(5)
    sources = rng.standard_normal((4000, 20))
    weight = np.zeros((5, 20))
    for i, support in enumerate(rng.permutation(20)[:15].reshape(5, 3)):
        weight[i, support] = [1.0, -0.8, 0.6]
    logits = np.hstack([sources, sources @ weight.T + 0.05 * rng.standard_normal((4000, 5))])
    halves = SplitMoments(moments_of(net=logits[:2000]), moments_of(net=logits[2000:]))
    deps = covlasso.solve_moments(
        halves.fit, target="net", source="net", terms=3, targets=np.arange(20, 25, dtype=np.int32)
    )
    np.testing.assert_array_equal(deps.coef.toarray()[:, :20] != 0, weight != 0)  # precision and recall 1
    found = covlasso.compare_methods(deps, halves, methods=["refitted", "random"])
    assert (found["refitted"].held_out.r2 > 0.99).all()
    assert (found["random"].held_out.r2 < 0.8).all()


def test_between_networks_the_twin_stays_out():
    a, b = draw(200, N, 6), draw(200, N, 6, network=1)
    halves = SplitMoments(moments_of(a=a[:100], b=b[:100]), moments_of(a=a[100:], b=b[100:]))
    deps = covlasso.solve_moments(halves.fit, target="a", source="b", terms=TERMS, refit=True)
    found = covlasso.compare_methods(
        deps, halves, methods=["lasso", "refitted", "correlation", "random", "all"]
    )
    gram, cross = halves.fit.second_moment("b"), halves.fit.second_moment("a", "b")
    for target in range(N):
        others = np.delete(np.arange(N), target)
        c = cross[target, others]
        error = halves.fit.energy("a")[target] - c @ np.linalg.solve(gram[np.ix_(others, others)], c)
        assert found["all"].fit.error[target] == pytest.approx(error, rel=1e-8)
    lasso = covlasso.solve_moments(halves.fit, target="a", source="b", terms=TERMS)
    direct = covlasso.evaluate(lasso, halves)
    np.testing.assert_allclose(found["lasso"].held_out.error, direct.held_out.error, rtol=1e-9)


def test_duplicates_share_their_coefficient():
    rows = draw(100, 10, 7)
    rows = np.hstack([rows, rows[:, :2]])
    halves = SplitMoments(moments_of(net=rows), moments_of(net=draw(50, 12, 8)))
    deps = covlasso.solve(halves.fit.second_moment("net"), terms=4)
    found = covlasso.compare_methods(deps, halves, methods=["correlation", "all"])
    for one in found.values():
        assert np.isfinite(one.held_out.error).all()
    assert found["all"].fit.error[[0, 1, 10, 11]].max() < 1e-9


def test_bad_input_is_refused(deps, halves):
    assert_refused(
        lambda: covlasso.compare_methods(deps, halves, methods=["lars"]), ValueError, ["lars", "lasso"]
    )
    assert_refused(lambda: covlasso.compare_methods(deps, halves.held_out), ValueError, ["fit part"])


def test_a_pursuit_is_compared_as_it_is(halves):
    gram = halves.fit.second_moment("net")
    deps = covlasso.solve(gram, terms=TERMS, method="pursuit")
    found = covlasso.compare_methods(deps, halves, methods=["lasso", "refitted", "pursuit", "random"])
    assert list(found) == ["pursuit", "random"]
    expected = covlasso.evaluate(deps, halves)
    np.testing.assert_array_equal(found["pursuit"].held_out.error, expected.held_out.error)
