"""What a certificate is of: the sources that take part, all that was read, and the coefficients returned."""

import re

import numpy as np
import pytest
from oracles import assert_refused

import covlasso


def logits(samples, n, seed=0, mean=0.0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((samples, n)) + 0.5 * rng.standard_normal((samples, 1)) + mean


def moments(x):
    return x.T @ x / len(x)


@pytest.mark.parametrize("small", [1e-3, 1e-8, 1e-12, 1e-100])
@pytest.mark.parametrize("method", ["lasso", "pursuit"])
def test_small_weight_of_a_source_without_part(small, method):
    gram = np.zeros((7, 7))
    gram[:6, :6], gram[6, 6] = moments(logits(80, 6)), 1.0
    weights = np.ones(7)
    plain = covlasso.path(gram, max_terms=5, method=method)
    path = covlasso.path(gram, max_terms=5, method=method, weights=np.append(weights[:6], small))
    for terms in (1, 3, 5):
        expected, found = plain.at(terms=terms), path.at(terms=terms)
        assert (found.status[:6] == expected.status[:6]).all()
        assert (found.kkt <= 1e-9).all()
        np.testing.assert_allclose(found.coef.toarray(), expected.coef.toarray(), atol=1e-12)


@pytest.mark.parametrize("small", [1e-6, 1e-8, 1e-100])
def test_small_weight_of_a_source_that_cannot_enter(small):
    path = covlasso.path(
        np.eye(2), np.array([[1.0, -1.0]]), [2.0], exclude=None, positive=True, weights=[1.0, small]
    )
    found = path.at(lam=1.0)
    np.testing.assert_allclose(found.coef.toarray(), [[0.5, 0.0]], rtol=1e-12)
    assert found.status[0] == "certified"


def test_a_source_of_small_weight_that_takes_part_counts_by_its_own_weight():
    gram = moments(logits(200, 8, mean=1.0))
    path = covlasso.path(gram, weights=[1e-13] + [1.0] * 7, max_terms=7)
    found = path.at(lam=0.1)
    residual = np.abs(2 * (gram[1:] - found.coef.toarray()[1:] @ gram)[:, 0]) / (found.lam[1:] * 1e-13)
    assert (found.status[1:][residual > 1e-8] != "certified").all()


@pytest.mark.parametrize("mean", [0.0, 1.0, 5.0])
def test_advice_on_unpenalised_and_positive_works(mean):
    gram = moments(logits(200, 8, mean=mean))
    with pytest.raises(ValueError, match="small weight, ") as refused:
        covlasso.path(gram, positive=True, weights=[0] + [1.0] * 7)
    weight = float(re.search(r"small weight, (\S+) of", str(refused.value))[1])
    path = covlasso.path(gram, positive=True, weights=[weight] + [1.0] * 7)
    assert set(path.at(terms=3).status) == {"certified"}
    assert set(path.at(lam=0.05 * path.lambda_max).status) == {"certified"}


@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e120, 1e150])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_errors_at_the_ends_of_the_ranges(scale, l2):
    gram = moments(logits(40, 6))
    weights = np.ones(6)
    weights[2], weights[4] = 1e-100, 1e100
    path = covlasso.path(gram * scale, weights=weights, l2=l2 * scale)
    places = ({"lam": 0.5 * path.lambda_max}, {"relative_error": 0.95}, {"terms": 2, "refit": True})
    for place in places:
        found = path.at(**place)
        b = found.coef.toarray()
        true = np.array([gram[t, t] - 2 * b[t] @ gram[t] + b[t] @ gram @ b[t] for t in range(6)])
        np.testing.assert_allclose(found.error / scale, true, rtol=1e-11)


@pytest.mark.parametrize("method", ["lasso", "pursuit"])
@pytest.mark.parametrize("refit", [False, True])
def test_fewer_terms_than_unpenalised(method, refit):
    weights = np.ones(6)
    weights[[1, 2, 5]] = 0
    path = covlasso.path(moments(logits(40, 6)), weights=weights, method=method)
    parts = ("terms: 1", "less than the 3 unpenalised sources", "target 0")
    assert_refused(lambda: path.at(terms=1, refit=refit), ValueError, parts)


def sources_of(kind, gram):
    """A path within one network or between two, and the arrays that it reads."""
    if kind == "within":
        return covlasso.path(gram, max_terms=4), gram, None, None
    x, f = logits(80, 9), logits(80, 5, seed=1)
    cross, energy = f.T @ x / 80, (f**2).mean(axis=0)
    return covlasso.path(gram, cross, energy, exclude=None, max_terms=4), gram, cross, energy


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("place", [{"lam": 1e9}, {"terms": 3}, {"lam": 0.01}, {"relative_error": 0.7}])
def test_all_of_the_gram_spoilt_after_the_path(place, dtype, wrong):
    gram = moments(logits(80, 9)).astype(dtype)
    path = covlasso.path(gram, max_terms=4)
    gram[:] = wrong
    found = path.at(**place)
    assert set(found.status) == {"uncertified"}
    assert not (found.kkt <= 1e-9).any()


@pytest.mark.parametrize("kind", ["within", "between"])
def test_one_row_spoilt_after_the_path(kind):
    path, gram, cross, energy = sources_of(kind, moments(logits(80, 9)))
    before = path.at(terms=3)
    source = before.coef.indices[0]
    gram[source, :] = np.nan
    found = path.at(terms=3)
    concerned = before.coef[:, [source]].toarray().ravel() != 0
    if kind == "within":
        concerned[source] = True
    assert (found.status[concerned] == "uncertified").all()
    if kind == "between":
        assert (found.status[~concerned] == "certified").all()
        cross[1, 8] = np.nan
        energy[2] = np.nan
        spoilt = path.at(lam=1e9).status == "uncertified"
        np.testing.assert_array_equal(spoilt, [False, True, True, False, False])


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("columns", [8, 12, 16])
def test_error_is_that_of_the_coefficients(columns, refit):
    x = np.vander(np.random.default_rng(0).uniform(-1, 1, 200), columns)
    gram = moments(x)
    path = covlasso.path(gram, max_terms=columns)
    for place in ({"terms": 3}, {"terms": columns}, {"lam": 1e-6 * path.lambda_max}):
        found = path.at(refit=refit, **place)
        b = found.coef.toarray().astype(np.longdouble)
        wide = gram.astype(np.longdouble)
        true = np.diag(wide) - 2 * (b * wide).sum(1) + ((b @ wide) * b).sum(1)
        mass = (np.sqrt(np.diag(gram)) + np.abs(b) @ np.sqrt(np.diag(gram))) ** 2
        assert (found.error >= 0).all()
        assert (np.abs(found.error - true) <= 1e-15 * mass).all()


@pytest.mark.parametrize("rank", [4, 8, 15])
def test_indefinite_by_rounding_to_float32_and_its_remedy(rank):
    rounded = moments(logits(rank, 40)).astype(np.float32)
    parts = ("not positive semi-definite", "float32, not as float64")
    assert_refused(lambda: covlasso.path(rounded.astype(np.float64)), ValueError, parts)
    covlasso.path(rounded)
