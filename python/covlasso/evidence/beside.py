"""The methods that dependencies stand beside: how each finds its equations, on the same fit moments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from covlasso._base.arrays import Places
from covlasso._base.progress import Report
from covlasso.dependencies import Dependencies, Origin, joined
from covlasso.evidence import baselines
from covlasso.logits import Samples
from covlasso.moments import Moments
from covlasso.solver import (
    Blocks,
    FocusedPaths,
    OwnSamples,
    Path,
    blocks_of,
    excluded,
    focused,
    in_gauge,
    solve_moments,
)

METHODS = (
    "lasso", "refitted", "pursuit", "correlation", "random", "all", "all samples", "own samples",
    "class mean",
)  # fmt: skip
_OWN_SAMPLES = "own samples"


class Beside:
    """Finds equations beside given ones: as many terms, on the same moments, with the same focus.

    Parameters
    ----------
    deps : Dependencies
        What the others stand beside.
    fit : Moments
        What they were found on.
    origin : Origin
        Of ``deps``.
    seed : int
        Of the random terms.
    samples : Samples, optional
        Logits of the samples of ``fit``.
    """

    def __init__(
        self, deps: Dependencies, fit: Moments, origin: Origin, seed: int, samples: Samples | None = None
    ):
        self.deps, self.seed = deps, seed
        fit = self.fit = in_gauge(fit, origin)
        samples = self._samples = None if samples is None else samples.in_gauge(origin.row_centred)
        self._own = None if samples is None or origin.focus != _OWN_SAMPLES else OwnSamples(samples)
        left_out = excluded(fit, origin, deps.targets)
        if not isinstance(left_out, str) and left_out is not None and left_out.multiply(deps.coef).nnz:
            origin = replace(origin, allow_same=True)  # it is not known, and they have such terms
        self.origin = origin

    def possible(self, *, logits: bool) -> tuple[str, ...]:
        """Return the methods that can be found, with or without logits of other samples."""
        deps = self.deps
        classes = self.fit.classes is not None
        without: set[str] = set()
        if deps.focus is None or not (deps.focus > 0.0).any():
            without.add("all samples")
        if not classes and not self._own_samples_known:
            without.add("own samples")
        if not classes or not logits:
            without.add("class mean")
        if not self.moments_known:
            without |= {*METHODS[:6]} - {deps.solution}
        return tuple(method for method in METHODS if method not in without)

    def solve(self, method: str, progress: Report | None = None) -> Dependencies | None:
        """Find equations by a method; None where the Lasso solutions of refitted ones are not found again."""
        if method == self.deps.solution:
            return self.deps
        if method == "all samples":
            return self._other_focus(0.0, progress)
        if method == "own samples":
            return self._only_own(progress)
        parts, order = [], []
        for here, rows in self.moments():
            one = self._part(method, self.deps.take(here), rows, progress)
            if one is None:
                return None
            parts.append(one)
            order.append(here)
        return joined(parts, order)

    def _part(
        self, method: str, deps: Dependencies, rows: baselines.Rows, progress: Report | None
    ) -> Dependencies | None:
        """Solve targets of one share."""
        if method == "pursuit":
            path = rows.blocks.paths(progress, max_terms=_most(deps), method="pursuit", weights=rows.sizes())
            return baselines.as_many(partial(_refitted_at, path), deps.n_terms)
        if method in ("lasso", "refitted") and deps.method == "pursuit":
            path = self._followed(rows.blocks, progress)
            refit = method == "refitted"
            return baselines.as_many(lambda k: path.at(terms=k, refit=refit), deps.n_terms)
        if method == "lasso":
            return self._lasso(deps, rows)
        if method == "refitted":
            return baselines.refitted(deps, rows)
        if method == "all":
            return baselines.all_others(deps, rows)
        if method == "correlation":
            choice = baselines.by_correlation(deps.n_terms, rows)
        else:
            choice = baselines.at_random(deps.n_terms, rows, self.seed)
        return baselines.refitted(deps, rows, choice)

    def _lasso(self, deps: Dependencies, rows: baselines.Rows) -> Dependencies | None:
        """Lasso solutions of refitted ones, if they have the same terms."""
        paths = rows.blocks.paths(
            max_terms=rows.n_sources,
            min_lambda=deps.lam,
            l2=self.origin.l2,
            positive=self.origin.positive,
        )
        again = paths.at(lam=deps.lam)
        differing = (again.coef != 0).astype(np.int8) - (deps.coef != 0).astype(np.int8)
        return again if differing.count_nonzero() == 0 else None

    def _only_own(self, progress: Report | None) -> Dependencies:
        """As many terms of the Lasso on own samples only: these themselves, or what their means say."""
        if not self._own_samples_known:
            return self._other_focus(1.0, progress)
        origin, deps = self.origin, self.deps
        return baselines.as_many(
            lambda terms: solve_moments(
                self.fit,
                target=origin.target_model,
                source=origin.source_model,
                focus="own",
                samples=self._samples,
                terms=terms,
                refit=True,
                l2=origin.l2,
                positive=origin.positive,
                allow_same=origin.allow_same,
                same_by=origin.same_by,
                targets=deps.targets,
                progress=progress,
            ),
            deps.n_terms,
        )

    def _other_focus(self, focus: float, progress: Report | None) -> Dependencies:
        """As many terms of the Lasso with another focus, least squares."""
        deps = self.deps
        origin, shares = focused(self.fit, replace(self.origin, focus=None), deps.targets, focus)
        options = {"max_terms": _most(deps), "l2": origin.l2, "positive": origin.positive}
        paths = FocusedPaths(self.fit, origin, deps.targets, shares, progress=progress, **options)
        return baselines.as_many(partial(_refitted_at, paths), deps.n_terms)

    def _followed(self, blocks: Blocks, progress: Report | None) -> Path:
        return blocks.paths(
            progress, max_terms=_most(self.deps), l2=self.origin.l2, positive=self.origin.positive
        )

    @property
    def _own_samples_known(self) -> bool:
        return self._samples is not None and self.origin.kind == "second_moment"

    @property
    def moments_known(self) -> bool:
        """Whether the moments that the dependencies were found on can be made."""
        focused = self.deps.focus is not None and (self.deps.focus > 0.0).any()
        if self.origin.focus == _OWN_SAMPLES:
            return self._own is not None
        return not focused or self.fit.classes is not None

    def moments(self) -> Iterator[tuple[Places, baselines.Rows]]:
        """Targets of one share, some at a time, and their moments, without what may not explain them."""
        deps, origin = self.deps, self.origin
        if origin.focus == _OWN_SAMPLES and self._own is None:
            raise ValueError(
                "these equations are of own samples, of which moments know nothing; give own_samples="
            )
        for here, blocks in blocks_of(self.fit, origin, deps.targets, deps.focus, self._own):
            yield here, baselines.Rows(blocks)


def _refitted_at(path: Path | FocusedPaths, terms: int) -> Dependencies:
    return path.at(terms=terms, refit=True)


def _most(deps: Dependencies) -> int:
    return max(1, int(deps.n_terms.max(initial=1)))
