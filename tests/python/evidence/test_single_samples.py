"""Single samples: sorted by plain numpy on all raw logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import covlasso
from covlasso import Moments
from covlasso.evidence import prediction_of, single_samples
from covlasso.logits import Samples

N, K = 9, 4


def draw(samples: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    f = rng.normal(size=(samples, 4)) @ np.random.default_rng(1).normal(size=(4, N)) + rng.normal(
        size=(samples, N)
    )
    return f, f @ np.random.default_rng(2).normal(size=(N, N)) + rng.normal(size=(samples, N))


@pytest.mark.parametrize("between", [False, True])
@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("kind", ["second_moment", "covariance"])
@pytest.mark.parametrize("row_centred", [False, True])
def test_the_samples_that_fit_best_and_worst(
    between: bool, labelled: bool, kind: Any, row_centred: bool
) -> None:
    f, g = draw(300, 3)
    moments = Moments(["a", "b"])
    moments.update({"a": f, "b": g})
    deps = covlasso.solve_moments(
        moments, target="a", source="b" if between else "a", terms=2, kind=kind, refit=True,
        row_centred=row_centred, targets=np.array([6, 0, 3], dtype=np.int32),
    )  # fmt: skip
    f, g = draw(700, 4)
    labels = np.random.default_rng(5).integers(-1, 4, 700) if labelled else None
    keep = np.random.default_rng(6).random(700) < 0.7
    samples = Samples(f, g if between else None, labels, keep).in_gauge(row_centred)
    predictor = prediction_of(deps, moments, moments, None, None)
    found = single_samples(predictor, deps.targets, samples, K)
    f, g = f[keep], g[keep]
    if row_centred:
        f, g = f - f.mean(axis=1, keepdims=True), g - g.mean(axis=1, keepdims=True)
    guess = predictor.intercept + (g if between else f) @ predictor.coef.toarray().T
    decision = f.argmax(axis=1)
    np.testing.assert_array_equal(found.decision, decision)
    classes = labels[keep] if labelled else decision
    for t, target in enumerate(deps.targets):
        error = np.abs(f[:, target] - guess[:, t])
        worst = np.argsort(-error, kind="stable")[:K]
        own = np.flatnonzero(classes == target)
        best = own[np.argsort(error[own], kind="stable")][:K]
        for listed, expected in ((found.fails, worst), (found.holds, best)):
            here = listed.sample[t] >= 0
            np.testing.assert_array_equal(listed.sample[t][here], expected)
            assert here.sum() == len(expected)
            np.testing.assert_allclose(listed.logit[t][here], f[expected, target], rtol=1e-12)
            np.testing.assert_allclose(listed.predicted[t][here], guess[expected, t], rtol=1e-10, atol=1e-12)
            for place, sample in enumerate(expected):
                replaced = f[sample].copy()
                replaced[target] = guess[sample, t]
                assert listed.decided[t, place] == (replaced.argmax() != decision[sample])
