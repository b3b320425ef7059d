"""Which edges survive when other groups of samples are seen: stability selection on moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso._base.arrays import Float64, Int32, Kind, Method, Places
from covlasso._base.checks import check_count, check_flag, check_number
from covlasso._base.progress import Report
from covlasso.dependencies import Dependencies, SameBy
from covlasso.evidence.prediction import origin_of
from covlasso.moments import Moments, SplitMoments, merged
from covlasso.solver import solve_moments

Half = tuple[int, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Stability:
    """How often each edge was found; made by `covlasso.stability`.

    Attributes
    ----------
    frequency : scipy.sparse.csr_array, (n_targets, p)
        Share of the subsets whose dependency of the target has the source; edges never found are not stored.
    mean_terms : (n_targets,) array
        q, the mean number of terms over the subsets.
    n_subsets : int
        Two per pair of halves.
    targets : (n_targets,) int32 array
        Categories explained.
    """

    frequency: scipy.sparse.csr_array
    mean_terms: Float64
    n_subsets: int
    targets: Int32

    def of(self, deps: Dependencies) -> scipy.sparse.csr_array:
        """Frequency of every term of ``deps``: an array of the pattern of ``deps.coef``, its zeros stored.

        Raises
        ------
        ValueError
            The targets or the sources are others.
        """
        if not np.array_equal(deps.targets, self.targets) or deps.coef.shape != self.frequency.shape:
            raise ValueError("deps has other targets or sources than these frequencies")
        position = np.repeat(np.arange(deps.n_targets), deps.n_terms)
        found = np.asarray(self.frequency[position, deps.coef.indices], dtype=np.float64).ravel()
        pattern = (found, deps.coef.indices, deps.coef.indptr)
        return scipy.sparse.csr_array(pattern, shape=deps.coef.shape)

    def stable(self, threshold: float = 0.9) -> scipy.sparse.csr_array:
        """Edges found in at least this share of the subsets, a boolean (n_targets, p) array."""
        kept = self.frequency.copy()
        kept.data = np.where(kept.data >= _checked(threshold), kept.data, 0.0)
        kept.eliminate_zeros()
        return scipy.sparse.csr_array(kept.astype(bool))

    def expected_false(self, threshold: float = 0.9) -> Float64:
        """Upper bound of the expected number of false edges among `stable` ones, per target (n_targets,).

        q^2 / ((2 threshold - 1) p) with q terms of p candidates on average: Meinshausen and Buehlmann,
        *Stability selection*, J. R. Stat. Soc. B 72 (2010), theorem 1, where noise sources are exchangeable
        and found no better than by chance. For complementary pairs it holds without these assumptions if
        "false" means found by a random half with probability at most q / p: Shah and Samworth, *Variable
        selection with error control: another look at stability selection*, J. R. Stat. Soc. B 75 (2013),
        theorem 1. Both take samples as independent; here whole folds are drawn, so make folds of independent
        groups, and many of them.

        Parameters
        ----------
        threshold : float, default 0.9
            Above 1/2 and at most 1.
        """
        p = self.frequency.shape[1]
        return np.asarray(self.mean_terms**2 / ((2.0 * _checked(threshold) - 1.0) * p))

    def __repr__(self) -> str:
        """Say how many edges there are, and how many are stable."""
        edges, stable = self.frequency.nnz, self.stable().nnz
        return (
            f"Stability({len(self.targets)} targets, {self.n_subsets} subsets, {edges} edges found, "
            f"{stable} in at least 90 % of the subsets, {self.mean_terms.mean():.1f} terms on average)"
        )


def stability(
    folds: SplitMoments | Sequence[Moments],
    *,
    lam: float | None = None,
    terms: int | None = None,
    relative_error: float | None = None,
    pairs: int = 50,
    seed: int = 0,
    target: str | None = None,
    source: str | None = None,
    kind: Kind = "second_moment",
    method: Method = "lasso",
    l2: float = 0.0,
    positive: bool = False,
    allow_same: bool = False,
    same_by: SameBy | None = None,
    row_centred: bool = False,
    focus: float | npt.ArrayLike | None = None,
    targets: Int32 | None = None,
    n_threads: int | None = None,
    device: str | Sequence[str] = "cpu",
    progress: Report | None = None,
) -> Stability:
    """Find dependencies on random halves of the folds, and count how often each edge is found.

    Stability selection with complementary pairs: the folds are divided at random into two halves, and
    dependencies are found on both, again and again (Meinshausen and Buehlmann 2010; Shah and Samworth 2013;
    the references and the control of errors are at `Stability.expected_false`). Moments of a half are sums of
    those of its folds, so that no sample is read again.

    Parameters
    ----------
    folds : SplitMoments, or sequence of Moments
        At least two; folds should be groups of samples that are independent of each other. Of an odd number
        one is left out each time.
    lam, terms, relative_error
        The place on the paths, exactly one of them, as in `covlasso.solve`; lam in the paper's scale (no
        1/2).
    pairs : int, default 50
        Number of divisions, each into two subsets. Where fewer different ones exist (3 of 4 folds), each is
        taken once.
    seed : int, default 0
        Of the divisions.
    target, source : str, optional
        Models of targets and sources; by default the only one.
    kind, method, l2, positive, allow_same, same_by, row_centred
        As in `covlasso.solve_moments`.
    focus : float or (k,) array, optional
        Share of a category's own samples in its equation, as there; the folds need classes. In a half without
        samples of a category its equation is that without focus.
    targets : (k,) int32 array, optional
        Categories, each once. By default all.
    n_threads : int, optional
        By default one per hardware thread.
    device : str or sequence of str, default "cpu"
        As in `covlasso.path`.
    progress : callable, optional
        Called as progress(subsets done, subsets in all).

    Returns
    -------
    Stability

    Raises
    ------
    TypeError, ValueError
        There are fewer than two folds, or an argument is wrong.
    """
    parts = _folds(folds)
    if check_flag(row_centred, "row_centred"):
        parts = [part.as_row_centred() for part in parts]  # once, not for every half
    if isinstance(focus, str):
        raise ValueError(
            f"focus is {focus!r}, and folds have no samples; give a share from 0 to 1, or several"
        )
    options: dict[str, Any] = {
        "target": target, "source": source, "kind": kind, "method": method, "l2": l2,
        "positive": positive, "allow_same": allow_same, "same_by": same_by, "row_centred": row_centred,
        "focus": focus, "lam": lam, "terms": terms, "relative_error": relative_error, "targets": targets,
        "n_threads": n_threads, "device": device, "draws": 0,
    }  # fmt: skip
    subsets = [half for pair in divisions(len(parts), check_count(pairs, "pairs"), seed) for half in pair]

    def solve(half: Half) -> Dependencies:
        return solve_moments(merged([parts[k] for k in half]), **options)

    first = solve(subsets[0])
    counts, n_terms = _present(first), first.n_terms.astype(np.float64)
    for done, half in enumerate(subsets[1:], start=1):
        if progress is not None:
            progress(done, len(subsets))
        found = solve(half)
        counts += _present(found)
        n_terms += found.n_terms
    if progress is not None:
        progress(len(subsets), len(subsets))
    n = len(subsets)
    return Stability(scipy.sparse.csr_array(counts / n), n_terms / n, n, first.targets)


def stability_of(
    deps: Dependencies,
    folds: SplitMoments | Sequence[Moments],
    *,
    pairs: int = 50,
    seed: int = 0,
    progress: Report | None = None,
) -> Stability:
    """`stability` of given dependencies: their options, at their place on the paths.

    That is their lambda where all share one, else the number of terms that each target has.

    Parameters
    ----------
    deps : Dependencies
        Found on these folds together.
    folds, pairs, seed, progress
        As of `stability`.

    Raises
    ------
    TypeError, ValueError
        As of `stability`; or the dependencies are of own samples, which folds do not have.
    """
    origin = origin_of(deps, _folds(folds)[0], None, None)
    if origin.focus == "own samples":
        raise ValueError("these equations are of own samples, and folds of moments have none")
    options: dict[str, Any] = {
        "target": origin.target_model, "source": origin.source_model, "kind": origin.kind,
        "method": deps.method, "l2": origin.l2, "positive": origin.positive,
        "allow_same": origin.allow_same, "same_by": origin.same_by, "row_centred": origin.row_centred,
        "pairs": pairs, "seed": seed,
    }  # fmt: skip
    places = _places_of(deps)
    frequency = scipy.sparse.lil_array(deps.coef.shape)
    mean_terms = np.zeros(deps.n_targets)
    for done, (here, place) in enumerate(places):
        told = None if progress is None else partial(_part_of, progress, done, len(places))
        focus = None if deps.focus is None else deps.focus[here]
        found = stability(folds, targets=deps.targets[here], focus=focus, progress=told, **place, **options)
        frequency[here] = found.frequency
        mean_terms[here] = found.mean_terms
    return Stability(scipy.sparse.csr_array(frequency), mean_terms, found.n_subsets, deps.targets)


def _places_of(deps: Dependencies) -> list[tuple[Places, dict[str, Any]]]:
    """Targets of one place on the paths, and this place; a target without terms is asked for one."""
    if deps.method == "lasso" and len(np.unique(deps.lam)) == 1 and deps.lam[0] > 0.0:
        return [(np.arange(deps.n_targets), {"lam": float(deps.lam[0])})]
    numbers = np.maximum(deps.n_terms, 1)
    return [(np.flatnonzero(numbers == k), {"terms": int(k)}) for k in np.unique(numbers)]


def _part_of(progress: Report, part: int, parts: int, done: int, total: int) -> None:
    progress(part * total + done, parts * total)


def divisions(n_folds: int, pairs: int, seed: int) -> list[tuple[Half, Half]]:
    """Different divisions of the folds into two halves, at random; all there are where ``pairs`` is more."""
    half = n_folds // 2
    wanted = min(pairs, comb(n_folds, half) * comb(n_folds - half, half) // 2)
    rng = np.random.default_rng(seed)
    found: dict[tuple[Half, Half], None] = {}  # keeps the order
    while len(found) < wanted:
        order = rng.permutation(n_folds).tolist()
        one, other = sorted([tuple(sorted(order[:half])), tuple(sorted(order[half : 2 * half]))])
        found[one, other] = None
    return list(found)


def _folds(folds: SplitMoments | Sequence[Moments]) -> list[Moments]:
    parts = list(folds.folds) if isinstance(folds, SplitMoments) else list(folds)
    if len(parts) < 2:
        raise ValueError(f"there are {len(parts)} folds; stability needs at least two, better ten or more")
    if not all(isinstance(part, Moments) for part in parts):
        raise TypeError("folds must be SplitMoments, or a sequence of Moments")
    return parts


def _present(found: Dependencies) -> scipy.sparse.csr_array:
    """Return 1 for every term."""
    return scipy.sparse.csr_array((found.coef != 0).astype(np.float64))


def _checked(threshold: float) -> float:
    if not 0.5 < check_number(threshold, "threshold") <= 1.0:
        raise ValueError(f"threshold is {threshold}; above 0.5 and at most 1 is expected")
    return float(threshold)
