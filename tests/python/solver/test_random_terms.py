"""As many terms at random: least squares recomputed for every target of every draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

from covlasso import FactoredGram, Moments, OwnRows, solve_moments
from covlasso.gram import as_gram
from covlasso.solver import Blocks, random_coefficients, random_error, random_error_by_terms

DRAWS = 7


def blocks_of(
    samples: Any,
    response: Any = None,
    exclude: Any = None,
    own: OwnRows | None = None,
    factored: bool = False,
) -> Blocks:
    """Moments of samples (k, p) as sources, and as targets too unless there are others (k, n)."""
    k = len(samples)
    gram = as_gram(
        FactoredGram(np.ascontiguousarray(samples.T / np.sqrt(k))) if factored else samples.T @ samples / k
    )
    f = samples if response is None else response
    targets = np.arange(f.shape[1], dtype=np.int32)
    energy = (f**2).mean(axis=0)
    if own is not None:
        energy = energy + own.summed(np.square(own.responses(targets)))
    cross = None if response is None else f.T @ samples / k
    return Blocks(gram, cross, energy, targets, exclude="self" if response is None else exclude, own_rows=own)


def excluding(pairs: list[tuple[int, int]], shape: tuple[int, int]) -> scipy.sparse.csr_array:
    rows, columns = zip(*pairs, strict=True)
    return scipy.sparse.csr_array((np.ones(len(pairs), dtype=bool), (rows, columns)), shape=shape)


def families() -> dict[str, Blocks]:
    rng = np.random.default_rng(5)
    samples, response = rng.normal(size=(60, 12)) + 1.0, rng.normal(size=(60, 9))
    dependent = samples.copy()
    dependent[:, 3] = dependent[:, 1] - dependent[:, 2]
    one = OwnRows(rng.normal(size=(12, 12)))
    several = OwnRows(rng.normal(size=(20, 12)), offset=[0, 3, 3, *range(4, 11), 12, 15, 20])
    between = OwnRows(rng.normal(size=(9, 12)), rng.normal(size=9))
    left_out = excluding([(0, 0), (1, 1), (1, 5), (1, 6), (4, 2), (8, 8)], (9, 12))
    return {
        "within": blocks_of(samples),
        "factored": blocks_of(samples, factored=True),
        "few samples": blocks_of(samples[:4]),
        "dependent": blocks_of(dependent),
        "between": blocks_of(samples, response),
        "between, left out": blocks_of(samples, response, left_out),
        "own row": blocks_of(samples, own=one),
        "own row, dependent": blocks_of(dependent, own=one),
        "own rows": blocks_of(samples, own=several),
        "own row, between": blocks_of(samples, response, left_out, own=between),
    }


FAMILIES = families()


@pytest.mark.parametrize("name", FAMILIES)
def test_every_draw_is_least_squares_on_sources_that_the_target_may_have(name: str) -> None:
    blocks = FAMILIES[name]
    n_terms = np.arange(len(blocks.targets)) % 5
    for coef in random_coefficients(blocks, n_terms, DRAWS):
        for t in range(len(n_terms)):
            support = coef.indices[coef.indptr[t] : coef.indptr[t + 1]]
            b = coef.data[coef.indptr[t] : coef.indptr[t + 1]]
            assert len(support) <= n_terms[t]
            if blocks.intra:
                assert t not in support
            elif blocks.exclude is not None:
                assert not set(support) & set(blocks.exclude[[t]].indices)
            gradient = blocks.block(t, support) @ b - blocks.entries(t, support)
            assert np.abs(gradient).max(initial=0.0) < 1e-9
            if "dependent" not in name and name != "few samples":
                assert len(support) == n_terms[t]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_mean_error_is_that_of_the_draws(name: str) -> None:
    blocks = FAMILIES[name]
    n_terms = np.arange(len(blocks.targets)) % 5
    errors = [blocks.error(coef) for coef in random_coefficients(blocks, n_terms, DRAWS)]
    mean = random_error(blocks, n_terms, DRAWS)
    np.testing.assert_allclose(mean, np.maximum(np.mean(errors, axis=0), 0.0), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
def test_errors_by_terms_are_those_of_so_many_terms(name: str) -> None:
    blocks = FAMILIES[name]
    by_terms = random_error_by_terms(blocks, 6, DRAWS)
    np.testing.assert_allclose(by_terms[0], blocks.energy)
    for k in (1, 4, 6):
        # orders of the same seed begin alike, whatever their length
        one = random_error(blocks, np.full(len(blocks.targets), k), DRAWS)
        np.testing.assert_allclose(by_terms[k], one, rtol=1e-9, atol=1e-9)


def test_each_source_is_as_likely_as_any_other() -> None:
    blocks = FAMILIES["within"]
    counts = np.zeros((12, 12))
    for coef in random_coefficients(blocks, np.full(12, 3), 4000):
        counts += coef.toarray() != 0.0
    off = ~np.eye(12, dtype=bool)
    expected = 4000 * 3 / 11
    assert (counts[~off] == 0).all()
    assert np.abs(counts[off] - expected).max() < 5 * np.sqrt(expected)


def test_bits_do_not_depend_on_the_targets_beside() -> None:
    rng = np.random.default_rng(0)
    moments = Moments(["m"], classes="decisions")
    moments.update({"m": rng.normal(size=(300, 40)) + rng.normal(size=(300, 1))})
    for focus, terms in ((None, 5), (0.3, 5), (0.3, 17), (None, 17)):
        whole = solve_moments(moments, terms=terms, focus=focus)
        assert whole.random_error is not None
        for chosen in ([7, 30, 31], *([t] for t in range(40))):
            part = solve_moments(moments, terms=terms, focus=focus, targets=np.array(chosen, dtype=np.int32))
            assert part.random_error is not None
            assert np.array_equal(whole.random_error[chosen], part.random_error)


@pytest.mark.parametrize("kind", ["second_moment", "covariance", "correlation"])
@pytest.mark.parametrize("focus", [None, 0.4])
@pytest.mark.parametrize("source", ["a", "b"])
def test_levels_are_those_of_the_weighted_samples(kind: Any, focus: float | None, source: str) -> None:
    rng = np.random.default_rng(3)
    f = rng.normal(size=(400, 6)) * np.arange(1, 7) + rng.normal(size=6)
    g = f @ rng.normal(size=(6, 6)) + rng.normal(size=(400, 6))
    moments = Moments(["a", "b"], classes="decisions")
    moments.update({"a": f, "b": g})
    found = solve_moments(
        moments, target="a", source=source, kind=kind, terms=2, focus=focus, allow_same=True, refit=True
    )
    decided = f.argmax(axis=1)
    scale = f.std(axis=0) if kind == "correlation" else np.ones(6)
    for t in range(6):
        mean, square = f.mean(axis=0)[t], (f**2).mean(axis=0)[t]
        if focus is not None and (decided == t).any():
            # all samples with share 1 - focus; the category's with focus, spread about its mean as all are
            own = f[decided == t, t].mean()
            within = np.mean(
                [(x - f[decided == c, t].mean()) ** 2 for x, c in zip(f[:, t], decided, strict=True)]
            )
            mean = (1 - focus) * mean + focus * own
            square = (1 - focus) * square + focus * (within + own**2)
        variance = square - mean**2
        assert found.mean is not None
        assert found.variance is not None
        assert found.r2_centred is not None
        assert found.r2_uncentred is not None
        np.testing.assert_allclose(found.mean[t], mean / scale[t], rtol=1e-9)
        np.testing.assert_allclose(found.variance[t], variance / scale[t] ** 2, rtol=1e-9)
        np.testing.assert_allclose(
            found.r2_centred[t], 1 - found.error[t] / (variance / scale[t] ** 2), rtol=1e-9
        )
        np.testing.assert_allclose(
            found.r2_uncentred[t], 1 - found.error[t] * scale[t] ** 2 / square, rtol=1e-9
        )
