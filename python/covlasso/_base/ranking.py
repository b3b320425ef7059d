"""The one order in which categories are ranked."""

from __future__ import annotations

import numpy as np

from covlasso._base.arrays import Float64, Int32, Int64


def ends(figures: Float64, numbers: Int32, top: int) -> tuple[Int64, Int64]:
    """Return the positions of the best and of the least, at most ``top`` each: the extreme ones first.

    Equal figures are in the order of ``numbers``. No position is in both, and one whose figure is not finite
    in none; of an odd number the middle one is among the best.
    """
    falling = np.lexsort((numbers, -figures))
    falling = falling[np.isfinite(figures[falling])]
    best = falling[: min(top, (len(falling) + 1) // 2)]
    others = falling[len(best) :]
    least = others[np.lexsort((numbers[others], figures[others]))]
    return best, least[: min(top, len(falling) // 2)]
