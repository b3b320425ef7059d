"""Stability selection: frequencies recounted from the folds; planted edges stay, noise does not."""

import numpy as np
import pytest
from oracles import assert_refused

import covlasso
from covlasso import Moments, SplitMoments
from covlasso.evidence.resampling import divisions


def moments_of(**logits):
    moments = Moments(list(logits))
    moments.update(logits)
    return moments


def planted(samples, seed):
    """Logits 0 to 11 are independent; 12, 13 and 14 are sums of three of them, and 15 is noise."""
    rng = np.random.default_rng(seed)
    sources = rng.standard_normal((samples, 12))
    sums = [sources[:, 3 * k] - sources[:, 3 * k + 1] + sources[:, 3 * k + 2] for k in range(3)]
    return np.column_stack([sources, *sums, rng.standard_normal(samples)])


@pytest.fixture(scope="module")
def folds():
    return [moments_of(net=planted(60, seed)) for seed in range(8)]


def test_frequencies_are_counts_over_the_halves(folds):
    found = covlasso.stability(folds, terms=2, pairs=6, seed=3)
    counts, terms = np.zeros((16, 16)), np.zeros(16)
    pairs = divisions(8, 6, 3)
    for half in [half for pair in pairs for half in pair]:
        total = sum((folds[k] for k in half), Moments(["net"]))
        deps = covlasso.solve(total.second_moment("net"), terms=2)
        counts += deps.coef.toarray() != 0
        terms += deps.n_terms
    assert found.n_subsets == 12
    np.testing.assert_allclose(found.frequency.toarray(), counts / 12)
    np.testing.assert_allclose(found.mean_terms, terms / 12)


def test_planted_edges_are_stable_and_noise_is_not(folds):
    found = covlasso.stability(folds, terms=3, pairs=20)
    stable = found.stable(0.9).toarray()
    for k in range(3):
        np.testing.assert_array_equal(np.flatnonzero(stable[12 + k]), [3 * k, 3 * k + 1, 3 * k + 2])
    assert not stable[15].any(), "noise has no stable edge"
    assert found.frequency.toarray()[15].max() < 0.9
    deps = covlasso.solve(sum(folds, Moments(["net"])).second_moment("net"), terms=3)
    frequency = found.of(deps)
    assert (frequency.indices == deps.coef.indices).all()
    np.testing.assert_allclose(
        frequency.toarray(), np.where(deps.coef.toarray() != 0, found.frequency.toarray(), 0)
    )
    np.testing.assert_allclose(found.expected_false(0.75), found.mean_terms**2 / (0.5 * 16))


def test_equal_seeds_give_equal_bits(folds):
    one, again, other = (covlasso.stability(folds, terms=2, pairs=4, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.frequency.data, again.frequency.data)
    assert (one.frequency != other.frequency).nnz


@pytest.mark.parametrize(("n_folds", "pairs", "expected"), [(10, 30, 30), (4, 50, 3), (5, 50, 15), (2, 9, 1)])
def test_divisions_are_different_and_complementary(n_folds, pairs, expected):
    found = divisions(n_folds, pairs, seed=0)
    assert len(found) == len(set(found)) == expected
    for one, other in found:
        assert len(one) == len(other) == n_folds // 2
        assert not set(one) & set(other)


def test_folds_of_split_moments_between_two_networks(folds):
    parts = [moments_of(a=planted(40, s), b=planted(40, s)[:, ::-1].copy()) for s in range(4)]
    split = SplitMoments(sum(parts, Moments(["a", "b"])), folds=tuple(parts))
    found = covlasso.stability(
        split, relative_error=0.6, target="a", source="b", targets=np.array([5], dtype=np.int32)
    )
    assert found.targets.tolist() == [5]
    assert found.n_subsets == 6
    assert found.frequency[[0]].toarray()[0, 10] == 1.0, "category 5 is number 10 of the other network"
    calls = []
    covlasso.stability(folds, terms=1, pairs=2, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (4, 4)


def test_bad_input_is_refused(folds):
    found = covlasso.stability(folds[:2], terms=1)
    deps = covlasso.solve_moments(
        folds[0], target="net", source="net", terms=1, targets=np.array([2], dtype=np.int32)
    )
    assert_refused(lambda: found.of(deps), ValueError, ["targets"])
    assert_refused(lambda: found.stable(0.5), ValueError, ["threshold", "0.5"])
    assert_refused(lambda: covlasso.stability(folds[:1], terms=1), ValueError, ["1 folds", "two"])
    assert_refused(lambda: covlasso.stability(SplitMoments(folds[0]), terms=1), ValueError, ["0 folds"])
    assert_refused(lambda: covlasso.stability(["a", "b"], terms=1), TypeError, ["folds"])
    assert_refused(lambda: covlasso.stability(folds), ValueError, ["exactly one"])
    assert_refused(lambda: covlasso.stability(folds, terms=1, pairs=0), ValueError, ["pairs"])


def test_terms_of_a_pursuit_are_counted_likewise(folds):
    found = covlasso.stability(folds, terms=2, pairs=2, method="pursuit")
    other = covlasso.stability(folds, terms=2, pairs=2)
    assert (found.mean_terms == 2).all()
    assert (found.frequency != other.frequency).nnz > 0
