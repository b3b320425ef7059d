"""How well categories are recognised: recall, false alarms, precision and F1, from counts of decisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from covlasso._base.arrays import Float64, Int64
from covlasso._base.digits import r2_text

RATES = ("recall", "false_alarms", "precision", "f1")


@dataclass(frozen=True, eq=False)
class Rates:
    """Decisions for some categories, counted over labelled samples; all arrays have one entry per category.

    Recall alone is blind: an equation that is large everywhere decides every sample of its category rightly,
    and those of all others wrongly. F1 counts both.

    Attributes
    ----------
    support : (n,) int array
        Samples labelled i.
    decided : (n,) int array
        Samples decided as i.
    hits : (n,) int array
        Samples labelled i and decided as i.
    """

    support: Int64
    decided: Int64
    hits: Int64

    @property
    def recall(self) -> Float64:
        """Of the samples labelled i, the share decided as i; NaN where none is."""
        return _over(self.hits, self.support)

    @property
    def false_alarms(self) -> Float64:
        """Samples of other categories decided as i, per sample labelled i; NaN where none is."""
        return _over(self.decided - self.hits, self.support)

    @property
    def precision(self) -> Float64:
        """Of the samples decided as i, the share labelled i; NaN where none is."""
        return _over(self.hits, self.decided)

    @property
    def f1(self) -> Float64:
        """2 hits / (support + decided), the harmonic mean of recall and precision; NaN without support."""
        return np.where(self.support > 0, _over(2 * self.hits, self.support + self.decided), np.nan)

    def mean(self, name: str) -> float:
        """Mean of one of the four over the categories that have it, each alike; NaN where none has it."""
        values = np.asarray(getattr(self, name))
        known = values[np.isfinite(values)]
        return float(known.mean()) if known.size else float("nan")

    def columns(self, prefix: str = "") -> dict[str, Float64]:
        """Return the four by name, each with ``prefix``."""
        return {f"{prefix}{name}": getattr(self, name) for name in RATES}

    def __repr__(self) -> str:
        """Say the means."""
        means = ", ".join(f"{name} {r2_text(self.mean(name), 3)}" for name in RATES)
        return f"Rates({len(self.support)} categories, {means})"


def _over(part: Int64, whole: Int64) -> Float64:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)
