"""Targets of one share of own samples: what they have in common is made once, however many come at a time."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from covlasso._base.arrays import Float64, Int32, Int64
from covlasso.dependencies import Dependencies, Origin
from covlasso.gram import Gram
from covlasso.moments import Focus, Moments
from covlasso.solver.direction import Blocks, level_of
from covlasso.solver.own_samples import OwnSamples
from covlasso.solver.random_terms import DrawnRows, random_error


class OneShare:
    """The moments of a direction for targets of one share.

    Parameters
    ----------
    moments : Moments
        In the gauge of the origin.
    origin : Origin
        The direction, with its focus.
    alpha : float, or None
        The share; None: no focus.
    own : OwnSamples, optional
        Samples that stand for the class means.
    """

    def __init__(self, moments: Moments, origin: Origin, alpha: float | None, own: OwnSamples | None):
        self._moments, self._origin, self._alpha = moments, origin, alpha
        self._own = own if alpha else None
        self._gram: Gram | None = None
        self._drawn = DrawnRows()

    def blocks(self, targets: Int32) -> Blocks:
        """Return the moments of some targets."""
        found = self._made(targets)
        self._gram = found.gram
        return found

    def rows_each(self, targets: Int32) -> Int64:
        """Rows of p numbers that each target has beside the Gram: its cross moments and its own."""
        rows = np.full(len(targets), 0 if self._origin.intra else 1)
        if self._alpha:
            rows = rows + (1 if self._own is None else self._own.counts(targets))
        return rows

    def with_beside(self, found: Dependencies, blocks: Blocks, draws: int) -> Dependencies:
        """Add what R^2 has to be read beside: the level of each logit, and as many terms at random."""
        mean, variance = self._level(blocks.targets)
        drawn = random_error(blocks, found.n_terms, draws, rows=self._drawn) if draws else None
        return replace(found, mean=mean, variance=variance, random_error=drawn)

    def _made(self, targets: Int32) -> Blocks:
        if self._own is not None:
            assert self._alpha is not None  # noqa: S101  # there are own samples only with a share
            return self._own.blocks(self._moments, self._origin, targets, self._alpha, self._gram)
        focus = self._shares(targets)
        return Blocks.of(self._moments, self._origin, targets, gram=self._gram, focus=focus, view=self._view)

    def _level(self, targets: Int32) -> tuple[Float64, Float64]:
        """Means and variances of some targets."""
        if self._own is not None:
            assert self._alpha is not None  # noqa: S101
            return self._own.level(self._moments, targets, self._alpha, self._origin.target_model)
        return level_of(self._moments, self._origin, targets, self._shares(targets), view=self._centred_view)

    def _shares(self, targets: Int32) -> Float64 | None:
        return None if self._alpha is None else np.full(len(targets), self._alpha)

    @cached_property
    def _view(self) -> Focus | None:
        if not self._alpha or self._own is not None:
            return None
        origin = self._origin
        return Focus(self._moments, origin.target_model, origin.source_model, origin.kind, self._alpha)

    @cached_property
    def _centred_view(self) -> Focus | None:
        return None if self._view is None else self._view.of_kind("covariance")
