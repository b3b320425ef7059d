"""The ends of a ranking: ties by number, nobody at both."""

from __future__ import annotations

import numpy as np
import pytest

from covlasso._base.ranking import ends


@pytest.mark.parametrize("top", [1, 3, 10])
@pytest.mark.parametrize("n", [0, 1, 2, 5, 6, 30])
@pytest.mark.parametrize("values", [1, 3, 1000])
def test_ends(n: int, top: int, values: int) -> None:
    rng = np.random.default_rng(n + top)
    figures = rng.integers(0, values, n) / 7.0
    numbers = rng.permutation(100)[:n].astype(np.int32)
    figures[rng.random(n) < 0.1] = np.nan
    best, least = ends(figures, numbers, top)
    known = [place for place in range(n) if np.isfinite(figures[place])]
    assert len(best) == min(top, (len(known) + 1) // 2)
    assert len(least) == min(top, len(known) // 2)
    assert not set(best) & set(least)
    falling = sorted(known, key=lambda place: (-figures[place], numbers[place]))
    assert best.tolist() == falling[: len(best)]
    rest = sorted(set(known) - set(best), key=lambda place: (figures[place], numbers[place]))
    assert least.tolist() == rest[: len(least)]
