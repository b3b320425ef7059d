"""Small heads: equations on kept rows, and how far they agree with the full head, from raw arrays."""

import numpy as np
import pytest
from planted_vocabulary import COPY, ORIGINAL, PARTS, SUM, TOKENS, WIDTH, head, names, split_moments, states

from covlasso import FactoredGram, LinearHead, Moments, spanning_categories
from covlasso.vocabulary import agreement, equations_on, kept_tokens, small_heads

KEPT = [ORIGINAL, *PARTS, 0, 1, 2, 20, 21, 22, 30]


@pytest.fixture(scope="module")
def moments():
    return split_moments()


@pytest.fixture(scope="module")
def heads(moments):
    return small_heads(moments.fit, KEPT, terms=[0, 2, 4])


def less_mean(logits):
    return logits - logits.mean(axis=1, keepdims=True)


def test_logits_are_kept_rows_and_equations_on_them(heads):
    fit = less_mean(states(1) @ head().T)
    held_out = less_mean(states(2) @ head().T)
    for small in heads:
        found = small.logits(states(2))
        np.testing.assert_allclose(found[:, KEPT], held_out[:, KEPT], atol=1e-9)
        for t, token in enumerate(small.rest):
            used = small.coef[[t]].indices
            x = np.column_stack([np.ones(len(fit)), fit[:, KEPT][:, used]])
            b = np.linalg.lstsq(x, fit[:, token], rcond=None)[0]
            expected = b[0] + held_out[:, KEPT][:, used] @ b[1:]
            np.testing.assert_allclose(found[:, token], expected, atol=1e-7)


def test_copies_and_sums_of_kept_rows_cost_nothing(heads):
    held_out = less_mean(states(2) @ head().T)
    found = heads[1].logits(states(2))
    assert np.corrcoef(found[:, COPY], held_out[:, COPY])[0, 1] > 0.99
    assert np.corrcoef(found[:, SUM], held_out[:, SUM])[0, 1] > 0.95
    assert heads[0].coef.nnz == 0


def test_one_head_of_all_rows_gives_the_same_logits(heads):
    for small in heads:
        whole = small.combined()
        assert whole.categories == TOKENS
        np.testing.assert_allclose(whole.logits(states(2)).T, small.logits(states(2)), atol=1e-9)
        assert small.cost == len(KEPT) * WIDTH + small.coef.nnz
        assert small.full_cost == TOKENS * WIDTH
        assert f"{len(KEPT)} of {TOKENS} rows" in repr(small)


def test_a_bias_is_kept():
    rng = np.random.default_rng(5)
    full = LinearHead(head(), rng.normal(size=TOKENS))
    fit = Moments(["model"], heads={"model": full})
    fit.update({"model": states(1)})
    small = small_heads(fit, KEPT, terms=3)[0]
    expected = less_mean(full.logits(states(2)).T)
    np.testing.assert_allclose(small.logits(states(2))[:, KEPT], expected[:, KEPT], atol=1e-9)
    np.testing.assert_allclose(small.combined().logits(states(2)).T, small.logits(states(2)), atol=1e-9)
    shifted = np.mean(small.logits(states(1)), axis=0)
    np.testing.assert_allclose(shifted, less_mean(full.logits(states(1)).T).mean(axis=0), atol=1e-8)


def test_single_precision_stays_single(heads):
    found = heads[1].logits(states(2).astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, heads[1].logits(states(2)), atol=1e-3)


def test_agreement_is_that_of_the_logits(heads):
    h = states(3, 500)
    rng = np.random.default_rng(7)
    labels = rng.integers(-1, TOKENS, 500)
    full = LinearHead(head())
    found = agreement(full, {"small": heads[1], "all": _All()}, h, labels, block=64)
    f, g = h @ head().T, heads[1].logits(h)
    p, q = (np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) for x in (f, g))
    top = f.argmax(axis=1)
    rank = [1 + int((row > row[i]).sum()) for row, i in zip(g, top, strict=True)]
    small = found["small"]
    np.testing.assert_array_equal(small.rank, rank)
    np.testing.assert_allclose(small.kl, np.sum(p * np.log(p / q), axis=1), atol=1e-9)
    known = labels >= 0
    rows = np.flatnonzero(known)
    np.testing.assert_allclose(small.cross_entropy[known], -np.log(q[rows, labels[known]]), atol=1e-9)
    np.testing.assert_allclose(small.full_cross_entropy[known], -np.log(p[rows, labels[known]]), atol=1e-9)
    assert np.isnan(small.cross_entropy[~known]).all()
    assert small.within(3) == np.mean(np.array(rank) <= 3)
    np.testing.assert_allclose(found["all"].kl, 0.0, atol=1e-9)
    assert found["all"].within() == 1.0
    assert f"same top token {small.within():.3f}" in repr(small)


class _All:
    def logits(self, rows):
        return rows @ head().T


def test_more_terms_agree_better(heads):
    found = agreement(LinearHead(head()), dict(zip("abc", heads, strict=True)), states(3, 2000))
    kl = [found[name].kl.mean() for name in "abc"]
    assert kl[0] > kl[1] > kl[2]


def test_kept_tokens_are_frequent_and_span(moments):
    counts = np.random.default_rng(3).integers(0, 9, TOKENS)
    frequent = kept_tokens(moments.fit, 10, counts=counts)
    np.testing.assert_array_equal(frequent, np.argsort(-counts, kind="stable")[:10])
    gram = moments.fit.as_row_centred().gram("model", "covariance")
    chosen = spanning_categories(gram, tolerance=0.0, max_categories=4).categories
    np.testing.assert_array_equal(kept_tokens(moments.fit, 4), chosen)
    both = kept_tokens(moments.fit, 10, counts=counts, spanning=4)
    np.testing.assert_array_equal(both[-4:], chosen)
    others = [i for i in np.argsort(-counts, kind="stable") if i not in set(chosen.tolist())]
    np.testing.assert_array_equal(both[:6], others[:6])
    with pytest.raises(ValueError, match="tokens span all logits"):
        kept_tokens(moments.fit, TOKENS)


def test_equations_on_some_tokens_are_certified(moments):
    gram = moments.fit.as_row_centred().gram("model", "covariance")
    for method in ("lasso", "pursuit"):
        few, more = equations_on(gram, KEPT, [COPY, SUM, 7], terms=[1, 3], method=method, names=names())
        assert few.is_certified.all()
        assert more.is_certified.all()
        assert few.target_names == (f"token{COPY}", f"token{SUM}", "token7")
        assert few.n_terms.max() <= 1
        dense = gram.dense()
        for one in (few, more):
            for t, token in enumerate(one.targets):
                b = one.coef.toarray()[t]
                error = b @ dense[np.ix_(KEPT, KEPT)] @ b - 2 * b @ dense[KEPT, token] + dense[token, token]
                np.testing.assert_allclose(one.error[t], error, atol=1e-9)
                gradient = dense[np.ix_(KEPT, KEPT)] @ b - dense[KEPT, token]
                np.testing.assert_allclose(gradient[b != 0.0], 0.0, atol=1e-8)
    assert more.error[0] == pytest.approx(0.0, abs=1e-2 * more.energy[0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: small_heads(m, [1, 1], terms=2), ValueError, "kept has token 1 twice"),
        (lambda m: small_heads(m, [TOKENS], terms=2), ValueError, f"kept has token {TOKENS}"),
        (lambda m: small_heads(m, [], terms=2), TypeError, "at least one number of a token"),
        (lambda m: small_heads(m, [1], terms=-1), ValueError, "terms is -1"),
        (lambda m: kept_tokens(m, TOKENS + 1), ValueError, f"there are {TOKENS} tokens"),
        (lambda m: kept_tokens(m, 3, counts=[1, 2]), ValueError, "counts is int64"),
        (lambda m: kept_tokens(m, 3, counts=np.ones(TOKENS), spanning=4), ValueError, "more than k = 3"),
        (
            lambda m: equations_on(_gram(m), [1, 2], [2, 3], terms=1),
            ValueError,
            "token 2 is in targets and in",
        ),
        (lambda _: equations_on(np.eye(3), [1], terms=1), TypeError, "a FactoredGram is expected"),
        (lambda m: equations_on(_gram(m), np.arange(TOKENS), terms=1), ValueError, "nothing is left"),
        (
            lambda _: equations_on(_silent(), [0], terms=1),
            ValueError,
            "token 0 of sources has a logit that never",
        ),
    ],
)
def test_bad_input(moments, call, error, message):
    with pytest.raises(error, match=message):
        call(moments.fit)


def _gram(moments):
    return moments.gram("model", "covariance")


def _silent():
    factor = np.random.default_rng(0).normal(size=(5, 3))
    factor[0] = 0.0
    return FactoredGram(factor)


def test_moments_without_a_head_are_refused():
    plain = Moments(["model"])
    plain.update({"model": states(1, 100)})
    with pytest.raises(ValueError, match="model has no head"):
        small_heads(plain, [1], terms=1)


@pytest.mark.parametrize(
    ("h", "labels", "message"),
    [
        (np.ones((4, WIDTH + 1)), None, "states have shape"),
        (np.full((4, WIDTH), np.nan), None, "states have nan at row 0"),
        (np.ones((4, WIDTH)), [0, 1, 2, TOKENS], r"labels\[3\]"),
    ],
)
def test_bad_states(heads, h, labels, message):
    with pytest.raises(ValueError, match=message):
        agreement(LinearHead(head()), {"small": heads[0]}, h, labels)
