"""The place on a path where held-out error is least: exact, against fine grids and brute force."""

import numpy as np
import pytest
from oracles import assert_refused

import covlasso
from covlasso import Moments, SplitMoments


def linear_logits(samples, n, features, seed, noise=0.4, head_seed=0):
    """Logits of a linear head with noise; equal head_seed: samples of one network."""
    head = np.random.default_rng(head_seed).standard_normal((features, n))
    rng = np.random.default_rng(seed)
    return rng.standard_normal((samples, features)) @ head + noise * rng.standard_normal((samples, n))


def moments_of(name="net", **logits):
    """Moments of one set of samples."""
    logits = logits or {"net": name}
    moments = Moments(list(logits))
    moments.update(logits)
    return moments


N, TERMS = 30, 29


@pytest.fixture(scope="module")
def network():
    fit, held_out = (moments_of(net=linear_logits(60, N, 8, seed)) for seed in (1, 2))
    return fit, held_out, covlasso.path(fit.second_moment("net"), max_terms=TERMS)


@pytest.fixture(scope="module")
def folds():
    return [moments_of(net=linear_logits(samples, N, 8, 10 + samples)) for samples in (21, 25, 30, 33)]


def grid_errors(path, moments, refit=False, size=1500):
    """(lambdas, errors) on a fine grid from lambda_max to the end, one column per target."""
    lams = np.geomspace(path.lambda_max, np.maximum(path.lambda_end, 1e-5 * path.lambda_max), size)
    lams = np.minimum(lams, path.lambda_max)
    gram = moments.second_moment("net")
    return lams, np.array([covlasso.held_out_error(path.at(lam=lam, refit=refit), gram) for lam in lams])


@pytest.fixture(scope="module")
def grid(network):
    return grid_errors(network[2], network[1])


def test_minimum_is_no_worse_than_any_point_of_a_fine_grid(network, grid):
    _, held_out, path = network
    chosen = covlasso.select(path, held_out)
    lams, errors = grid
    assert (chosen.held_out_error <= errors.min(axis=0) * (1 + 1e-12)).all()
    np.testing.assert_allclose(chosen.held_out_error, errors.min(axis=0), rtol=1e-3)
    np.testing.assert_allclose(
        chosen.lam, np.take_along_axis(lams, errors.argmin(axis=0)[None], 0)[0], rtol=0.02
    )
    inside = (chosen.lam < path.lambda_max) & ~chosen.at_end
    assert inside.any()


@pytest.mark.parametrize("l2", [0.0, 0.5])
def test_error_reported_is_that_of_the_solutions_returned(network, l2):
    fit, held_out, _ = network
    path = covlasso.path(fit.second_moment("net"), max_terms=TERMS, l2=l2)
    for refit in (False, True):
        chosen = covlasso.select(path, held_out, refit=refit)
        assert chosen.dependencies.refit == refit
        direct = covlasso.held_out_error(chosen.dependencies, held_out.second_moment("net"))
        np.testing.assert_allclose(chosen.held_out_error, direct, rtol=1e-9)
        np.testing.assert_allclose(chosen.optimism, direct - chosen.dependencies.error, rtol=1e-6, atol=1e-9)


def test_after_a_refit_every_piece_counts(network):
    _, held_out, path = network
    chosen = covlasso.select(path, held_out, refit=True)
    _, errors = grid_errors(path, held_out, refit=True)
    assert (chosen.held_out_error <= errors.min(axis=0) * (1 + 1e-9)).all()


@pytest.mark.parametrize("refit", [False, True])
def test_one_lambda_for_all_minimises_the_sum(network, refit):
    _, held_out, path = network
    chosen = covlasso.select(path, held_out, per_target=False, refit=refit)
    assert len(set(chosen.lam.tolist())) == 1
    gram = held_out.second_moment("net")
    grid = np.geomspace(path.lambda_max.max(), max(path.lambda_end.min(), 1e-3), 1500)
    sums = [covlasso.held_out_error(path.at(lam=lam, refit=refit), gram).sum() for lam in grid]
    assert chosen.held_out_error.sum() <= min(sums) * (1 + 1e-9)
    if not refit:
        assert chosen.held_out_error.sum() == pytest.approx(min(sums), rel=1e-4)


def test_relative_error_is_the_largest_lambda_that_reaches_it(network, grid):
    _, held_out, path = network
    share = 0.3
    chosen = covlasso.select(path, held_out, relative_error=share)
    energy = held_out.second_moment("net").diagonal()
    least = covlasso.select(path, held_out).held_out_error / energy
    reached = least <= share
    assert reached.any()
    np.testing.assert_allclose(chosen.held_out_error[reached] / energy[reached], share, rtol=1e-9)
    np.testing.assert_allclose(
        chosen.held_out_error[~reached] / energy[~reached], least[~reached], rtol=1e-12
    )
    lams, errors = grid
    above = (lams > chosen.lam * (1 + 1e-9)) & reached
    assert (errors[above] / np.broadcast_to(energy, errors.shape)[above] > share * (1 - 1e-12)).all()


def test_terms_is_a_limit(network, grid):
    _, held_out, path = network
    free, limited = covlasso.select(path, held_out), covlasso.select(path, held_out, terms=3)
    assert (limited.dependencies.n_terms <= 3).all()
    assert (limited.held_out_error >= free.held_out_error * (1 - 1e-12)).all()
    lams, errors = grid
    allowed = lams >= path.at(terms=3).lam
    best = np.where(allowed, errors, np.inf).min(axis=0)
    assert (limited.held_out_error <= best * (1 + 1e-12)).all()


def cross_validated(folds, lam):
    """Errors (folds, targets) of solutions found on all other folds, at the same lambda."""
    errors = []
    for k, fold in enumerate(folds):
        others = sum(folds[:k] + folds[k + 1 :], Moments(["net"]))
        deps = covlasso.path(others.second_moment("net"), max_terms=TERMS).at(lam=lam)
        errors.append(covlasso.held_out_error(deps, fold.second_moment("net")))
    return np.array(errors)


def test_folds_are_left_out_in_turn(folds):
    total = sum(folds, Moments(["net"]))
    path = covlasso.path(total.second_moment("net"), max_terms=TERMS)
    chosen = covlasso.select(path, SplitMoments(total, folds=tuple(folds)))
    errors = cross_validated(folds, chosen.lam)
    np.testing.assert_allclose(chosen.held_out_error, errors.mean(axis=0), rtol=1e-8)
    np.testing.assert_allclose(chosen.standard_error, errors.std(axis=0, ddof=1) / 2, rtol=1e-8)
    for factor in (0.8, 0.97, 1.03, 1.25):
        elsewhere = cross_validated(folds, np.minimum(chosen.lam * factor, path.lambda_max)).mean(axis=0)
        assert (elsewhere >= chosen.held_out_error * (1 - 1e-9)).all()


@pytest.mark.parametrize("per_target", [True, False])
def test_one_standard_error_rule(folds, per_target):
    path = covlasso.path(sum(folds, Moments(["net"])).second_moment("net"), max_terms=TERMS)
    least = covlasso.select(path, folds, per_target=per_target)
    chosen = covlasso.select(path, folds, rule="one-standard-error", per_target=per_target)
    assert (chosen.lam >= least.lam).all()
    assert chosen.dependencies.coef.nnz < least.dependencies.coef.nnz
    of_least, of_chosen = (cross_validated(folds, s.lam) for s in (least, chosen))
    if not per_target:
        of_least, of_chosen = (errors.sum(axis=1, keepdims=True) for errors in (of_least, of_chosen))
    level = of_least.mean(axis=0) + of_least.std(axis=0, ddof=1) / 2
    highest = chosen.lam >= path.lambda_max if per_target else np.array([False])
    np.testing.assert_allclose(of_chosen.mean(axis=0)[~highest], level[~highest], rtol=1e-7)
    assert (of_chosen.mean(axis=0) <= level * (1 + 1e-9)).all()


def test_between_two_networks():
    a, b = linear_logits(80, 12, 6, 3), linear_logits(80, 20, 6, 3, noise=0.7, head_seed=9)
    fit, held_out = moments_of(a=a[:50], b=b[:50]), moments_of(a=a[50:], b=b[50:])
    energy = fit.energy("a")
    path = covlasso.path(
        fit.second_moment("b"),
        fit.second_moment("a", "b"),
        energy,
        exclude=None,
        targets=[7, 2],
        max_terms=20,
    )
    chosen = covlasso.select(path, held_out, target="a", source="b")
    residual = a[50:, [7, 2]] - b[50:] @ chosen.dependencies.coef.toarray().T
    np.testing.assert_allclose(chosen.held_out_error, np.mean(residual**2, axis=0), rtol=1e-9)
    again = path.again(held_out.second_moment("b"), held_out.second_moment("a", "b"), held_out.energy("a"))
    assert again.targets.tolist() == [7, 2]


def test_options_of_the_path_are_kept(folds):
    total = sum(folds, Moments(["net"]))
    weights = np.ones(N)
    weights[4] = 0.0  # never penalised: there from the start
    options = {"l2": 0.2, "weights": weights, "max_terms": 10}
    path = covlasso.path(total.second_moment("net"), **options)
    fold = folds[0]
    others = sum(folds[1:], Moments(["net"]))
    direct = covlasso.path(others.second_moment("net"), **options).at(lam=1.5).coef
    np.testing.assert_array_equal(path.again(others.second_moment("net")).at(lam=1.5).coef.data, direct.data)
    held_out = covlasso.select(path, fold)
    grid = np.linspace(path.lambda_max, path.lambda_end, 500)
    errors = [covlasso.held_out_error(path.at(lam=lam), fold.second_moment("net")) for lam in grid]
    assert (held_out.held_out_error <= np.min(errors, axis=0) * (1 + 1e-10)).all()


def test_factored_moments_choose_as_dense_ones():
    rng = np.random.default_rng(5)
    head = covlasso.LinearHead(rng.standard_normal((15, 6)), rng.standard_normal(15))
    inputs = [rng.standard_normal((40, 6)) + 0.3 for _ in range(2)]
    dense, factored = [], []
    for h in inputs:
        dense.append(moments_of(net=h @ head.weight.T + head.bias))
        factored.append(Moments(["net"], heads={"net": head}))
        factored[-1].update({"net": h})
    a = covlasso.select(covlasso.path(dense[0].gram("net"), max_terms=4), dense[1])
    b = covlasso.select(covlasso.path(factored[0].gram("net"), max_terms=4), factored[1])
    np.testing.assert_allclose(a.lam, b.lam, rtol=1e-6)
    np.testing.assert_allclose(a.held_out_error, b.held_out_error, rtol=1e-6, atol=1e-10)


def test_noise_is_left_alone():
    """Independent logits: nothing explains them, and the minimum is the zero solution or close to it."""
    rng = np.random.default_rng(6)
    fit, held_out = (moments_of(net=rng.standard_normal((200, N))) for _ in range(2))
    chosen = covlasso.select(covlasso.path(fit.second_moment("net"), max_terms=TERMS), held_out)
    assert (1 - chosen.held_out_error / held_out.energy("net")).max() < 0.1


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"rule": "best"}, ["rule", "best", "one-standard-error"]),
        ({"rule": "one-standard-error"}, ["folds"]),
        ({"rule": "one-standard-error", "relative_error": 0.1}, ["relative_error", "rule"]),
        ({"relative_error": -1.0}, ["relative_error", "-1"]),
        ({"terms": 0}, ["terms", "0"]),
        ({"target": "resnet"}, ["target", "resnet", "net"]),
        ({"kind": "moments"}, ["kind", "moments"]),
    ],
    ids=str,
)
def test_bad_options_are_refused(network, options, parts):
    _, held_out, path = network
    assert_refused(lambda: covlasso.select(path, held_out, **options), ValueError, parts)


def test_moments_of_something_else_are_refused(network):
    _, _, path = network
    other = moments_of(net=linear_logits(20, 12, 4, 1))
    assert_refused(lambda: covlasso.select(path, other), ValueError, ["30", "12"])
    assert_refused(lambda: covlasso.select(path, [other]), ValueError, ["two folds"])
    assert_refused(lambda: covlasso.select(path, "file"), TypeError, ["moments", "str"])
    assert_refused(lambda: path.again(other.second_moment("net")), ValueError, ["(12, 12)", "(30, 30)"])


def test_a_pursuit_has_no_lambda_to_choose(folds):
    path = covlasso.path(folds[0].second_moment("net"), max_terms=3, method="pursuit")
    assert_refused(lambda: covlasso.select(path, folds[1]), ValueError, ["path", "pursuit", "Lasso"])


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("columns", [8, 14])
def test_error_is_that_of_the_dependencies_where_ill_conditioned(columns, refit):
    powers = np.vander(np.random.default_rng(0).uniform(-1, 1, 200), columns)
    fit, held_out = moments_of(net=powers[:100]), moments_of(net=powers[100:])
    path = covlasso.path(fit.second_moment("net"), max_terms=40)
    chosen = covlasso.select(path, held_out, refit=refit)
    other = held_out.second_moment("net")
    np.testing.assert_array_equal(chosen.held_out_error, covlasso.held_out_error(chosen.dependencies, other))


def test_fewer_terms_than_unpenalised_sources_are_refused(network):
    fit, held_out, _ = network
    weights = np.ones(N)
    weights[[1, 2]] = 0
    path = covlasso.path(fit.second_moment("net"), weights=weights)
    parts = ("terms: 1", "2 unpenalised")
    assert_refused(lambda: covlasso.select(path, held_out, terms=1), ValueError, parts)
