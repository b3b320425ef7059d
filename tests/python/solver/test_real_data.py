"""The two real networks in the wheel: certificates at scale, and the figures that are known of them."""

import numpy as np
import pytest
from oracles import kkt_residual

import covlasso

pytestmark = pytest.mark.usefixtures("device")


@pytest.fixture(scope="module")
def halves():
    return covlasso.datasets.load_imagenet_lite()


@pytest.fixture(scope="module")
def lite0(halves, device):  # noqa: ARG001, paths are those of the device
    fit, _ = halves
    gram = fit.second_moment("lite0")
    return gram, covlasso.path(gram, names=fit.class_names["lite0"])


def test_all_thousand_paths_are_certified_from_the_raw_matrix(lite0):
    gram, path = lite0
    assert (path.status == "terms").all()
    assert path.kkt.max() <= 1e-9
    for place in ({"terms": 10}, {"terms": 50}, {"lam": 0.1 * path.lambda_max}):
        deps = path.at(**place)
        b = deps.coef.toarray()
        np.fill_diagonal(gradient := 2 * (gram - b @ gram), 0.0)
        used = b != 0
        edge = np.where(used, gradient - deps.lam[:, None] * np.sign(b), 0.0)
        over = np.maximum(np.abs(gradient) - deps.lam[:, None], 0.0)
        residual = np.maximum(np.abs(edge), np.where(used, 0.0, over)).max(axis=1) / deps.lam
        assert residual.max() <= 2e-9
        certified = deps.status == "certified"
        assert certified.all() or "lam" in place
        assert not b.diagonal().any()


def test_a_path_reaches_full_depth(lite0):
    """Far beyond 50 terms the certificate still holds."""
    gram, _ = lite0
    targets = [0, 130, 817]
    path = covlasso.path(gram, targets=targets, max_terms=400)
    for fraction in (1e-2, 1e-3):
        deps = path.at(lam=np.maximum(fraction * path.lambda_max, path.lambda_end))
        for t, target in enumerate(targets):
            allowed = np.arange(1000) != target
            assert (
                kkt_residual(gram, gram[target], deps.coef.toarray()[t], deps.lam[t], allowed=allowed) <= 2e-9
            )


def test_held_out_r2_is_the_known_one(halves, lite0):
    """Median over categories, split by picture: 0.40 with 10 Lasso terms, 0.55 refitted."""
    _, held = halves
    _, path = lite0
    gram = held.second_moment("lite0")
    medians = [
        np.median(1 - covlasso.held_out_error(path.at(terms=10, refit=refit), gram) / gram.diagonal())
        for refit in (False, True)
    ]
    assert medians[0] == pytest.approx(0.40, abs=0.02)
    assert medians[1] == pytest.approx(0.55, abs=0.02)


def test_dependencies_between_the_networks(halves):
    fit, held = halves
    gram, cross = fit.second_moment("lite1"), fit.second_moment("lite0", "lite1")
    energy = fit.second_moment("lite0").diagonal()
    deps = covlasso.solve(gram, cross, energy, terms=10)
    assert (deps.status == "certified").all()
    assert not deps.coef.diagonal().any()
    r2 = (
        1
        - covlasso.held_out_error(
            deps,
            held.second_moment("lite1"),
            held.second_moment("lite0", "lite1"),
            held.second_moment("lite0").diagonal(),
        )
        / held.second_moment("lite0").diagonal()
    )
    assert np.median(r2) > 0.2


def test_a_category_is_most_like_itself_in_the_other_network(halves):
    fit, _ = halves
    gram, cross = fit.correlation("lite1"), fit.correlation("lite0", "lite1")
    deps = covlasso.solve(gram, cross, np.ones(1000), terms=1, exclude=None)
    assert (deps.coef.indices == deps.targets).mean() > 0.95


def test_centred_and_scaled_moments(halves):
    fit, _ = halves
    for gram in (fit.covariance("lite0"), fit.correlation("lite0")):
        deps = covlasso.solve(gram, terms=5, targets=range(0, 1000, 50))
        assert (deps.status == "certified").all()


def test_float32_moments_give_the_same_dependencies(halves):
    fit, _ = halves
    gram = fit.second_moment("lite0")
    wide = covlasso.solve(gram, terms=10, targets=range(100))
    narrow = covlasso.solve(gram.astype(np.float32), terms=10, targets=range(100))
    assert (narrow.status == "certified").all()
    np.testing.assert_allclose(narrow.error, wide.error, rtol=1e-3)
