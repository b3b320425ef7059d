"""How many digits a figure is written with."""

from __future__ import annotations

import math

_NEARLY = 0.995  # from here two decimals say 1.00
_FINEST = 6  # decimals


def r2_text(value: float, decimals: int = 2) -> str:
    """Write R^2, or another figure that is at most 1.

    Two decimals, or as many as asked for; near 1 so many more that two digits of 1 - R^2 are seen, at most
    six: 0.9997, and 1.00 only where that is 1 to six decimals. No sign where it is 0.
    """
    fine = _enough(value, decimals)
    return f"{round(value, fine) + 0.0:.{fine}f}"


def percent_text(share: float, unit: str = "%") -> str:
    """Write a share in per cent: one decimal, or those of `r2_text` where that would be 100.0."""
    fine = _enough(share, 3) - 2 if round(share, 3) == 1.0 else 1
    return f"{round(100.0 * share, fine) + 0.0:.{fine}f}{unit}"


def coefficient_text(value: float, decimals: int = 2) -> str:
    """Write a coefficient: so many decimals, or its first digit where these would be 0."""
    if value != 0.0 and round(value, decimals) == 0.0:
        return f"{value:.1g}"
    return f"{value + 0.0:.{decimals}f}"


def _enough(value: float, decimals: int) -> int:
    """Decimals of a figure that is at most 1: more where it is nearly 1, unless six say that it is."""
    if not _NEARLY <= value < 1.0:
        return decimals
    fine = max(decimals, min(_FINEST, 1 - math.floor(math.log10(1.0 - value) + 1e-9)))
    return decimals if round(value, fine) == 1.0 else fine
