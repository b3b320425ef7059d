"""Which place on a path to take: where the error on other samples is least, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from covlasso._base.arrays import Bool, Float64, Kind
from covlasso._base.checks import check_count, check_flag, check_kind, check_number
from covlasso._base.digits import coefficient_text
from covlasso._base.progress import Report, Tick, ticks
from covlasso.dependencies import Dependencies, Origin
from covlasso.evidence import piecewise
from covlasso.evidence.error_curves import error_curves
from covlasso.evidence.piecewise import PiecewiseQuadratic
from covlasso.moments import Halves, Moments, halves, merged
from covlasso.solver import Blocks, Path, check_sizes, found_on, pair_of

Rule = Literal["minimum", "one-standard-error"]

RULES = ("minimum", "one-standard-error")


@dataclass(frozen=True, eq=False, repr=False)
class Selection:
    """A place on every path, chosen by the error on other samples; made by `covlasso.select`.

    Attributes
    ----------
    dependencies : Dependencies
        The solutions there.
    held_out_error : (n_targets,) array
        Error of ``dependencies`` on the other samples; with folds the mean over the folds of the error of the
        paths found on all others, at the same lambda. It was minimised, so it flatters a little too: quote
        figures on samples that did not choose.
    standard_error : (n_targets,) array, or None
        With folds: standard error of that mean.
    at_end : (n_targets,) bool array
        The place is the end of the path: more terms might have done better.
    rule : str
        "minimum", "one-standard-error", or "relative error 0.3".
    """

    dependencies: Dependencies
    held_out_error: Float64
    standard_error: Float64 | None
    at_end: Bool
    rule: str

    @property
    def lam(self) -> Float64:
        """Lambda of every target, in the paper's scale (no 1/2)."""
        return self.dependencies.lam

    @property
    def optimism(self) -> Float64:
        """How much the error flatters in-sample: ``held_out_error - dependencies.error``, per target."""
        return self.held_out_error - self.dependencies.error

    def __repr__(self) -> str:
        """Say the rule, the number of terms, and both errors."""
        terms, energy = self.dependencies.n_terms, self.dependencies.energy
        with np.errstate(invalid="ignore"):
            inside, outside = self.dependencies.error / energy, self.held_out_error / energy
        return (
            f"Selection({self.rule}: {np.median(terms):g} terms ({terms.min()} to {terms.max()}), error "
            f"over energy {coefficient_text(np.nanmedian(inside), 3)} in-sample and "
            f"{coefficient_text(np.nanmedian(outside), 3)} held out (medians), {int(self.at_end.sum())} at "
            "the end of their path)"
        )


def select(
    path: Path,
    moments: Moments | Halves | Sequence[Moments],
    *,
    rule: Rule = "minimum",
    per_target: bool = True,
    refit: bool = False,
    terms: int | None = None,
    relative_error: float | None = None,
    target: str | None = None,
    source: str | None = None,
    kind: Kind = "second_moment",
    row_centred: bool = False,
    progress: Report | None = None,
) -> Selection:
    """Choose the place where the error on other samples is least, exactly.

    With b(lambda) linear between its knots, the error b'Hb - 2 h'b + e_h on other moments is a quadratic
    in lambda on every piece of the path, and so is a sum of such errors: the minimum is that of the best
    piece, with no grid. After a refit the error is constant on every piece. Of focused paths (`Path.focus`)
    it is the error on the other samples with the same share of own samples; these must know classes, too.

    Parameters
    ----------
    path : Path
        Solved paths.
    moments : Moments, SplitMoments, pair with ``fit`` and ``held_out``, or list of Moments
        Other samples. Moments that were not split, and a held-out part, are measured on as they are. With
        folds (of SplitMoments, or the list) each fold is left out in turn: the paths are found again on
        all others with the same options and measured on it, and the errors are averaged.
    rule : "minimum" or "one-standard-error", default "minimum"
        "one-standard-error": the largest lambda whose mean error over the folds is within one standard
        error of the least one (Breiman et al., *Classification and Regression Trees*, 1984, section
        3.4.3); needs folds, which should be groups of samples that are independent of each other.
    per_target : bool, default True
        A lambda for every target; False: one for all, at which the sum of all errors is least; where a
        path ends before it, its end counts.
    refit : bool, default False
        Choose by the error after a refit, and return refitted solutions.
    terms : int, optional
        Stay at or above the lambda of ``at(terms=terms)``: at most so many terms (with ``per_target``
        False at the largest such lambda of all targets).
    relative_error : float, optional
        Instead of the minimum: the largest lambda whose error on the other samples is at most
        relative_error times that without any term; where there is none, the minimum.
    target, source : str, optional
        Models of targets and sources in ``moments``; by default the only one.
    kind : {"second_moment", "covariance", "correlation"}, default "second_moment"
        Of which moments these paths were found. Correlations of other samples are over their own deviations.
    row_centred : bool, default False
        Whether they were found on row-centred logits; ``moments`` are made such.
    progress : callable, optional
        Called as progress(done, total), counting targets times folds.

    Returns
    -------
    Selection
        The solutions, the errors, and how much the error flatters in-sample.

    Raises
    ------
    TypeError, ValueError
        The moments do not fit, there are no folds where the rule needs them, or an option is wrong; ``terms``
        is less than the sources of weight 0 of a target; or the path is a pursuit, which has no lambda to
        choose.
    """
    if path.method == "pursuit":
        raise ValueError("path is a pursuit, which has no lambda to choose; give the paths of the Lasso")
    _check(rule, relative_error, kind)
    made_of: dict[str, Any] = {"kind": kind, "row_centred": check_flag(row_centred, "row_centred")}
    parts, folded = _parts(path, moments, rule, target, source, made_of)
    origin = Origin(*pair_of(parts[0], target, source), **made_of)
    if path.intra != origin.intra:
        where = "within one network" if path.intra else "between two networks"
        raise ValueError(f"these paths are {where}; name target and source accordingly")
    refit = check_flag(refit, "refit")
    tick = ticks(progress, len(parts) * path.n_targets)
    if folded:
        curves = _fold_curves(path, parts, origin, refit, tick)
    else:
        curves = [_curves(path, parts[0], origin, refit, tick)]

    least = np.zeros(path.n_targets) if terms is None else path.at(terms=check_count(terms, "terms")).lam
    if check_flag(per_target, "per_target"):
        lam = [_choose(of_target, rule, floor, relative_error)
               for *of_target, floor in zip(*curves, least, strict=True)]  # fmt: skip
    else:
        of_all = [piecewise.mean_of(of_fold) for of_fold in curves]
        lam = [_choose(of_all, rule, float(least.max()), relative_error)] * path.n_targets
    name = rule if relative_error is None else f"relative error {relative_error:g}"
    chosen = _selection(path, np.array(lam), curves, refit, name)
    if folded:
        return chosen
    measured = _blocks(path, parts[0], origin).error(chosen.dependencies.coef)
    return replace(chosen, held_out_error=measured)


def _choose(
    errors: Sequence[PiecewiseQuadratic], rule: Rule, least: float, relative_error: float | None
) -> float:
    """Lambda for one error per fold, by the rule."""
    error = errors[0] if len(errors) == 1 else piecewise.mean_of(errors)
    lam, value = error.minimum(least)
    level = None
    if relative_error is not None:
        level = relative_error * error.above
    elif rule == "one-standard-error":
        level = value + _standard_error([fold(lam) for fold in errors])
    reached = None if level is None else error.first_below(level)
    return lam if reached is None else max(reached, least)


def _standard_error(errors: Sequence[float]) -> float:
    return float(np.std(errors, ddof=1) / np.sqrt(len(errors)))


def _selection(
    path: Path, lam: Float64, curves: Sequence[Sequence[PiecewiseQuadratic]], refit: bool, rule: str
) -> Selection:
    """Read the paths at the lambdas, and the errors there."""
    lam = np.maximum(lam, path.lambda_end)  # where a path ends earlier, its end
    errors = np.array([[curve(at) for curve, at in zip(of_fold, lam, strict=True)] for of_fold in curves])
    several = len(curves) > 1
    return Selection(
        dependencies=path.at(lam=lam, refit=refit),
        held_out_error=errors.mean(axis=0),
        standard_error=errors.std(axis=0, ddof=1) / np.sqrt(len(curves)) if several else None,
        at_end=lam <= path.lambda_end,
        rule=rule,
    )


def _curves(
    path: Path, moments: Moments, origin: Origin, refit: bool, tick: Tick
) -> list[PiecewiseQuadratic]:
    """Errors of a path on other moments."""
    check_sizes(moments, origin, path.targets, path.n_sources)
    return error_curves(path, _blocks(path, moments, origin), refit, tick)


def _blocks(path: Path, moments: Moments, origin: Origin) -> Blocks:
    return Blocks.of(moments, origin, path.targets, focus=path.focus)


def _fold_curves(
    path: Path, folds: list[Moments], origin: Origin, refit: bool, tick: Tick
) -> list[list[PiecewiseQuadratic]]:
    """Errors on each fold of the paths found on all others."""
    curves = []
    for k, fold in enumerate(folds):
        others = merged(folds[:k] + folds[k + 1 :])
        check_sizes(others, origin, path.targets, path.n_sources)
        again = _blocks(path, others, origin).again(path)
        curves.append(_curves(again, fold, origin, refit, tick))
    return curves


def _parts(
    path: Path, moments: Any, rule: Rule, target: str | None, source: str | None, made_of: dict[str, Any]
) -> tuple[list[Moments], bool]:
    """Return the one held-out part, or the folds, and whether it is folds."""
    if isinstance(moments, (list, tuple)) and not hasattr(moments, "fit"):
        folds = list(moments)
    else:

        def found_on_these(whole: Moments) -> bool:
            origin = Origin(*pair_of(whole, target, source), **made_of)
            return found_on(whole, origin, path.targets, path.energy, path.focus)

        fit, held_out = halves(moments, found_on_these)
        folds = list(getattr(moments, "folds", ()))
        if rule == "minimum" and held_out is not None:
            return [held_out], False
        if fit is moments:
            raise ValueError(
                "moments are those that the paths were found on, where more terms are always better; give "
                "moments of other samples"
            )
    if len(folds) < 2 or not all(isinstance(fold, Moments) for fold in folds):
        need = (
            "at least two folds" if rule == "one-standard-error" else "a held-out part or at least two folds"
        )
        raise ValueError(
            f"rule {rule!r} needs {need}; accumulate moments with them, or give a list of Moments"
        )
    return folds, True


def _check(rule: str, relative_error: float | None, kind: Kind) -> None:
    if rule not in RULES:
        raise ValueError(f"rule is {rule!r}; one of {', '.join(map(repr, RULES))} is expected")
    check_kind(kind)
    if relative_error is not None:
        check_number(relative_error, "relative_error")
        if rule != "minimum":
            raise ValueError("relative_error is a rule itself; leave rule out")
