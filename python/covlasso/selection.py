"""Which place on a path to take: where the error on other samples is least, exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from covlasso import _piecewise
from covlasso._error_curves import arrays, error_curves, other_of
from covlasso._pairs import Halves, halves, pair_of
from covlasso._piecewise import PiecewiseQuadratic
from covlasso._problem import check_count, check_flag, check_number
from covlasso.dependencies import Dependencies
from covlasso.moments import Kind, Moments

if TYPE_CHECKING:
    from covlasso.solution_path import Path

Float64 = npt.NDArray[np.float64]
Rule = Literal["minimum", "one-standard-error"]
Progress = Callable[[int, int], object]

RULES = ("minimum", "one-standard-error")


@dataclass(frozen=True, eq=False, repr=False)
class Selection:
    """A place on every path, chosen by the error on other samples; made by `Path.select`.

    Attributes
    ----------
    dependencies : Dependencies
        The solutions there.
    held_out_error : (n_targets,) array
        Error on the other samples there; with folds its mean over the folds, each left out in turn. It was
        minimised, so it flatters a little too: quote figures on samples that did not choose.
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
    at_end: npt.NDArray[np.bool_]
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
            f"over energy {np.nanmedian(inside):.3f} in-sample and {np.nanmedian(outside):.3f} held out "
            f"(medians), {int(self.at_end.sum())} at the end of their path)"
        )


def select(
    path: Path,
    moments: Moments | Halves | Sequence[Moments],
    *,
    rule: Rule,
    per_target: bool,
    refit: bool,
    terms: int | None,
    relative_error: float | None,
    target: str | None,
    source: str | None,
    moment: Kind,
    progress: Progress | None,
) -> Selection:
    """Choose a place on every path; see `Path.select`."""
    _check(rule, relative_error, moment)
    parts, folded = _parts(moments, rule)
    names = pair_of(parts[0], target, source)
    if path.intra != (names[0] == names[1]):
        kind = "within one network" if path.intra else "between two networks"
        raise ValueError(f"these paths are {kind}; name target and source accordingly")
    refit = check_flag(refit, "refit")
    report = _counter(progress, len(parts) * path.n_targets)
    if folded:
        curves = _fold_curves(path, parts, (*names, moment), refit, report)
    else:
        curves = [error_curves(path, other_of(path, parts[0], *names, moment), refit, report)]

    least = np.zeros(path.n_targets) if terms is None else path.at(terms=check_count(terms, "terms")).lam
    if check_flag(per_target, "per_target"):
        lam = [_choose(of_target, rule, floor, relative_error)
               for *of_target, floor in zip(*curves, least, strict=True)]  # fmt: skip
    else:
        of_all = [_piecewise.mean_of(of_fold) for of_fold in curves]
        lam = [_choose(of_all, rule, float(least.max()), relative_error)] * path.n_targets
    name = rule if relative_error is None else f"relative error {relative_error:g}"
    return _selection(path, np.array(lam), curves, refit, name)


def _choose(
    errors: Sequence[PiecewiseQuadratic], rule: Rule, least: float, relative_error: float | None
) -> float:
    """Lambda for one error per fold, by the rule."""
    error = errors[0] if len(errors) == 1 else _piecewise.mean_of(errors)
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


def _fold_curves(
    path: Path,
    folds: list[Moments],
    names: tuple[str, str, Kind],
    refit: bool,
    report: Callable[[], None],
) -> list[list[PiecewiseQuadratic]]:
    """Errors on each fold of the paths found on all others."""
    curves = []
    for k, fold in enumerate(folds):
        rest = folds[:k] + folds[k + 1 :]
        others = rest[0].copy()
        for part in rest[1:]:
            others += part
        again = path.again(*arrays(others, *names))
        curves.append(error_curves(again, other_of(again, fold, *names), refit, report))
    return curves


def _parts(moments: Any, rule: Rule) -> tuple[list[Moments], bool]:
    """Return the one held-out part, or the folds, and whether it is folds."""
    if isinstance(moments, (list, tuple)) and not hasattr(moments, "fit"):
        folds = list(moments)
    else:
        held_out, folds = halves(moments)[1], list(getattr(moments, "folds", ()))
        if rule == "minimum" and held_out is not None:
            return [held_out], False
    if len(folds) < 2 or not all(isinstance(fold, Moments) for fold in folds):
        need = (
            "at least two folds" if rule == "one-standard-error" else "a held-out part or at least two folds"
        )
        raise ValueError(
            f"rule {rule!r} needs {need}; accumulate moments with them, or give a list of Moments"
        )
    return folds, True


def _check(rule: str, relative_error: float | None, moment: Kind) -> None:
    if rule not in RULES:
        raise ValueError(f"rule is {rule!r}; one of {', '.join(map(repr, RULES))} is expected")
    if moment not in ("second_moment", "covariance"):
        raise ValueError(f'moment is {moment!r}; "second_moment" or "covariance" is expected')
    if relative_error is not None:
        check_number(relative_error, "relative_error")
        if rule != "minimum":
            raise ValueError("relative_error is a rule itself; leave rule out")


def _counter(progress: Progress | None, total: int) -> Callable[[], None]:
    """Make what counts one more target."""
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    return count
