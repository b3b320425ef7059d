"""Moments to find dependencies on, and moments to check them on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from covlasso.moments.moments import Moments


def merged(parts: Sequence[Moments]) -> Moments:
    """Moments of the samples of all parts, added up in their order; the parts are left as they are."""
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


class Halves(Protocol):
    """What was split into a part to fit on and one to check on: `SplitMoments`, or the real data."""

    @property
    def fit(self) -> Moments:
        """To find dependencies on."""

    @property
    def held_out(self) -> Moments | None:
        """To check them on."""


class Parts(NamedTuple):
    """Moments of the samples that something was found on, and of others."""

    fit: Moments | None
    held_out: Moments | None


def halves(moments: Moments | Halves, found_on: Callable[[Moments], bool]) -> Parts:
    """Both parts of what was split.

    Of moments that were not split, ``found_on`` says which part they are: that which something was found on,
    or other samples.

    Raises
    ------
    TypeError
        It is neither.
    """
    if isinstance(moments, Moments):
        return Parts(moments, None) if found_on(moments) else Parts(None, moments)
    fit = getattr(moments, "fit", None)
    if not isinstance(fit, Moments):
        raise TypeError(f"moments must be Moments or SplitMoments, got {type(moments).__name__}")
    return Parts(fit, moments.held_out)
