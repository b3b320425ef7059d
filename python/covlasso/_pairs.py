"""Which moments and which models a call is about."""

from __future__ import annotations

from typing import Protocol

from covlasso.moments import Moments


class Halves(Protocol):
    """What was split into a part to fit on and one to check on: `SplitMoments`, or the real data."""

    @property
    def fit(self) -> Moments:
        """To find dependencies on."""

    @property
    def held_out(self) -> Moments | None:
        """To check them on."""


def halves(moments: Moments | Halves) -> tuple[Moments | None, Moments | None]:
    """(fit, held out); moments that were not split count as held out."""
    if isinstance(moments, Moments):
        return None, moments
    parts = getattr(moments, "fit", None), getattr(moments, "held_out", None)
    if not isinstance(parts[0], Moments):
        raise TypeError(f"moments must be Moments or SplitMoments, got {type(moments).__name__}")
    return parts


def pair_of(moments: Moments, target: str | None, source: str | None) -> tuple[str, str]:
    """Names of the models of targets and sources: those given, the only one there is, the target's own."""
    if target is None:
        if len(moments.names) > 1:
            raise ValueError(f"there are the models {list(moments.names)}; name one as target")
        target = moments.names[0]
    source = target if source is None else source
    for argument, name in (("target", target), ("source", source)):
        if name not in moments.names:
            raise ValueError(f"{argument} is {name!r}; the models are {list(moments.names)}")
    return target, source
