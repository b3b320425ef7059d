"""Kinds of tokens of a vocabulary in which they are planted, figures recomputed from logits."""

import numpy as np
import pytest
from planted_vocabulary import (
    BYTES,
    COPY,
    ORIGINAL,
    PARTS,
    SUM,
    TOKENS,
    UNTRAINED,
    head,
    split_moments,
    states,
)

from covlasso import LinearHead, Moments, solve_moments
from covlasso.vocabulary import equal_rows, kinds_of_tokens, untrained_distance


@pytest.fixture(scope="module")
def moments():
    return split_moments()


@pytest.fixture(scope="module")
def deps(moments):
    return solve_moments(
        moments.fit, kind="correlation", row_centred=True, method="pursuit", terms=3, draws=0
    )


@pytest.fixture(scope="module")
def kinds(deps, moments):
    return kinds_of_tokens(deps, moments, draws=3)


def less_mean(rows):
    return rows - rows.mean(axis=1, keepdims=True)


def test_planted_kinds_are_found(kinds):
    assert sorted(kinds.untrained) == UNTRAINED
    assert sorted(kinds.known_untrained) == UNTRAINED
    assert {COPY, ORIGINAL, *UNTRAINED} <= set(kinds.combinations)
    assert set(kinds.byte_tokens) == set(BYTES)
    assert not set(kinds.alone) & {COPY, ORIGINAL, SUM, *UNTRAINED}


def test_a_sum_is_a_combination_with_its_parts(deps, kinds):
    row = deps.coef[[deps.position(SUM)]]
    if set(PARTS) <= set(row.indices):  # pursuit may begin elsewhere
        assert SUM in kinds.combinations
    assert set(PARTS) & set(row.indices)


def test_r2_is_that_of_held_out_logits(kinds, deps):
    fit, held_out = (less_mean(states(seed) @ head().T) for seed in (1, 2))
    scale = fit.std(axis=0)
    standard = (held_out - fit.mean(axis=0)) / scale
    error = np.mean((standard - standard @ deps.coef.toarray().T) ** 2, axis=0) * scale**2
    np.testing.assert_allclose(kinds.r2, 1.0 - error / held_out.var(axis=0), rtol=1e-9, atol=1e-9)


def test_lists_are_ranked_and_keep_to_their_limits(kinds):
    assert (np.diff(kinds.r2[kinds.combinations]) <= 0.0).all()
    assert (kinds.r2[kinds.combinations] >= 0.99).all()
    assert (np.diff(kinds.r2[kinds.alone]) >= 0.0).all()
    assert (np.diff(kinds.distance[kinds.untrained]) >= 0.0).all()
    np.testing.assert_array_equal(np.sort(kinds.combinations), np.flatnonzero(kinds.r2 >= 0.99))


def test_share_of_an_equation_on_untrained_tokens(kinds, deps):
    size = np.abs(deps.coef.toarray())  # of unit variance
    expected = size[:, UNTRAINED].sum(axis=1) / size.sum(axis=1)
    np.testing.assert_allclose(kinds.on_untrained, expected, atol=1e-12)
    assert kinds.on_untrained[UNTRAINED].min() > 0.99


def test_distance_is_one_minus_the_cosine():
    weight = head()
    rows = weight - weight.mean(axis=0)
    u = rows[[3, 4]].mean(axis=0)
    expected = 1.0 - rows @ u / np.linalg.norm(rows, axis=1) / np.linalg.norm(u)
    np.testing.assert_allclose(untrained_distance(weight, [3, 4]), expected, atol=1e-12)
    assert untrained_distance(weight.astype(np.float32), [3, 4])[SUM] == pytest.approx(
        expected[SUM], abs=1e-5
    )


def test_the_mean_row_has_no_direction():
    weight = np.vstack([head(), -head()])
    weight[[7, TOKENS + 7]] = 0.0
    assert untrained_distance(weight, [3])[7] == 1.0


def test_padding_rows_of_zeros_are_alike():
    weight = np.vstack([head(), np.zeros((5, head().shape[1]))])
    weight += 1.0
    weight[-5:] = 0.0
    np.testing.assert_allclose(untrained_distance(weight, [TOKENS])[-5:], 0.0, atol=1e-12)


def test_known_tokens_take_the_place_of_equal_rows(deps, moments):
    kinds = kinds_of_tokens(deps, moments, known_untrained=[3], draws=0)
    np.testing.assert_array_equal(kinds.known_untrained, [3])
    assert sorted(kinds.untrained) == UNTRAINED
    assert kinds.random_r2 is None
    assert "random_r2" not in kinds.columns()


def test_no_equal_rows_is_said_by_none():
    weight = head()
    weight[UNTRAINED] += np.random.default_rng(5).normal(size=(len(UNTRAINED), weight.shape[1]))
    moments = split_moments(weight)
    few = solve_moments(
        moments.fit,
        kind="correlation",
        row_centred=True,
        method="pursuit",
        terms=3,
        targets=[20, 21],
        draws=0,
    )
    kinds = kinds_of_tokens(few, moments, draws=0)
    assert kinds.distance is None
    assert len(kinds.untrained) == len(kinds.known_untrained) == 0
    assert "distance" not in kinds.columns()


def test_equal_rows_are_the_largest_group_of_all_pairs():
    rng = np.random.default_rng(11)
    weight = rng.normal(size=(300, 40))
    weight[[5, 60, 61, 200]] = weight[5]
    weight[[7, 8, 9]] = weight[7]
    weight[60] *= 3.0  # less the mean row, no longer the same direction
    found = equal_rows(weight)
    rows = weight - weight.mean(axis=0)
    units = rows / np.linalg.norm(rows, axis=1)[:, np.newaxis]
    near = 1.0 - units @ units.T <= 1e-3
    expected = max((np.flatnonzero(row).tolist() for row in near), key=len)
    np.testing.assert_array_equal(found, expected)
    assert len(equal_rows(rng.normal(size=(300, 40)))) == 0
    assert len(equal_rows(weight, equal=3.0)) == 300


def test_untrained_tokens_need_not_be_targets(moments):
    few = solve_moments(
        moments.fit,
        kind="correlation",
        row_centred=True,
        method="pursuit",
        terms=3,
        targets=[3, 5, 20],
        draws=0,
    )
    kinds = kinds_of_tokens(few, moments, known_untrained=[3], draws=0)
    assert sorted(kinds.untrained) == UNTRAINED
    assert "token17 (no target)" in kinds.table()


def test_table_and_columns_say_the_lists(kinds, deps):
    table = kinds.table(top=2)
    assert f"Combinations of others: {len(kinds.combinations)}" in table
    assert f"... and {len(kinds.combinations) - 2} more" in table
    assert deps.equation(int(kinds.alone[0]), max_terms=5) in table if len(kinds.alone) else True
    columns = kinds.columns()
    np.testing.assert_array_equal(np.flatnonzero(columns["untrained"]), UNTRAINED)
    assert len(kinds.to_frame()) == TOKENS
    assert repr(kinds).startswith(f"TokenKinds({TOKENS} targets, {len(kinds.combinations)} combinations")


def test_without_a_head_there_is_no_distance():
    halves = []
    for seed in (1, 2):
        half = Moments(["model"])
        half.update({"model": states(seed) @ head().T})
        halves.append(half)
    from covlasso import SplitMoments

    split = SplitMoments(*halves)
    deps = solve_moments(split.fit, kind="covariance", terms=2, targets=[0, 1], draws=0)
    assert kinds_of_tokens(deps, split, draws=0).distance is None
    with pytest.raises(ValueError, match="known_untrained needs the rows of the head"):
        kinds_of_tokens(deps, split, known_untrained=[3], draws=0)


@pytest.mark.parametrize(
    ("known", "error", "message"),
    [
        ("rows", ValueError, "numbers of tokens or 'equal rows'"),
        ([TOKENS], ValueError, f"known has token {TOKENS}; weight has rows 0 to {TOKENS - 1}"),
        ([0.5], TypeError, "at least one number of an untrained token"),
    ],
)
def test_bad_known_tokens(deps, moments, known, error, message):
    with pytest.raises(error, match=message):
        kinds_of_tokens(deps, moments, known_untrained=known, draws=0)


def test_dependencies_between_two_models_are_refused(moments):
    both = Moments(["a", "b"], heads={"a": LinearHead(head()), "b": LinearHead(head())})
    both.update({"a": states(1), "b": states(1)})
    deps = solve_moments(both, target="a", source="b", terms=1, targets=[0], draws=0, same_by="number")
    with pytest.raises(ValueError, match="between two models"):
        kinds_of_tokens(deps, moments)


def test_a_weight_that_is_not_finite_is_named():
    weight = head()
    weight[2, 5] = np.nan
    with pytest.raises(ValueError, match=r"weight\[2, 5\] is nan"):
        untrained_distance(weight, [3])
