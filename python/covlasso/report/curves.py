"""Error against the number of terms, and the paths behind it, from the moments of a solution."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Float64, Places
from covlasso._base.progress import TitledReport
from covlasso.dependencies import Dependencies
from covlasso.evidence import r2_by_terms
from covlasso.report.entry import Measured
from covlasso.solver import Blocks, Path

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
_SAME = 1e-6  # largest difference of coefficients, relative to the largest of all, that is the same solution


@dataclass(frozen=True, eq=False)
class Curves:
    """R^2 of every target with at most 0, 1, ..., K terms, and the paths they were read off.

    Attributes
    ----------
    path : Path
        Followed until just before term K + 1 enters.
    r2 : dict of (K + 1, n_targets) arrays
        Keys "fit.lasso", "fit.refit", and with held-out moments "heldOut.lasso", "heldOut.refit"; of a
        pursuit "fit.pursuit" and "heldOut.pursuit". NaN for a target without energy.
    reproduced : bool
        Whether the path at the lambda of the dependencies (of a pursuit: at their numbers of terms) is the
        dependencies. Where it is not, they were found with other options (weights, exclusions), and the path
        is not theirs.
    """

    path: Path
    r2: dict[str, Float64]
    reproduced: bool

    @property
    def terms(self) -> int:
        """K, the largest number of terms."""
        return len(next(iter(self.r2.values()))) - 1

    def bands(self) -> dict[str, Float64]:
        """Quantiles over the targets, (len(QUANTILES), K + 1) each; targets without energy are left out.

        Such a target may have energy in one part of the sample and none in the other.
        """
        known = np.all([np.isfinite(values).all(axis=0) for values in self.r2.values()], axis=0)
        if not known.any():
            return {}
        return {name: np.quantile(values[:, known], QUANTILES, axis=1) for name, values in self.r2.items()}


def follow(entry: Measured, fit: Blocks, terms: int, progress: TitledReport | None) -> Curves:
    """Solve the paths of ``entry`` on ``fit`` to ``terms`` terms, and measure them on both parts."""
    told = None if progress is None else partial(progress, f"paths, {entry.title}")
    deps, origin = entry.deps, entry.origin
    paths = fit.paths(told, max_terms=terms, l2=origin.l2, positive=origin.positive, method=deps.method)
    measure = entry.measure()
    r2 = {}
    kinds = {"lasso": False, "refit": True} if deps.method == "lasso" else {"pursuit": True}
    for done, (name, refit) in enumerate(kinds.items()):
        report = None if progress is None else partial(_tell, progress, entry.title, done, len(kinds))
        found = r2_by_terms(paths, terms, refit=refit, measure=measure, report=report)
        r2[f"fit.{name}"] = found.fit
        if found.held_out is not None:
            r2[f"heldOut.{name}"] = found.held_out
    return Curves(paths, r2, _reproduces(deps, paths))


def _tell(progress: TitledReport, title: str, done: int, kinds: int, k: int, terms: int) -> None:
    """Count the terms of the Lasso and of its refit together."""
    progress(f"error by terms, {title}", k + done * terms, kinds * terms)


def _reproduces(deps: Dependencies, paths: Path) -> bool:
    """Compare the dependencies with the path at their lambda, as far as the path goes.

    A place given by a number of terms is the knot where the next one enters: a hair before it the support is
    theirs beyond doubt.
    """
    if deps.method == "pursuit":
        return _pursued(deps, paths)
    reached = deps.lam >= paths.lambda_end
    before = np.maximum(deps.lam, paths.lambda_end) * (1.0 + 1e-9)
    return _same(deps, paths.at(lam=before, refit=deps.refit), np.flatnonzero(reached))


def _pursued(deps: Dependencies, paths: Path) -> bool:
    """Compare a pursuit with its first terms, as many as each target has."""
    terms = [k for k in np.unique(deps.n_terms).tolist() if 0 < k <= paths.max_terms]
    return all(_same(deps, paths.at(terms=k), np.flatnonzero(deps.n_terms == k)) for k in terms)


def _same(deps: Dependencies, found: Dependencies, rows: Places) -> bool:
    """Whether these rows have the same coefficients."""
    difference = scipy.sparse.csr_array(found.coef - deps.coef)[rows]
    largest = np.abs(deps.coef.data).max(initial=0.0)
    return bool(np.abs(difference.data).max(initial=0.0) <= _SAME * largest)
