"""On a device and on the CPU: equal events, supports and statuses, coefficients to 1e-9, and a certificate.

The matrices are drawn when the tests run; COVLASSO_SEED draws others.
"""

import os

import numpy as np
import pytest
from oracles import assert_solution, random_cross

import covlasso

SEED = int(os.environ.get("COVLASSO_SEED", "0"))
PLACES = ({"terms": 10}, {"terms": 50, "refit": True}, {"relative_error": 0.4})


def down_to_zero(status):
    """Where the Gram is rank-deficient, rounding decides whether a path ends at lambda = 0 or just above."""
    return np.where(status == "floor", "exhausted", status)


def assert_same_events(ours, theirs):
    """Every knot of every path: which source, in or out, and where."""
    a, b = ours._core, theirs._core
    np.testing.assert_array_equal(a.offset, b.offset)
    np.testing.assert_array_equal(a.event_source, b.event_source)
    np.testing.assert_array_equal(a.event_sign, b.event_sign)
    np.testing.assert_allclose(a.event_lambda, b.event_lambda, rtol=1e-9)
    np.testing.assert_allclose(ours.lambda_max, theirs.lambda_max, rtol=1e-12)
    np.testing.assert_array_equal(down_to_zero(ours.status), down_to_zero(theirs.status))
    alike = ours.status == theirs.status
    np.testing.assert_allclose(ours.lambda_end[alike], theirs.lambda_end[alike], rtol=1e-9)
    assert ours.kkt.max() <= 1e-9


def assert_same_solutions(ours, theirs):
    np.testing.assert_array_equal(ours.coef.indptr, theirs.coef.indptr)
    np.testing.assert_array_equal(ours.coef.indices, theirs.coef.indices)
    scale = np.maximum(1.0, np.abs(theirs.coef.data).max(initial=0.0))
    np.testing.assert_allclose(ours.coef.data, theirs.coef.data, rtol=0.0, atol=1e-9 * scale)
    np.testing.assert_allclose(ours.lam, theirs.lam, rtol=1e-9)
    np.testing.assert_allclose(ours.error, theirs.error, rtol=0.0, atol=1e-9 * theirs.energy.max())
    np.testing.assert_array_equal(down_to_zero(ours.status), down_to_zero(theirs.status))
    np.testing.assert_array_equal(ours.energy, theirs.energy)


def assert_same_paths(*arguments, places=PLACES, **options):
    """Equal at their knots and where they are read: the paths of the device and of the processor."""
    ours, theirs = (covlasso.path(*arguments, device=device, **options) for device in ("cuda", "cpu"))
    assert_same_events(ours, theirs)
    lams = [] if theirs.method == "pursuit" else [{"lam": x * theirs.lambda_max} for x in (0.3, 0.02)]
    for place in (*places, *lams):
        assert_same_solutions(ours.at(**place), theirs.at(**place))
    return ours, theirs


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("n", "rank"), [(1000, 1000), (1000, 96), (2000, 512), (3000, 768)])
def test_heads(head, n, rank, dtype):
    assert_same_paths(head(n, rank, SEED).astype(dtype))


@pytest.mark.parametrize("n", [1, 2, 31, 32, 33, 63, 127, 257])
def test_sizes_about_those_of_warps_and_blocks(head, n):
    assert_same_paths(head(n, 2 * n, SEED), max_terms=n)


@pytest.fixture(scope="module")
def halves():
    return covlasso.datasets.load_imagenet_lite()


@pytest.mark.parametrize("moment", ["second_moment", "covariance", "correlation"])
def test_real_network(halves, moment):
    gram = getattr(halves.fit, moment)("lite0")
    assert_same_paths(gram)
    assert_solution(covlasso.solve(gram, terms=50, targets=range(0, 1000, 25), device="cuda"), gram)


def test_real_networks_between_each_other(halves):
    fit = halves.fit
    energy = fit.second_moment("lite0").diagonal()
    assert_same_paths(fit.second_moment("lite1"), fit.second_moment("lite0", "lite1"), energy)


def test_far_down_the_paths(halves):
    gram = halves.fit.second_moment("lite0")
    assert_same_paths(gram, targets=[0, 130, 817], max_terms=300, places=({"terms": 300},))


OPTIONS = {
    "l2": {"l2": 0.3},
    "positive": {"positive": True},
    "weights": {"weights": np.random.default_rng(1).uniform(0.3, 3.0, 400)},
    "weights of each target": {"weights": np.random.default_rng(2).uniform(0.3, 3.0, (400, 400))},
    "unpenalised and excluded": {"weights": np.where(np.arange(400) % 50 == 7, [[0.0], [np.inf]] * 200, 1.0)},
    "mask": {"exclude": np.random.default_rng(3).random((400, 400)) < 0.4},
    "targets": {"targets": [399, 3, 77]},
    "an error": {"relative_error": 0.5, "max_terms": 400},
    "a lambda each": {"min_lambda": np.linspace(0.1, 1.0, 400), "max_terms": 400},
    "all": {
        "l2": 0.1,
        "positive": True,
        "weights": np.random.default_rng(4).uniform(0.5, 2.0, (3, 400)),
        "exclude": np.random.default_rng(5).random((3, 400)) < 0.3,
        "targets": [10, 20, 30],
    },
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options(head, case):
    assert_same_paths(head(400, 150, SEED), **OPTIONS[case])


PURSUITS = {
    "plain": {},
    "l2": {"l2": 0.3},
    "weights": OPTIONS["weights"],
    "unpenalised and excluded": OPTIONS["unpenalised and excluded"],
    "mask": OPTIONS["mask"],
    "an error": OPTIONS["an error"],
    "own rows": {"own": np.random.default_rng(6).standard_normal((400, 400))},
}


@pytest.mark.parametrize("case", PURSUITS)
def test_pursuits(head, case):
    assert_same_paths(head(400, 150, SEED), method="pursuit", **PURSUITS[case])


def own_rows(n_targets, p, counts, seed):
    """Rows of different numbers, beginning with ``counts``, over and over; some targets share theirs."""
    offset = np.concatenate([[0], np.cumsum(np.resize(counts, n_targets))])
    rng = np.random.default_rng([SEED, seed])
    rows = rng.standard_normal((offset[-1] + 3, p))
    first = np.where(np.arange(n_targets) % 5 == 4, 0, offset[:-1])
    return rows, rng.standard_normal(offset[-1]), offset, first


OWN = {"one each": [1], "none or one": [0, 1], "several": [3, 0, 17, 1, 4, 64]}


@pytest.mark.parametrize(
    "options", [{}, {"l2": 0.3, "positive": True}, {"relative_error": 0.5, "max_terms": 300}]
)
@pytest.mark.parametrize("counts", OWN)
def test_own_rows(head, counts, options):
    rows, _, offset, first = own_rows(300, 300, OWN[counts], 8)
    own = covlasso.OwnRows(rows, None, offset, first)
    assert_same_paths(head(300, 120, SEED), own=own, **options)
    targets = np.arange(299, -1, -1)
    assert_same_paths(head(300, 120, SEED).astype(np.float32), own=own, targets=targets, places=PLACES[:1])


@pytest.mark.parametrize("counts", OWN)
@pytest.mark.parametrize("method", ["lasso", "pursuit"])
def test_own_rows_between_networks(counts, method):
    gram, cross, energy = random_cross(300, 200, seed=SEED)
    own = covlasso.OwnRows(*own_rows(200, 300, OWN[counts], 9))
    assert_same_paths(gram, cross, energy, exclude=None, own=own, method=method)


@pytest.mark.parametrize("counts", OWN)
def test_own_rows_beside_a_factor(counts):
    factor = np.random.default_rng([SEED, 10]).standard_normal((300, 40))
    rows, _, offset, first = own_rows(300, 300, OWN[counts], 11)
    own = covlasso.OwnRows(rows, None, offset, first)
    assert_same_paths(covlasso.FactoredGram(factor), own=own, max_terms=20, places=PLACES[:1])


def test_focus():
    """As `solve_moments` makes them: a share, and targets without samples of their class."""
    rng = np.random.default_rng(SEED)
    logits = rng.standard_normal((900, 20)) @ rng.standard_normal((20, 60)) + rng.standard_normal(60)
    moments = covlasso.Moments(["net"], classes="decisions")
    moments.update({"net": logits})
    for place in PLACES[:2]:
        ours, theirs = (
            covlasso.solve_moments(moments, focus=0.3, device=device, **place) for device in ("cuda", "cpu")
        )
        assert_same_solutions(ours, theirs)


def test_pursuits_between_networks_and_by_a_factor():
    assert_same_paths(*random_cross(500, 300, seed=SEED), exclude=None, method="pursuit")
    factor = np.random.default_rng([SEED, 7]).standard_normal((300, 40))
    assert_same_paths(covlasso.FactoredGram(factor), max_terms=20, method="pursuit")


@pytest.mark.parametrize("exclude", ["self", None])
def test_two_networks(exclude):
    assert_same_paths(*random_cross(500, 300, seed=SEED), exclude=exclude)


@pytest.mark.parametrize(("n", "rank"), [(300, 40), (2000, 256)])
def test_a_gram_by_its_factor(n, rank):
    factor = np.random.default_rng([SEED, n]).standard_normal((n, rank))
    assert_same_paths(covlasso.FactoredGram(factor), max_terms=20)


def test_more_targets_than_fit_at_once(head):
    """Three times as many targets as there are blocks, in an order of their own."""
    order = np.random.default_rng(SEED).permutation(3000)
    assert_same_paths(head(3000, 300, SEED), targets=order, max_terms=10, places=())


def test_deeper_than_shared_memory_holds(head):
    assert_same_paths(
        head(1200, 1200, SEED), targets=range(0, 1200, 100), max_terms=600, places=({"terms": 600},)
    )


def test_profiles_and_knots(head):
    ours, theirs = (covlasso.path(head(300, 100, SEED), device=device) for device in ("cuda", "cpu"))
    lam = np.linspace(0.0, 1.1 * theirs.lambda_max[7], 50)
    np.testing.assert_allclose(ours.error(7, lam), theirs.error(7, lam), rtol=1e-9)
    np.testing.assert_allclose(ours.l1_norm(7, lam), theirs.l1_norm(7, lam), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.knots(7).coef.toarray(), theirs.knots(7).coef.toarray(), atol=1e-9)


def test_selection_on_folds_stays_on_the_device(halves):
    gram = halves.fit.second_moment("lite0")
    paths = [covlasso.path(gram, targets=range(50), device=device) for device in ("cuda", "cpu")]
    a, b = (path.select(halves.held_out, target="lite0", source="lite0") for path in paths)
    np.testing.assert_allclose(a.lam, b.lam, rtol=1e-6)
