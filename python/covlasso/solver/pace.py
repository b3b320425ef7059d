"""How many targets make a slice that lasts some time, and how long the rest will take."""

from __future__ import annotations

import time

FIRST = 32  # targets of the first slice, whose time is that of what is made once, and tells little
SECONDS = 30.0  # that a slice should last
WORTH = 10.0  # seconds of work ahead for which slices are kept


class Pace:
    """Measures slices.

    Parameters
    ----------
    total : int
        Targets to solve.
    """

    def __init__(self, total: int):
        self._left = total
        self._rate: float | None = None  # targets per second, of the last slice
        self._slices = 0
        self._began = time.monotonic()

    @property
    def size(self) -> int:
        """Targets of the next slice; all that are left where they take less than one and a half."""
        if self._rate is None:
            return FIRST
        wanted = max(1, round(self._rate * SECONDS))
        return self._left if self._left <= 1.5 * wanted else max(wanted, FIRST)

    @property
    def is_known(self) -> bool:
        """Whether a slice besides the first was measured."""
        return self._slices > 1

    @property
    def seconds_left(self) -> float:
        """Time that the rest takes, by the last slice."""
        return 0.0 if self._rate is None else self._left / self._rate

    def begin(self) -> None:
        """Begin a slice."""
        self._began = time.monotonic()

    def end(self, count: int) -> None:
        """End a slice of so many targets."""
        self._left -= count
        self._slices += 1
        self._rate = count / max(time.monotonic() - self._began, 1e-6)
