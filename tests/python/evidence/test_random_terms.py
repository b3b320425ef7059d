"""As many terms at random on other samples, from raw logits."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import covlasso
from covlasso import Moments, SplitMoments

N, K, DRAWS = 14, 3, 6


def split_of(seed: int = 0) -> tuple[SplitMoments, Any, Any]:
    rng = np.random.default_rng(seed)
    head = rng.normal(size=(5, 2 * N))
    logits = rng.normal(size=(500, 5)) @ head + 0.3 * rng.normal(size=(500, 2 * N)) + rng.normal(size=2 * N)
    parts = []
    for rows in (slice(0, 300), slice(300, 500)):
        moments = Moments(["a", "b"], classes="decisions")
        moments.update({"a": logits[rows, :N], "b": logits[rows, N:]})
        parts.append(moments)
    return SplitMoments(*parts), logits[:300], logits[300:]


def draw_orders(p: int, draws: int, seed: int = 0) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [rng.permutation(p) for _ in range(draws)]


@pytest.mark.parametrize("kind", ["second_moment", "covariance", "correlation"])
@pytest.mark.parametrize("source", ["a", "b"])
def test_figures_are_means_over_draws_of_least_squares(kind: Any, source: str) -> None:
    split, fit, later = split_of()
    deps = covlasso.solve_moments(split.fit, target="a", source=source, kind=kind, terms=K, refit=True)
    found = covlasso.evaluate(deps, split, draws=DRAWS).random
    assert found is not None
    columns = slice(0, N) if source == "a" else slice(N, None)
    for t in range(N):
        errors: dict[str, list[float]] = {"fit": [], "held_out": []}
        correlations = []
        for order in draw_orders(N, DRAWS):
            support = [j for j in order if j != t][:K]
            f, g = fit[:, t], fit[:, columns][:, support]
            if kind != "second_moment":
                g = np.column_stack([g, np.ones(len(g))])
            b = np.linalg.lstsq(g, f, rcond=None)[0]
            for name, rows in (("fit", fit), ("held_out", later)):
                at = rows[:, columns][:, support]
                guess = at @ b[:K] + (b[K] if kind != "second_moment" else 0.0)
                errors[name].append(float(np.mean((rows[:, t] - guess) ** 2)))
            correlations.append(np.corrcoef(guess, later[:, t])[0, 1])
        for name, quality, rows in (("fit", found.fit, fit), ("held_out", found.held_out, later)):
            mean = np.mean(errors[name])
            assert quality is not None
            assert quality.error[t] == pytest.approx(mean, rel=1e-8)
            assert quality.r2[t] == pytest.approx(1 - mean / np.mean(rows[:, t] ** 2), rel=1e-8)
            assert quality.r2_centred[t] == pytest.approx(1 - mean / np.var(rows[:, t]), rel=1e-8)
        assert found.held_out.correlation[t] == pytest.approx(np.mean(correlations), rel=1e-8)
        assert found.least_error[t] == pytest.approx(min(errors["held_out"]), rel=1e-8)


def test_explained_is_better_than_every_draw_on_held_out_samples() -> None:
    split, _, _ = split_of()
    deps = covlasso.solve_moments(split.fit, target="a", terms=K, refit=True)
    found = covlasso.evaluate(deps, split, draws=DRAWS)
    assert found.random is not None
    assert found.explained is not None
    np.testing.assert_array_equal(found.explained, found.held_out.error < found.random.least_error)
    assert found.explained.any()
    assert found.columns()["explained"] is not None
    assert covlasso.evaluate(deps, split, draws=0).explained is None


def test_a_draw_of_the_own_terms_is_no_rival() -> None:
    rng = np.random.default_rng(3)
    p, terms = 6, 2
    level = np.r_[0.0, 0.0, rng.normal(size=p - 2)]
    head = np.c_[np.eye(2), [[1.0], [1.0]], [[1.0], [-1.0]], rng.normal(size=(2, 2))]
    fit, later = (rng.normal(size=(400, 2)) @ head + rng.normal(size=(400, p)) + level for _ in range(2))
    moments = [Moments(["m"]) for _ in range(2)]
    for one, rows in zip(moments, (fit, later), strict=True):
        one.update({"m": rows})
    deps = covlasso.solve_moments(moments[0], terms=terms, refit=True)
    found = covlasso.evaluate(deps, SplitMoments(*moments), draws=200)  # every set of terms is drawn

    def error(t: int, sources: Any) -> float:
        b = np.linalg.lstsq(fit[:, sources], fit[:, t], rcond=None)[0]
        return float(np.mean((later[:, t] - later[:, sources] @ b) ** 2))

    best = []
    for t in range(p):
        sets = itertools.combinations([j for j in range(p) if j != t], terms)
        own = tuple(np.sort(deps.coef[[t]].indices).tolist())
        best.append(all(error(t, own) < error(t, one) for one in sets if one != own))
    assert 0 < sum(best) < p
    assert found.explained is not None
    assert found.explained.tolist() == best
    whole = covlasso.solve_moments(moments[0], terms=p - 1, refit=True)
    everything = covlasso.evaluate(whole, SplitMoments(*moments), draws=4)
    assert np.all(whole.n_terms == p - 1)
    assert everything.explained is not None
    assert not everything.explained.any()  # nothing else could be drawn


def test_noise_is_explained_by_chance_only() -> None:
    rng = np.random.default_rng(8)
    n = 400
    parts = []
    for _ in range(2):
        moments = Moments(["m"])
        moments.update({"m": 3.0 + rng.normal(size=(1000, n))})  # R^2 near 0.9, of the level alone
        parts.append(moments)
    split = SplitMoments(*parts)
    deps = covlasso.solve_moments(split.fit, terms=5, refit=True)
    found = covlasso.evaluate(deps, split)
    assert np.median(found.held_out.r2) > 0.85
    assert found.explained.mean() < 0.1


def test_a_focus_is_that_of_the_equations() -> None:
    split, fit, _ = split_of(1)
    deps = covlasso.solve_moments(split.fit, target="a", terms=K, refit=True, focus=0.3)
    found = covlasso.evaluate(deps, split, draws=DRAWS).random
    decided = fit[:, :N].argmax(axis=1)
    f = fit[:, :N]
    centred = (
        f
        - np.array(
            [f[decided == k].mean(axis=0) if (decided == k).any() else f.mean(axis=0) for k in range(N)]
        )[decided]
    )
    within = centred.T @ centred / len(f)
    for t in np.unique(decided):
        mean = f[decided == t].mean(axis=0)
        gram = 0.7 * f.T @ f / len(f) + 0.3 * (within + np.outer(mean, mean))
        errors = []
        for order in draw_orders(N, DRAWS):
            support = [j for j in order if j != t][:K]
            b = np.linalg.solve(gram[np.ix_(support, support)], gram[support, t])
            errors.append(np.mean((f[:, t] - f[:, support] @ b) ** 2))
        assert found.fit.error[t] == pytest.approx(np.mean(errors), rel=1e-8)


def test_own_samples_without_the_samples_have_no_random_terms() -> None:
    split, fit, _ = split_of()
    samples = covlasso.logits.Samples(fit[:, :N])
    deps = covlasso.solve_moments(split.fit, target="a", terms=K, focus="own", samples=samples)
    assert deps.random_r2 is not None
    assert covlasso.evaluate(deps, split).random is None


def test_files_keep_what_stands_beside(tmp_path: Any) -> None:
    split, _, _ = split_of()
    deps = covlasso.solve_moments(split.fit, target="a", terms=K)
    deps.save(tmp_path / "d.safetensors")
    again = covlasso.Dependencies.load(tmp_path / "d.safetensors")
    for name in ("mean", "variance", "random_error"):
        np.testing.assert_array_equal(getattr(again, name), getattr(deps, name))
    part = again.take(np.array([2, 1]))
    np.testing.assert_array_equal(part.random_r2, deps.random_r2[[2, 1]])
    plain = covlasso.solve(split.fit.second_moment("a"), terms=K)
    assert plain.r2_centred is None
    assert plain.random_r2 is None
