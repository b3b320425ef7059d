"""Moments of models that are given by their last layer and its input, against those of the logits."""

import numpy as np
import pytest
from oracles import assert_refused, changed

from covlasso import LinearHead, Moments, path

READS = ("second_moment", "covariance", "correlation")


def sample(rows=400, *, categories=23, features=6, bias=True, dtype=np.float32, seed=0):
    """(head, features, logits): features not centred, one constant and one a copy, as after a ReLU."""
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((categories, features)).astype(dtype)
    head = LinearHead(weight, rng.standard_normal(categories).astype(dtype) if bias else None)
    inputs = np.maximum(rng.standard_normal((rows, features)) + 0.5, 0.0).astype(np.float32)
    inputs[:, 1] = 0.0
    inputs[:, 2] = inputs[:, 3]
    logits = inputs.astype(np.float64) @ weight.astype(np.float64).T
    return head, inputs, logits + (head.bias.astype(np.float64) if bias else 0.0)


def both(rows=400, *, second_head=False, **options):
    """Moments of the models a (with a head) and b, and the same from the logits of both."""
    head, inputs, logits = sample(rows, **options)
    if second_head:
        other_head, other, other_logits = sample(rows, categories=11, features=9, seed=1)
        heads = {"a": head, "b": other_head}
    else:
        other = other_logits = np.random.default_rng(2).standard_normal((rows, 4)) + inputs[:, :1]
        heads = {"a": head}
    factored, plain = Moments(["a", "b"], heads=heads), Moments(["a", "b"])
    factored.update({"a": inputs, "b": other})
    plain.update({"a": logits, "b": other_logits})
    return factored, plain


def assert_close(found, expected, tolerance=1e-12):
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("second_head", [False, True])
@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("pair", [("a",), ("a", "b"), ("b", "a"), ("b",)])
def test_moments_are_those_of_the_logits(second_head, read, pair):
    factored, plain = both(second_head=second_head)
    found, expected = getattr(factored, read)(*pair), getattr(plain, read)(*pair)
    assert_close(found, expected)
    assert found.flags.c_contiguous
    for rows in (slice(1, 3), [3, 0, 3]):
        assert_close(getattr(factored, read)(*pair, rows=rows), expected[rows])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("bias", [True, False])
def test_every_type_of_weight(dtype, bias):
    factored, plain = both(dtype=dtype, bias=bias)
    assert_close(factored.mean("a"), plain.mean("a"))
    assert_close(factored.energy("a"), plain.energy("a"))
    assert_close(factored.second_moment("a"), plain.second_moment("a"))


@pytest.mark.parametrize("rows", [2, 4, 50])
@pytest.mark.parametrize("kind", READS)
def test_the_gram_is_a_factor_of_full_column_rank(rows, kind):
    factored, plain = both(rows)
    gram = factored.gram("a", kind)
    expected = getattr(plain, kind)("a")
    assert_close(gram.factor @ gram.factor.T, expected, 1e-11)
    assert gram.factor.shape[1] == np.linalg.matrix_rank(gram.factor, tol=1e-9) <= min(rows, 5)


def test_symmetric_to_the_last_bit():
    factored, _ = both()
    for read in READS:
        matrix = getattr(factored, read)("a")
        assert np.array_equal(matrix, matrix.T)


def test_paths_are_those_of_the_dense_gram():
    factored, plain = both(features=20, categories=15, rows=300)
    found = path(factored.gram("a"), max_terms=5).at(terms=3)
    expected = path(plain.gram("a"), max_terms=5).at(terms=3)
    np.testing.assert_allclose(found.lam, expected.lam, rtol=1e-8)
    np.testing.assert_allclose(found.coef.toarray(), expected.coef.toarray(), atol=1e-8)


def test_moments_of_many_categories_take_little(tmp_path):
    head, inputs, logits = sample(500, categories=21_841, features=64, dtype=np.float16)
    moments = Moments(["a"], heads={"a": head})
    moments.update({"a": inputs})
    file = tmp_path / "m.safetensors"
    moments.save(file)
    assert file.stat().st_size - head.weight.nbytes - head.bias.nbytes < 100_000
    again = Moments.load(file)
    assert again.heads == {"a": head}
    rows = [0, 21_840, 17]
    expected = logits[:, rows].T @ logits / 500
    assert_close(again.second_moment("a", rows=rows), expected)
    assert np.array_equal(moments.second_moment("a", rows=rows), again.second_moment("a", rows=rows))


def test_features_computed_elsewhere():
    head, inputs, logits = sample()
    inputs = inputs.astype(np.float64)
    moments = Moments.from_arrays(
        400, {"a": inputs.mean(axis=0)}, {"a": inputs.T @ inputs / 400}, heads={"a": head}
    )
    assert_close(moments.second_moment("a"), logits.T @ logits / 400)


def test_merging_needs_equal_heads():
    factored, plain = both()
    twice = factored + factored.copy()
    assert_close(twice.second_moment("a", "b"), plain.second_moment("a", "b"))
    other = Moments(["a", "b"], heads={"a": LinearHead(2.0 * factored.heads["a"].weight)})
    assert_refused(lambda: factored + other, ValueError, ("heads", "differ"))
    assert_refused(lambda: factored + plain, ValueError, ("heads", "differ"))


def test_equality_and_copies():
    weight = np.ones((3, 2))
    head = LinearHead(weight)
    assert head == LinearHead(np.ones((3, 2)))
    assert head != LinearHead(np.ones((3, 2), dtype=np.float32))
    assert head != LinearHead(np.ones((3, 2)), np.zeros(3))
    assert head != "head"
    weight[0, 0] = 5.0
    assert head.weight[0, 0] == 1.0, "a head keeps its own copy"
    with pytest.raises(ValueError, match="read-only"):
        head.weight[0, 0] = 5.0
    assert repr(LinearHead(weight, np.zeros(3))) == "LinearHead(3 x 2 float64 with bias)"


def test_sizes_are_known_before_the_first_batch():
    head = sample()[0]
    moments = Moments(["a", "b"], heads={"a": head})
    assert moments.sizes == {"a": 23}
    assert repr(moments) == "Moments({a: 23, b}, count=0)"


BAD_HEADS = {
    "list": (lambda: LinearHead([[1.0]]), TypeError, ("weight", "list")),
    "integers": (lambda: LinearHead(np.ones((2, 2), int)), TypeError, ("weight", "int64", "float32")),
    "vector": (lambda: LinearHead(np.ones(2)), ValueError, ("weight", "(2,)", "(categories, features)")),
    "nothing": (lambda: LinearHead(np.ones((2, 0))), ValueError, ("weight", "(2, 0)")),
    "nan": (
        lambda: LinearHead(changed(np.ones((2, 2)), (1, 0), np.nan)),
        ValueError,
        ("weight", "nan", "[1, 0]"),
    ),
    "bias nan": (
        lambda: LinearHead(np.ones((2, 2)), np.array([0.0, np.inf])),
        ValueError,
        ("bias", "inf", "[1]"),
    ),
    "bias length": (
        lambda: LinearHead(np.ones((2, 2)), np.ones(3)),
        ValueError,
        ("bias has 3", "weight has 2"),
    ),
    "unknown model": (
        lambda: Moments(["a"], heads={"b": LinearHead(np.ones((2, 2)))}),
        ValueError,
        ("heads", "'b'", "['a']"),
    ),
    "no head": (lambda: Moments(["a"], heads={"a": np.ones((2, 2))}), TypeError, ("'a'", "ndarray")),
    "class names": (
        lambda: Moments(["a"], ["x"], {"a": LinearHead(np.ones((2, 2)))}),
        ValueError,
        ("'a'", "2 categories", "1 class_names"),
    ),
    "logits for features": (
        lambda: Moments(["a"], heads={"a": LinearHead(np.ones((5, 2)))}).update({"a": np.ones((3, 5))}),
        ValueError,
        ("'a'", "5 features here", "head 2"),
    ),
}


@pytest.mark.parametrize("case", BAD_HEADS)
def test_bad_heads(case):
    assert_refused(*BAD_HEADS[case])
