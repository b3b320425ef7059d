"""Rows of its own for a target: against the Gram written out, appended samples, and themselves."""

import numpy as np
import pytest
import scipy.sparse

import covlasso
from covlasso import OwnRows


@pytest.fixture(scope="module")
def gram():
    rng = np.random.default_rng(1)
    samples = rng.normal(size=(300, 20)) @ rng.normal(size=(20, 20))
    return samples.T @ samples / 300


def rows_each(seed=2, count=20, p=20):
    return np.random.default_rng(seed).normal(size=(count, p)) * 3.0


@pytest.mark.parametrize("method", ["lasso", "pursuit"])
def test_one_row_each_is_the_gram_with_it(gram, method):
    own = rows_each()
    found = covlasso.solve(gram, own=own, terms=5, refit=True, method=method)
    for i in range(20):
        alone = covlasso.solve(
            gram + np.outer(own[i], own[i]), targets=[i], terms=5, refit=True, method=method
        )
        np.testing.assert_allclose(found.coef[[i]].toarray(), alone.coef.toarray(), atol=1e-10)
        assert found.energy[i] == pytest.approx(alone.energy[0], rel=1e-12)
        assert found.error[i] == pytest.approx(alone.error[0], abs=1e-9 * alone.energy[0])
    assert (found.status == "certified").all()


def test_weighted_samples_between_networks():
    rng = np.random.default_rng(3)
    g = rng.normal(size=(200, 12))
    f = g[:, :4] + rng.normal(size=(200, 4))
    extra, response = rng.normal(size=(30, 12)), rng.normal(size=30)
    offset = [0, 10, 10, 25, 30]
    own = OwnRows(extra, response, offset)
    found = covlasso.path(
        g.T @ g / 200, f.T @ g / 200, np.square(f).mean(axis=0), own=own, exclude=None, max_terms=12
    ).at(lam=0.05)
    for t in range(4):
        part = slice(offset[t], offset[t + 1])
        x = np.vstack([g / np.sqrt(200), extra[part]])
        y = np.append(f[:, t] / np.sqrt(200), response[part])
        b = found.coef[[t]].toarray()[0]
        gradient = 2.0 * x.T @ (y - x @ b)  # KKT of the weighted samples themselves
        assert np.abs(gradient - 0.05 * np.sign(b))[b != 0].max() < 1e-10
        assert np.abs(gradient).max() <= 0.05 + 1e-10
        assert found.error[t] == pytest.approx(np.square(y - x @ b).sum(), rel=1e-10)


def test_no_rows_are_no_change(gram):
    plain = covlasso.solve(gram, terms=4)
    none = covlasso.solve(gram, own=OwnRows(np.empty((1, 20)), offset=np.zeros(21, dtype=int)), terms=4)
    assert (plain.coef != none.coef).nnz == 0
    np.testing.assert_array_equal(plain.lam, none.lam)


def test_equal_bits_for_any_number_of_threads(gram):
    own = OwnRows(rows_each(4, 60), offset=np.arange(0, 61, 3))
    one, three = (covlasso.solve(gram, own=own, terms=6, n_threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one.coef.data, three.coef.data)


def test_shared_rows_are_copies(gram):
    block = rows_each(5, 3)
    shared = OwnRows(block, offset=np.arange(0, 61, 3), first=np.zeros(20, dtype=int))
    copied = OwnRows(np.tile(block, (20, 1)), offset=np.arange(0, 61, 3))
    a, b = (covlasso.solve(gram, own=own, terms=6) for own in (shared, copied))
    np.testing.assert_array_equal(a.coef.data, b.coef.data)


def test_a_path_again_takes_rows_again(gram):
    path = covlasso.path(gram, own=rows_each(), max_terms=5)
    other = path.again(gram, own=2.0 * rows_each())
    expected = covlasso.path(gram, own=2.0 * rows_each(), max_terms=5)
    np.testing.assert_array_equal(other.at(terms=5).coef.data, expected.at(terms=5).coef.data)
    with pytest.raises(ValueError, match="their own rows; give own of the other samples"):
        path.again(gram)
    with pytest.raises(ValueError, match="no own rows; leave own out"):
        covlasso.path(gram).again(gram, own=rows_each())


def test_products():
    own = OwnRows(rows_each(6, 60), offset=np.arange(0, 61, 3), first=np.arange(57, -1, -3))
    coef = scipy.sparse.random_array((20, 20), density=0.3, rng=np.random.default_rng(0), format="csr")
    expected = np.concatenate([own.of(t) @ coef[[t]].toarray()[0] for t in range(20)])
    np.testing.assert_allclose(own.times(coef), expected, atol=1e-12)
    np.testing.assert_allclose(
        own.responses(np.arange(20)), np.concatenate([own.of(t)[:, t] for t in range(20)])
    )


@pytest.mark.parametrize(
    ("own", "error", "message"),
    [
        (rows_each().astype(np.float32), TypeError, "own rows are float32"),
        (rows_each(p=19), ValueError, r"own rows have shape \(20, 19\); \(rows, 20\) is expected"),
        (rows_each(count=19), ValueError, "own has rows for 19 targets, but there are 20"),
        (np.where(np.eye(20) > 0, np.nan, 1.0), ValueError, r"own: -?nan at \[0, 0\] is not finite"),
        (np.where(np.eye(20) > 0, 1e200, 1.0), ValueError, "squares overflow; scale the logits"),
        ([[1.0]], TypeError, "own rows must be a numpy array"),
    ],
)
def test_bad_rows(gram, own, error, message):
    with pytest.raises(error, match=message):
        covlasso.path(gram, own=own)


def test_bad_offsets(gram):
    with pytest.raises(ValueError, match="begin with 0 and never fall"):
        OwnRows(rows_each(), offset=[0, 5, 3])
    with pytest.raises(ValueError, match="own rows 18 to 21 of the target at position 0 are beyond the 20"):
        OwnRows(rows_each(), offset=[0, 3], first=[18])
    with pytest.raises(TypeError, match="own offset is float64"):
        OwnRows(rows_each(), offset=[0.0, 1.0])
    with pytest.raises(ValueError, match="within one network it is a column"):
        covlasso.path(gram, own=OwnRows(rows_each(), response=np.ones(20)))
    with pytest.raises(ValueError, match="own has no response"):
        covlasso.path(gram, gram, gram.diagonal(), own=rows_each())
