"""How much focus and how many terms: F1 of replaced logits on other samples, over a grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Array, Float64, Int32, Kind
from covlasso._base.checks import check_flag, check_number
from covlasso._base.digits import r2_text
from covlasso._base.frames import Tabular
from covlasso._base.progress import TitledReport
from covlasso.dependencies import Dependencies, Origin, SameBy
from covlasso.evidence.decisions import EPS, Decisions, decisions
from covlasso.evidence.prediction import Prediction, prediction_of
from covlasso.evidence.rates import RATES, Rates
from covlasso.logits import Rows, Samples
from covlasso.moments import Halves, Moments, halves
from covlasso.solver import (
    FocusedPaths,
    Path,
    Targets,
    checked_origin,
    focused,
    in_gauge,
    pair_of,
    targets_of,
)

ALPHAS = (0.03, 0.1, 0.3)
TERMS = (5, 10, 20, 50)
TOLERANCE = 0.01


@dataclass(frozen=True, eq=False, repr=False)
class FocusChoice(Tabular):
    """F1 over focus and numbers of terms, and the cell that was chosen; made by `covlasso.choose_focus`.

    The choice flatters a little: quote figures on samples that did not choose.

    Attributes
    ----------
    focus : float
        The focus that was chosen.
    terms : int
        The number of terms that was chosen.
    dependencies : Dependencies
        The refitted equations there.
    alphas, places : tuple
        The grid: focuses (rows) and numbers of terms (columns).
    decisions : tuple of tuple of Decisions
        What was measured in every cell.
    network : Rates
        Recall and the like of the network itself.
    tolerance : float
        How much less F1 than the largest of the grid was allowed for the sake of fewer terms.
    """

    focus: float
    terms: int
    dependencies: Dependencies
    alphas: tuple[float, ...]
    places: tuple[int, ...]
    decisions: tuple[tuple[Decisions, ...], ...]
    network: Rates
    tolerance: float

    def table(self, name: str = "f1") -> Float64:
        """Return a rate of `Rates` as (alphas, places): means over the categories, replaced one at a time."""
        return np.array([[one.replaced.mean(name) for one in row] for row in self.decisions])

    @property
    def best(self) -> tuple[float, int]:
        """Focus and number of terms with the largest mean F1 of the grid."""
        row, column = _best(self.table())
        return self.alphas[row], self.places[column]

    @property
    def at_end(self) -> bool:
        """Whether the choice has the most terms of the grid: more might do better."""
        return self.terms == self.places[-1]

    def columns(self) -> dict[str, Any]:
        """Every cell of the grid: ``focus``, ``terms``, the means of the rates, and medians of R^2.

        ``at_once_`` is with all logits replaced together; ``r2_own`` is about the mean of the category's own
        samples.
        """
        cells = [one for row in self.decisions for one in row]
        columns: dict[str, Any] = {
            "focus": np.repeat(self.alphas, len(self.places)),
            "terms": np.tile(self.places, len(self.alphas)),
        }
        for prefix, rates in (("", "replaced"), ("at_once_", "at_once")):
            for name in RATES:
                columns[prefix + name] = np.array([getattr(one, rates).mean(name) for one in cells])
        columns["at_once_top1"] = np.array([one.at_once_top1 for one in cells])
        for name in ("r2", "r2_centred", "r2_own"):
            columns[name] = np.array([_median(getattr(one, name)) for one in cells])
        return columns

    def __repr__(self) -> str:
        """Say what was chosen, with its figures and those of the network."""
        row, column = self.alphas.index(self.focus), self.places.index(self.terms)
        made = self.decisions[row][column].replaced
        return (
            f"FocusChoice(focus {self.focus:g}, {self.terms} terms: mean F1 {r2_text(made.mean('f1'), 3)}, "
            f"recall {r2_text(made.mean('recall'), 3)}, false alarms {made.mean('false_alarms'):.3f}; the "
            f"network {r2_text(self.network.mean('f1'), 3)}; best of the grid "
            f"{r2_text(self.table().max(), 3)})"
        )


def choose_focus(
    moments: Moments | Halves,
    logits: Array | Rows,
    *,
    source_logits: Array | Rows | None = None,
    labels: npt.ArrayLike | None = None,
    rows: npt.ArrayLike | None = None,
    target: str | None = None,
    source: str | None = None,
    kind: Kind = "second_moment",
    alphas: Sequence[float] = ALPHAS,
    terms: Sequence[int] = TERMS,
    tolerance: float = TOLERANCE,
    l2: float = 0.0,
    positive: bool = False,
    allow_same: bool = False,
    same_by: SameBy | None = None,
    row_centred: bool = False,
    targets: Targets | None = None,
    n_threads: int | None = None,
    device: str | Sequence[str] = "cpu",
    progress: TitledReport | None = None,
) -> FocusChoice:
    """Choose focus and number of terms by F1 on other samples: one solve for each, one pass over logits.

    Every path is read at every number of terms, and the refitted equations there replace the logits, one at a
    time and all at once. The rule: of the numbers of terms whose best mean F1 over the focuses is within
    ``tolerance`` of the largest of the grid, the smallest; there the focus with the largest F1, of equal ones
    the smaller.

    Parameters
    ----------
    moments : Moments, SplitMoments, or pair with ``fit`` and ``held_out``
        With classes; the equations are found on their fit part.
    logits : (samples, n) float array, or file of `covlasso.logits.open_logits`
        Of the targets' network on samples that are not among those of the fit part, and not among those that
        figures will be quoted on: the choice flatters a little.
    source_logits, labels, rows
        As in `covlasso.evaluate`.
    target, source, kind, l2, positive, allow_same, same_by, row_centred, targets, n_threads, device
        As in `covlasso.solve_moments`.
    alphas : sequence of float, default (0.03, 0.1, 0.3)
        Focuses, increasing, from 0 (all samples alike) to 1.
    terms : sequence of int, default (5, 10, 20, 50)
        Numbers of terms, increasing.
    tolerance : float, default 0.01
        How much less mean F1 than the largest of the grid is allowed for the sake of fewer terms.
    progress : callable, optional
        Called as progress(title, done, total).

    Returns
    -------
    FocusChoice

    Raises
    ------
    TypeError, ValueError
        As in `covlasso.evaluate` and `covlasso.solve_moments`, or the grid is empty or does not increase.
    """
    fit = _fit(moments)
    fit = moments = fit.as_row_centred() if check_flag(row_centred, "row_centred") else fit
    models = pair_of(fit, target, source)
    origin = checked_origin(fit, models, kind, l2, positive, allow_same, same_by)
    samples = Samples(logits, source_logits, labels, rows)
    return choose_for(
        origin,
        moments,
        samples,
        alphas=alphas,
        terms=terms,
        tolerance=tolerance,
        targets=targets,
        progress=progress,
        n_threads=n_threads,
        device=device,
    )


def choose_for(
    origin: Origin,
    moments: Moments | Halves,
    samples: Samples,
    *,
    alphas: Sequence[float],
    terms: Sequence[int],
    tolerance: float = TOLERANCE,
    targets: Targets | None = None,
    progress: TitledReport | None = None,
    **machine: Any,
) -> FocusChoice:
    """`choose_focus` of a direction; ``machine``: ``n_threads`` and ``device``."""
    fit = in_gauge(_fit(moments), origin)
    samples = samples.in_gauge(origin.row_centred)
    _grid(terms, "terms", 1)
    rows = targets_of(fit, origin.target_model, targets)

    def paths_of(alpha: float) -> FocusedPaths:
        there, shares = focused(fit, replace(origin, focus=None), rows, alpha)
        options = {"max_terms": int(max(terms)), "l2": origin.l2, "positive": origin.positive}
        return FocusedPaths(fit, there, rows, shares, **options, **machine)

    return measured(
        paths_of, samples, fit, alphas=alphas, terms=terms, tolerance=tolerance, progress=progress
    )


def _fit(moments: Moments | Halves) -> Moments:
    fit = halves(moments, lambda _whole: True).fit
    if fit is None:
        raise ValueError("moments has no fit part; give the moments that equations are found on")
    return fit


def measured(
    paths_of: Callable[[float], Path | FocusedPaths],
    samples: Samples,
    fit: Moments,
    *,
    alphas: Sequence[float] = ALPHAS,
    terms: Sequence[int] = TERMS,
    tolerance: float = TOLERANCE,
    progress: TitledReport | None = None,
) -> FocusChoice:
    """Measure every cell of the grid in one pass over the samples, and choose.

    The rule: of the numbers of terms whose best F1 over the focuses is within ``tolerance`` of the largest of
    the grid, the smallest; there the focus with the largest F1, of equal ones the smaller.

    Parameters
    ----------
    paths_of : callable
        Paths of a focus, to at least the most terms.
    samples : Samples
        Other samples than those that the paths are found on.
    fit : Moments
        Those that the paths are found on: means are theirs.
    alphas, terms, tolerance, progress
        As in `choose_focus`.
    """
    focuses, places = _grid(alphas, "alphas", 0.0), _grid(terms, "terms", 1)
    tolerance = check_number(tolerance, "tolerance")
    found: list[list[Dependencies]] = []
    for done, alpha in enumerate(focuses):
        if progress is not None:
            progress("paths", done, len(focuses))
        path = paths_of(alpha)
        found.append([path.at(terms=k, refit=True) for k in places])
    if progress is not None:
        progress("paths", len(focuses), len(focuses))
    first = found[0][0]
    samples.check(first.n_sources, first.targets, first.intra)
    made = _decided(found, fit, samples, first.targets, progress)
    row, column = _chosen(np.array([[one.replaced.mean("f1") for one in cells] for cells in made]), tolerance)
    return FocusChoice(
        focus=focuses[row],
        terms=places[column],
        dependencies=found[row][column],
        alphas=focuses,
        places=places,
        decisions=made,
        network=made[0][0].network,
        tolerance=tolerance,
    )


def _decided(
    found: Sequence[Sequence[Dependencies]],
    fit: Moments,
    samples: Samples,
    targets: Int32,
    progress: TitledReport | None,
) -> tuple[tuple[Decisions, ...], ...]:
    """Decisions of all cells, row by row."""
    told = None if progress is None else lambda done, total: progress("logits", done, total)
    predictors: list[Prediction] = [
        prediction_of(deps, fit, fit, None, None) for cells in found for deps in cells
    ]
    made = iter(decisions(predictors, targets, samples, np.array(EPS), told))
    return tuple(tuple(next(made) for _ in cells) for cells in found)


def _chosen(f1: Float64, tolerance: float) -> tuple[int, int]:
    """Row and column by the rule."""
    if not np.isfinite(f1).any():
        raise ValueError("no category of the targets has a sample; F1 needs labels, or logits, of some")
    enough = f1.max(axis=0) >= f1.max() - tolerance
    column = int(np.argmax(enough))
    return int(np.argmax(f1[:, column])), column


def _best(f1: Float64) -> tuple[int, int]:
    """Row and column of the largest, of equal ones that with fewest terms."""
    column, row = np.unravel_index(int(np.argmax(f1.T)), f1.T.shape)
    return int(row), int(column)


def _grid(values: Sequence[Any], name: str, least: float) -> tuple[Any, ...]:
    """Return increasing values, each once."""
    whole = name == "terms"
    most = np.inf if whole else 1.0
    given = list(values)
    for value in given:
        kind = (int, np.integer) if whole else (int, float, np.integer, np.floating)
        if isinstance(value, bool) or not isinstance(value, kind) or not least <= value <= most:
            expected = "integers of at least 1" if whole else "numbers from 0 to 1"
            raise ValueError(f"{name} has {value!r}; {expected} are expected")
    if not given or sorted(set(given)) != given:
        raise ValueError(f"{name} is {given}; increasing values are expected, at least one")
    return tuple(int(value) if whole else float(value) for value in given)


def _median(values: Float64) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")
