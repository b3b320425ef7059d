"""What R^2 must not be quoted without is said where it is so, and only there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import covlasso
from covlasso import LinearHead, Moments, SplitMoments
from covlasso.evidence import cautions, common_direction, evaluation_record

N = 30


def plain(samples: int = 2000, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(samples, 8)) @ np.random.default_rng(1).normal(size=(8, N)) / 3.0 + rng.normal(
        size=(samples, N)
    )


def moments_of(logits: Any) -> Moments:
    moments = Moments(["m"])
    moments.update({"m": logits})
    return moments


def said_of(logits: Any, **options: Any) -> str:
    moments = moments_of(logits)
    return " ".join(cautions(covlasso.solve_moments(moments, terms=5, refit=True, **options), moments))


def test_nothing_is_said_of_logits_without_a_common_part() -> None:
    assert said_of(plain()) == ""
    assert said_of(plain() + 0.5) == ""


def test_a_level_is_named_with_its_share_and_its_remedy() -> None:
    logits = plain() + 7.0
    said = said_of(logits)
    share = 100 * np.sum(logits.mean(axis=0) ** 2) / np.sum((logits**2).mean(axis=0))
    assert f"{share:.3g} %" in said
    assert "--kind covariance" in said
    assert "at random" in said
    assert said_of(logits, kind="covariance") == ""


def test_a_constant_per_row_is_named_with_its_share_and_its_remedy() -> None:
    logits = plain() + 9.0 * np.random.default_rng(2).normal(size=(2000, 1))
    said = said_of(logits, kind="covariance")
    values = np.linalg.eigvalsh(np.cov(logits.T, bias=True))
    assert f"{100 * values[-1] / values.sum():.3g} %" in said
    assert "--row-centred" in said
    assert said_of(logits - logits.mean(axis=1, keepdims=True), kind="covariance") == ""


@pytest.mark.parametrize("constant", [0.0, 9.0])
def test_a_head_has_the_common_direction_of_its_logits(constant: float) -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(size=(500, 6))
    features[:, 0] *= 20.0
    weight = rng.normal(size=(N, 6)) / 3.0
    weight[:, 0] += constant
    headed = Moments(["m"], heads={"m": LinearHead(weight)})
    headed.update({"m": features})
    found, wanted = common_direction(headed, "m"), common_direction(moments_of(features @ weight.T), "m")
    assert found is not None
    assert wanted is not None
    assert found.share == pytest.approx(wanted.share, rel=1e-3)
    assert found.constant == pytest.approx(wanted.constant, rel=1e-2, abs=1e-3)
    values = np.linalg.eigvalsh(np.cov((features @ weight.T).T, bias=True))
    assert found.share == pytest.approx(values[-1] / values.sum(), rel=1e-9)


def test_random_terms_are_compared_in_the_kind_of_the_equations() -> None:
    parts = [moments_of(plain(seed=seed) + 30.0) for seed in (0, 1)]
    for kind, said in (("second_moment", True), ("covariance", False)):
        deps = covlasso.solve_moments(parts[0], terms=5, refit=True, kind=kind)
        measured = covlasso.evaluate(deps, SplitMoments(*parts))
        assert ("at random" in " ".join(cautions(deps, parts[0], measured))) == said


def test_another_direction_is_no_matter_of_rows() -> None:
    weights = np.random.default_rng(3).normal(size=N)
    said = said_of(plain() + 9.0 * np.random.default_rng(2).normal(size=(2000, 1)) * weights)
    assert "one direction" in said
    assert "--row-centred" not in said


@pytest.mark.parametrize("with_head", [False, True])
def test_the_common_direction_is_the_first_eigenvector(with_head: bool) -> None:
    rng = np.random.default_rng(4)
    features, weight = rng.normal(size=(500, 6)) * [9, 1, 1, 1, 1, 1], rng.normal(size=(N, 6)) + 1.0
    logits = features @ weight.T
    if with_head:
        moments = Moments(["m"], heads={"m": LinearHead(weight)})
        moments.update({"m": features})
    else:
        moments = moments_of(logits)
    found = common_direction(moments, "m")
    values, vectors = np.linalg.eigh(np.cov(logits.T, bias=True))
    assert found is not None
    assert found.share == pytest.approx(values[-1] / values.sum(), rel=1e-3)
    assert found.constant == pytest.approx(vectors[:, -1].sum() ** 2 / N, rel=1e-2)


def test_no_direction_of_most_variance_is_none() -> None:
    assert common_direction(moments_of(plain()), "m") is None
    assert common_direction(moments_of(np.ones((10, N))), "m") is None  # no variance at all


def test_a_direction_whose_rows_sum_to_zero_is_found() -> None:
    direction = np.where(np.arange(N) % 2, 1.0, -1.0)
    logits = 9.0 * np.random.default_rng(5).normal(size=(300, 1)) * direction
    found = common_direction(moments_of(logits), "m")
    assert found is not None
    assert found.share == pytest.approx(1.0, abs=1e-3)
    assert found.constant < 1e-3


def test_held_out_figures_are_compared_where_there_are_any() -> None:
    logits = plain(3000) + 9.0 * np.random.default_rng(6).normal(size=(3000, 1))
    split = SplitMoments(moments_of(logits[:1500]), moments_of(logits[1500:]))
    deps = covlasso.solve_moments(split.fit, terms=5, refit=True)
    found = covlasso.evaluate(deps, split)
    assert "held out" in " ".join(cautions(deps, split.fit, found))
    record = evaluation_record(deps, {"refitted": found}, split, False)
    assert record["cautions"] == cautions(deps, split.fit, found)
    assert record["random"]["held_out"]["r2"] == pytest.approx(np.median(found.random.held_out.r2))
