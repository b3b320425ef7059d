"""Paths of the targets of a direction with a focus: those of each share on moments of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from covlasso._base.arrays import Float64, Int32
from covlasso.dependencies import Dependencies, Origin, joined
from covlasso.moments import Moments
from covlasso.solver.direction import Blocks
from covlasso.solver.focus import by_share


class FocusedPaths:
    """Paths to be read together, at numbers of terms.

    Targets without samples of their class have a share of 0, and the moments of all samples: beside focused
    ones each of them would need a row for every class.

    Parameters
    ----------
    moments : Moments
        With sums by class.
    origin : Origin
        The direction, with its focus.
    targets : (n_targets,) int32 array
        Categories to follow.
    shares : (n_targets,) array, or None
        Of each of them, from `focused`.
    **options
        As in `covlasso.path`.
    """

    def __init__(
        self, moments: Moments, origin: Origin, targets: Int32, shares: Float64 | None, **options: Any
    ):
        self._places, self._paths = [], []
        for here, share in by_share(shares, len(targets)):
            focus = None if share is None else np.full(len(here), share)
            self._places.append(here)
            self._paths.append(Blocks.of(moments, origin, targets[here], focus=focus).paths(**options))

    def at(self, *, terms: int, refit: bool) -> Dependencies:
        """Dependencies of all targets with so many terms, as `Path.at` has them."""
        return joined([path.at(terms=terms, refit=refit) for path in self._paths], self._places)
