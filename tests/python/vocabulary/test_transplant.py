"""Rows by equations of another model, and how they are judged, from raw arrays."""

import numpy as np
import pytest
from planted_vocabulary import TOKENS, WIDTH, head, names, states

from covlasso import FactoredGram, LinearHead
from covlasso.vocabulary import equations_on, rows_agreement, shared_tokens, transplant

NEW = [7, 33, 40, 50]
SHARED = [i for i in range(TOKENS) if i not in NEW]


def donor():
    """A model whose rows are a rotation of ours, in another width, and scaled."""
    rotation = np.linalg.qr(np.random.default_rng(6).normal(size=(WIDTH + 8, WIDTH)))[0]
    return 3.0 * head() @ rotation.T


def equations(rows, terms=WIDTH, method="pursuit"):
    gram = FactoredGram(np.ascontiguousarray(rows - rows.mean(axis=0)))
    return equations_on(gram, SHARED, NEW, terms=terms, method=method, names=names())[0]


def test_rows_of_a_rotated_donor_are_found():
    receiver = [names()[i] for i in SHARED[::-1]]  # another order, without the new ones
    found = transplant(equations(donor()), LinearHead(head()[SHARED[::-1]]), receiver, less_mean=False)
    offset = head().mean(axis=0)
    b = equations(donor()).coef.toarray()
    np.testing.assert_allclose(found.weight, b @ head()[SHARED], atol=1e-9)
    left = 1.0 - b.sum(axis=1)
    np.testing.assert_allclose(found.weight + left[:, np.newaxis] * offset, head()[NEW], atol=1e-6)


@pytest.mark.parametrize("bias", [False, True])
def test_a_row_is_the_mean_and_a_combination(bias):
    rng = np.random.default_rng(1)
    shift = rng.normal(size=TOKENS).astype(np.float32) if bias else None
    receiver = LinearHead(head().astype(np.float32) + np.float32(2.0), shift)
    one = equations(donor(), terms=3, method="lasso")
    found = transplant(one, receiver, names())
    weight, b = receiver.weight.astype(np.float64), one.coef.toarray()
    m = weight.mean(axis=0)
    np.testing.assert_allclose(found.weight, m + b @ (weight[SHARED] - m), rtol=1e-5, atol=1e-5)
    assert found.weight.dtype == np.float32
    assert (found.bias is not None) == bias
    if bias:
        level = shift.astype(np.float64).mean()
        np.testing.assert_allclose(found.bias, level + b @ (shift[SHARED] - level), rtol=1e-5, atol=1e-5)


def test_shared_tokens_are_those_of_one_name():
    first, second = shared_tokens(["a", "b", "c", "c", "d"], ["d", "x", "b", "c", "b", "a"])
    np.testing.assert_array_equal(first, [0, 4])
    np.testing.assert_array_equal(second, [5, 0])
    assert [len(part) for part in shared_tokens(["a"], ["b"])] == [0, 0]


def test_agreement_of_rows_is_that_of_logits():
    rng = np.random.default_rng(8)
    full = LinearHead(head(), rng.normal(size=TOKENS))
    h = states(4, 700)
    near = LinearHead(head()[NEW] + 0.3 * rng.normal(size=(len(NEW), WIDTH)), full.bias[NEW])
    found = rows_agreement(
        full, NEW, {"near": near, "same": LinearHead(head()[NEW], full.bias[NEW])}, h, block=64
    )
    f, g = full.logits(h).T, near.logits(h).T
    centred = f - f.mean(axis=1, keepdims=True)
    for k, token in enumerate(NEW):
        off = g[:, k] - f[:, token]
        variance = centred[:, token].var()
        assert found["near"].error[k] == pytest.approx(np.mean(off**2) / variance)
        assert found["near"].error_centred[k] == pytest.approx(off.var() / variance)
        replaced = f.copy()
        replaced[:, token] = g[:, k]
        before, after = f.argmax(axis=1) == token, replaced.argmax(axis=1) == token
        assert found["near"].decided[k] == before.sum()
        assert found["near"].kept[k] == (before & after).sum()
        assert found["near"].false[k] == (~before & after).sum()
    assert found["near"].decided.sum() > 0
    assert found["near"].recall < 1.0
    assert found["same"].recall == 1.0
    assert found["same"].false_alarms == 0.0
    np.testing.assert_allclose(found["same"].error, 0.0, atol=1e-12)
    assert "median relative error 0.000" in repr(found["same"])


def test_tokens_that_never_win_have_no_recall():
    weight = np.vstack([head(), np.zeros(WIDTH)])
    bias = np.append(np.zeros(TOKENS), -1e3)
    found = rows_agreement(
        LinearHead(weight, bias), [TOKENS], {"": LinearHead(np.ones((1, WIDTH)))}, states(4, 50)
    )
    assert np.isnan(found[""].recall)
    assert np.isnan(found[""].false_alarms)


def test_bad_input():
    one = equations(donor(), terms=2)
    with pytest.raises(ValueError, match="terms are no tokens of the receiver, or there twice, as 'token"):
        transplant(one, LinearHead(head()), [f"other{i}" for i in range(TOKENS)])
    with pytest.raises(ValueError, match="names has 2 entries"):
        transplant(one, LinearHead(head()), ["a", "b"])
    gram = FactoredGram(np.ascontiguousarray(donor()))
    with pytest.raises(ValueError, match="equations have no names"):
        transplant(equations_on(gram, SHARED, NEW, terms=1)[0], LinearHead(head()), names())
    rows = {"x": LinearHead(head()[:2])}
    with pytest.raises(ValueError, match=r"rows\['x'\] are \(2, 24\); \(4, 24\) is expected"):
        rows_agreement(LinearHead(head()), NEW, rows, states(1, 9))
    rows = {"x": LinearHead(head()[NEW])}
    with pytest.raises(ValueError, match="states have shape"):
        rows_agreement(LinearHead(head()), NEW, rows, np.ones((9, 3)))
    with pytest.raises(ValueError, match="tokens has token 60"):
        rows_agreement(LinearHead(head()), [0, 1, 2, TOKENS], rows, states(1, 9))
