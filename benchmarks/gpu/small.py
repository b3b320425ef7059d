"""Small problems of every kind, for the sanitizers: paths and all readings, checked against the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import covlasso

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def problems() -> Iterator[Arguments]:
    """Arguments of covlasso.path; sizes are not multiples of a warp."""
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((45, 20))
    singular, regular = factor @ factor.T, factor.T @ factor
    targets = {"targets": range(0, 45, 6)}
    yield (singular,), targets
    yield (singular.astype(np.float32),), targets
    yield (regular,), {"max_terms": 20, "l2": 0.1, "positive": True}
    weights, mask = rng.uniform(0.5, 2.0, (8, 45)), rng.random((8, 45)) < 0.3
    yield (singular,), {**targets, "weights": weights, "exclude": mask}
    cross = np.ascontiguousarray(singular[:7])
    yield (singular, cross, singular.diagonal()[:7].copy()), {"exclude": None, "relative_error": 0.3}
    yield (covlasso.FactoredGram(factor),), targets
    duplicates = np.vstack([factor[:10], factor[:10], 2.0 * factor[:10]])
    yield (duplicates @ duplicates.T,), {"targets": range(5)}


def readings(path: covlasso.Path) -> Iterator[covlasso.Dependencies]:
    """Every kind of place."""
    yield path.at(terms=5)
    yield path.at(terms=5, refit=True)
    yield path.at(relative_error=0.5)
    yield path.at(lam=0.1 * path.lambda_max)
    yield path.at(lam=0.0)


def run() -> None:
    """Solve all; an AssertionError where the device and the CPU do not agree."""
    for arguments, options in problems():
        ours, theirs = (covlasso.path(*arguments, device=device, **options) for device in ("cuda", "cpu"))
        for a, b in zip(readings(ours), readings(theirs), strict=True):
            np.testing.assert_allclose(a.error, b.error, rtol=1e-6, atol=1e-9)
        first = ours.targets[0]
        np.testing.assert_array_equal(ours.knots(first).category, theirs.knots(first).category)
        ours.error(first, [0.1, 1.0])
