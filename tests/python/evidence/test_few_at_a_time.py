"""Figures with a focus are the same however few targets have their own rows in memory at a time."""

from __future__ import annotations

import numpy as np
import pytest

import covlasso
from covlasso import LinearHead, Moments, SplitMoments
from covlasso.evidence import compare_methods
from covlasso.solver import work

N, D, SAMPLES = 15, 6, 400


@pytest.fixture
def split() -> SplitMoments:
    """Two halves of a model with a head, some of whose categories are never decided for."""
    rng = np.random.default_rng(1)
    weight = rng.standard_normal((N, D))
    bias = np.where(np.arange(N) % 5 == 0, -30.0, 0.0)
    halves = []
    for _ in range(2):
        halves.append(Moments(["m"], heads={"m": LinearHead(weight, bias)}, classes="decisions"))
        halves[-1].update({"m": rng.standard_normal((SAMPLES, D))})
    return SplitMoments(*halves)


@pytest.mark.parametrize("kind", ["second_moment", "correlation"])
@pytest.mark.parametrize("focus", [None, 0.3])
def test_all_methods_give_the_same_figures(
    split: SplitMoments, kind: str, focus: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps = covlasso.solve_moments(split.fit, terms=3, refit=True, kind=kind, focus=focus)  # type: ignore[arg-type]
    whole = compare_methods(deps, split)
    monkeypatch.setattr(work, "_BLOCK", 2 * N)
    again = covlasso.solve_moments(split.fit, terms=3, refit=True, kind=kind, focus=focus)  # type: ignore[arg-type]
    np.testing.assert_array_equal(again.coef.toarray(), deps.coef.toarray())
    np.testing.assert_array_equal(again.random_error, deps.random_error)
    parts = compare_methods(deps, split)
    assert list(parts) == list(whole)
    for method in set(whole) - {"random"}:  # whose draw goes from target to target
        for half in ("fit", "held_out"):
            one, other = getattr(parts[method], half), getattr(whole[method], half)
            np.testing.assert_allclose(one.error, other.error, rtol=1e-9)
    one, other = parts["refitted"].random, whole["refitted"].random
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.fit.error, other.fit.error, rtol=1e-9)
