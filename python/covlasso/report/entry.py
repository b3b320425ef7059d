"""One set of dependencies in a report, with the moments that it was found on and those to check it on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from covlasso._base.arrays import Float64
from covlasso.dependencies import Dependencies, Origin, direction
from covlasso.evidence import check_found_on, held_out_r2, origin_of
from covlasso.moments import Halves, Moments, halves
from covlasso.solver import Blocks


@dataclass(frozen=True, eq=False)
class Entry:
    """Dependencies as the report shows them: without moments, what they say themselves."""

    deps: Dependencies
    origin: Origin

    @property
    def known_origin(self) -> Origin | None:
        """What the dependencies know of their origin; None where ``origin`` is made up."""
        return self.deps.origin

    @property
    def title(self) -> str:
        """Which network is explained by which, in words."""
        return direction(self.deps, self.known_origin)


@dataclass(frozen=True, eq=False)
class Measured(Entry):
    """Dependencies with the moments that they were found on, and those of other samples, if any."""

    fit: Moments
    held_out: Moments | None
    folds: tuple[Moments, ...] = ()
    """``fit`` in parts, by the groups of the samples; none where it is not known in parts."""

    @property
    def known_origin(self) -> Origin:
        """Origin, which the moments confirm."""
        return self.origin

    def blocks(self) -> Blocks:
        """Moments that the dependencies were found on, of their kind.

        Without focus where there are no such moments of all targets: own samples, of which a file of moments
        knows nothing, and different shares. Then the paths on these are not those of the dependencies.
        """
        focus = self.deps.focus
        several = focus is not None and len(np.unique(focus[focus > 0.0])) > 1
        if several or self.origin.focus == "own samples":
            focus = None
        return Blocks.of(self.fit, self.origin, self.deps.targets, focus=focus)

    def measure(self) -> Callable[[Dependencies], Float64] | None:
        """Return what gives the held-out R^2 of dependencies with these targets; see `held_out_r2`."""
        if self.held_out is None:
            return None
        return held_out_r2(self.held_out, self.fit, self.origin, self.deps.targets)


def match(deps: Dependencies, candidates: Sequence[Moments | Halves]) -> Entry:
    """Entry with the first of ``candidates`` that it was found on.

    Raises
    ------
    TypeError, ValueError
        A candidate is no moments; the models are unknown or in none of the candidates; or the energies of the
        dependencies are not those of any that holds them.
    """
    if not candidates:
        return Entry(deps, origin_of(deps, None, None, None))
    # What was not split has to be what the dependencies were found on, which is checked below.
    parts = [halves(candidate, found_on=lambda _: True) for candidate in candidates]
    origin = origin_of(deps, parts[0].fit, None, None)
    models = {origin.target_model, origin.source_model}
    known: set[str] = set()
    refused: ValueError | None = None
    for candidate, (fit, held_out) in zip(candidates, parts, strict=True):
        if fit is None:
            continue
        known |= set(fit.names)
        if not models <= set(fit.names):
            continue
        try:
            check_found_on(deps, origin, fit)
        except ValueError as cause:  # of other samples, or of another checkpoint, which has the same name
            refused = refused or cause
            continue
        return Measured(deps, origin, fit, held_out, tuple(getattr(candidate, "folds", ())))
    if refused is not None:
        raise refused
    raise ValueError(
        f"the dependencies are of {' and '.join(sorted(models))}, but the moments are of "
        f"{', '.join(sorted(known))}; give the moments they were found from"
    )
