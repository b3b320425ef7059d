"""Places by terms against paths in fractions: ties, counts, duplicates, common means, weights."""

import numpy as np
import pytest
from exact_path import NotUnique, before_terms, exact_path

import covlasso

pytestmark = pytest.mark.usefixtures("device")

SEEDS = range(8)


def _zero_one(rng, n, p):
    return rng.integers(0, 2, (n, p))


def _counts(rng, n, p):
    return rng.poisson(1.0, (n, p))


def _signs(rng, n, p):
    return rng.choice([-1, 1], (n, p))


def _ternary(rng, n, p):
    return rng.integers(-1, 2, (n, p))


def _with_a_mean(rng, n, p):
    return rng.integers(0, 2, (n, p)) + 50


def _nearly_twice(rng, n, p):
    columns = rng.integers(0, 3, (n, p))
    columns[:, -1] = columns[:, 0]
    columns[rng.integers(n), -1] += 1
    return columns


def _cyclic(rng, _, p):
    first = rng.integers(-2, 3, p)
    return np.vstack([*(np.roll(first, k) for k in range(p)), np.eye(p, dtype=int)])


def _few_samples(rng, _, p):
    return rng.integers(0, 3, (max(2, p - 2), p))


FAMILIES = [_zero_one, _counts, _signs, _ternary, _with_a_mean, _nearly_twice, _cyclic, _few_samples]
OPTIONS = [{}, {"positive": True}, {"l2": 2}, {"weights": True}]


def _others(p, target):
    return [j for j in range(p) if j != target]


def _exact(gram, target, options):
    others = _others(len(gram), target)
    weights = options.get("weights")
    return exact_path(
        gram[np.ix_(others, others)],
        gram[target, others],
        weights=None if weights is None else [int(weights[j]) for j in others],
        l2=options.get("l2", 0),
        positive=options.get("positive", False),
    )


def _check(found, t, gram, pieces, terms):
    """What is certified is the exact answer; what is not says so."""
    lam, b = before_terms(pieces, terms)
    wanted = np.zeros(len(gram))
    for j, value in b.items():
        wanted[_others(len(gram), int(found.targets[t]))[j]] = value
    if found.status[t] not in ("certified", "exhausted"):
        assert found.status[t] == "floor"
        return
    top = float(pieces[0].top) if pieces else 1.0
    assert abs(found.lam[t] - lam) <= 1e-8 * top
    assert np.abs(found.coef.toarray()[t] - wanted).max() <= 1e-6 * max(1.0, np.abs(wanted).max())
    assert found.n_terms[t] <= terms


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__[1:])
def test_refits_have_the_terms_of_the_exact_path(family):
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        columns = family(rng, int(rng.integers(5, 11)), int(rng.integers(3, 7))).astype(float)
        gram, p = columns.T @ columns, columns.shape[1]
        path = covlasso.path(gram, max_terms=p)
        for terms in range(1, p):
            lasso, refitted = path.at(terms=terms), path.at(terms=terms, refit=True)
            for t in np.flatnonzero(lasso.status == "certified"):
                support = lasso.coef[[t]].indices
                b = np.zeros(p)
                b[support] = np.linalg.lstsq(gram[np.ix_(support, support)], gram[t, support], rcond=None)[0]
                assert np.allclose(refitted.coef.toarray()[t], b, atol=1e-6 * max(1.0, np.abs(b).max()))


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "plain")
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__[1:])
def test_places_by_terms(family, options):
    compared = 0
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        columns = family(rng, int(rng.integers(5, 11)), int(rng.integers(3, 7))).astype(float)
        gram, p = columns.T @ columns, columns.shape[1]
        chosen = {
            **options,
            **({"weights": rng.integers(1, 4, p).astype(float)} if "weights" in options else {}),
        }
        path = covlasso.path(gram, max_terms=p, **chosen)
        for target in range(p):
            try:
                pieces = _exact(gram, target, chosen)
            except NotUnique:
                continue
            for terms in range(1, p):
                _check(path.at(terms=terms), target, gram, pieces, terms)
                _check(covlasso.solve(gram, terms=terms, targets=[target], **chosen), 0, gram, pieces, terms)
                compared += 1
    assert compared > 20


def test_the_order_of_sources_does_not_matter():
    gram = np.array([[3, 2, 1, 2], [2, 4, 2, 2], [1, 2, 2, 1], [2, 2, 1, 2]], float)
    for order in ([0, 1, 2, 3], [0, 3, 1, 2], [0, 2, 3, 1]):
        found = covlasso.solve(np.ascontiguousarray(gram[np.ix_(order, order)]), terms=1, targets=[0])
        b = np.zeros(4)
        b[order] = found.coef.toarray()[0]
        assert np.allclose(b, [0, 0, 0, 1.0])  # alone, 1 - lambda / 4 all the way
        assert found.lam[0] == 0.0


@pytest.mark.parametrize("mean", [10.0, 50.0])
def test_places_by_terms_of_scores_with_a_common_mean(mean):
    """The next source is at its bound, and no term too many is in the answer."""
    for seed in range(6):
        columns = np.random.default_rng(seed).standard_normal((60, 30)) + mean
        gram = columns.T @ columns / 60
        path = covlasso.path(gram, max_terms=30)
        for terms in (4, 8, 15):
            found = path.at(terms=terms)
            assert set(found.status.tolist()) <= {"certified", "floor"}
            assert (found.n_terms <= terms).all()
            b = found.coef.toarray().astype(np.longdouble)
            gradient = 2 * (gram.astype(np.longdouble) - b @ gram.astype(np.longdouble))
            np.fill_diagonal(gradient, 0.0)
            gradient[b != 0] = 0.0
            sure = (found.status == "certified") & (found.n_terms == terms)
            nearest = np.abs(gradient).max(axis=1)[sure]
            assert np.abs(nearest / found.lam[sure] - 1.0).max() < 1e-8


def test_the_end_of_a_path_is_read_as_it_was_certified():
    columns = np.random.default_rng(0).standard_normal((200, 30)) + 100.0
    path = covlasso.path(columns.T @ columns / 200, max_terms=50)
    found = path.at(lam=path.lambda_end)
    assert (path.kkt <= 1e-9).all()
    assert (found.status == "certified").all()


@pytest.mark.parametrize("distance", [1e-6, 1e-8, 1e-9, 1e-10, 1e-11])
@pytest.mark.parametrize("p", [4, 25])
def test_nearly_equal_sources(p, distance):
    """All coefficients are (rho - lambda / 2) / (1 + (p - 2) rho)."""
    rho = 1.0 - distance
    gram = np.full((p, p), rho)
    np.fill_diagonal(gram, 1.0)
    path = covlasso.path(gram)
    assert (path.status == "exhausted").all()
    for share in (1e-2, 1e-4):
        found = path.at(lam=share * path.lambda_max)
        assert (found.status == "certified").all()
        assert (found.n_terms == p - 1).all()
        wanted = (gram[0, 1] - found.lam[0] / 2) / (1.0 + (p - 2) * gram[0, 1])
        totals = found.coef.toarray().sum(axis=1)
        assert np.allclose(totals, (p - 1) * wanted, rtol=1e-9)


@pytest.mark.parametrize("options", [{}, {"positive": True}])
@pytest.mark.parametrize(("samples", "p"), [(200, 6), (12, 20), (10, 30)])
def test_paths_go_on_to_zero(samples, p, options):
    """Where the signs are those at lambda = 0 no event is left, and who never enters does not end a path.

    With fewer samples than columns rounding decides which paths end at their floor, just above zero.
    """
    columns = np.random.default_rng(0).standard_normal((samples, p))
    gram = columns.T @ columns / samples
    path = covlasso.path(gram, **options)
    end, at_zero = path.at(lam=path.lambda_end), path.at(lam=np.zeros(p))
    same = (np.sign(end.coef.toarray()) == np.sign(at_zero.coef.toarray())).all(axis=1)
    exhausted = path.status == "exhausted"
    assert np.mean(same) > 0.5
    assert (path.lambda_end[exhausted] == 0.0).all()
    if samples > p:
        assert (at_zero.status == "certified").all()
        assert exhausted[same].all()
    else:
        assert set(at_zero.status.tolist()) <= {"certified", "floor"}
        assert set(path.status[same].tolist()) <= {"exhausted", "floor"}
        assert np.mean(exhausted[same]) > 0.5


def _with_near_copies(rng, distance, mean):
    columns = rng.standard_normal((40, int(rng.integers(4, 12))))
    half = columns[:, : columns.shape[1] // 2]
    return np.hstack([columns, half + distance * rng.standard_normal(half.shape)]) + mean


@pytest.mark.parametrize("mean", [0.0, 3.0, 30.0])
@pytest.mark.parametrize("distance", [3e-2, 3e-3, 3e-4])
def test_places_by_terms_beside_near_copies(distance, mean):
    """Base and lambda slope cancel to b: what is read of a path is certified, or below its floor."""
    for seed in range(24):
        columns = _with_near_copies(np.random.default_rng(seed), distance, mean)
        path = covlasso.path(columns.T @ columns / len(columns), max_terms=12)
        assert (path.at(lam=path.lambda_end).status == "certified").all()
        for terms in (4, 5, 8, 10, 12):
            found = path.at(terms=terms)
            assert "uncertified" not in found.status
            assert (found.n_terms <= terms)[found.status == "certified"].all()
