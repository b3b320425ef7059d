"""How many digits a figure is written with."""

from __future__ import annotations

import math

_NEARLY = 0.995  # from here two decimals say 1.00
_FINEST = 6  # decimals


def r2_text(value: float, decimals: int = 2) -> str:
    """Write R^2, or another figure that is at most 1.

    Two decimals; where these would say 1.00, so many more that two digits of 1 - R^2 are seen, at most six:
    0.9997, and 1.00 only where that is 1 to six decimals. No sign where it is 0.
    """
    if _NEARLY <= value < 1.0:
        decimals = min(_FINEST, 1 - math.floor(math.log10(1.0 - value) + 1e-9))
        if round(value, decimals) == 1.0:
            decimals = 2
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def coefficient_text(value: float, decimals: int = 2) -> str:
    """Write a coefficient: so many decimals, or its first digit where these would be 0."""
    if value != 0.0 and round(value, decimals) == 0.0:
        return f"{value:.1g}"
    return f"{value + 0.0:.{decimals}f}"
