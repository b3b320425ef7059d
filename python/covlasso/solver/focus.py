"""Which share of its equation a category's own samples get: one number, or one per target."""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from covlasso._base.arrays import Float64, Int32, Places
from covlasso._base.checks import check_vector
from covlasso.dependencies import Origin
from covlasso.moments import Moments
from covlasso.solver.own_samples import OwnSamples


def check_focus(focus: Any, n_targets: int) -> Float64:
    """One share per target, from 0 to 1.

    Raises
    ------
    TypeError, ValueError
        ``focus`` is neither a number nor one per target, or out of range.
    """
    if isinstance(focus, (bool, str)) or not (isinstance(focus, numbers.Real) or np.ndim(focus) == 1):
        raise TypeError(f'focus is {focus!r}; a number from 0 to 1 is expected, one per target, or "own"')
    alphas = (
        np.full(n_targets, float(focus)) if np.ndim(focus) == 0 else check_vector(focus, "focus", n_targets)
    )
    bad = ~((alphas >= 0.0) & (alphas <= 1.0))
    if bad.any():
        t = int(np.argmax(bad))
        where = "" if np.ndim(focus) == 0 else f"[{t}]"
        raise ValueError(
            f"focus{where} is {alphas[t]:g}; a share from 0 (all samples alike) to 1 (the category's own) is "
            "expected, 0.1 to 0.3 is usual"
        )
    return alphas


def focused(
    moments: Moments, origin: Origin, targets: Int32, focus: Any, own: OwnSamples | None = None
) -> tuple[Origin, Float64 | None]:
    """Return the origin with its focus, and the share of every target: 0 where its class has no sample.

    Parameters
    ----------
    moments : Moments
        With sums by class, where the focus is not 0.
    origin : Origin
        Of what is asked for.
    targets : (n_targets,) int32 array
        Categories to solve.
    focus : float, (n_targets,) array, "own", or None
        As `solve_moments` takes it; None and 0 are no focus.
    own : OwnSamples, optional
        Samples that stand for the class means.

    Raises
    ------
    TypeError, ValueError
        ``focus`` is no share, or the moments know no classes.
    """
    if focus is None:
        if own is not None:
            raise ValueError('samples are for a focus; give focus too, "own" for own samples only')
        return origin, None
    if isinstance(focus, str) and focus == "own":
        if own is None:
            raise ValueError('focus="own" needs the samples themselves; give samples=covlasso.logits.Samples')
        focus = 1.0
    alphas = check_focus(focus, len(targets))
    if np.ndim(focus) == 0 and focus == 0.0:
        return origin, None
    if own is not None:
        own.check(moments, origin, targets)
        return replace(origin, focus="own samples"), np.where(own.counts(targets) > 0, alphas, 0.0)
    if moments.classes is None:
        raise ValueError(
            'focus needs the class means, and these moments have none; make them with classes="decisions" or '
            '"labels" (covlasso moments, covlasso extract: --classes decisions)'
        )
    has = moments.class_counts(origin.target_model)[targets] > 0
    return replace(origin, focus=moments.classes), np.where(has, alphas, 0.0)


def by_share(focus: Float64 | None, n_targets: int) -> Iterator[tuple[Places, float | None]]:
    """Positions of the targets that have the same share, and this share; None: no focus."""
    if focus is None:
        yield np.arange(n_targets), None
        return
    for alpha in np.unique(focus):
        here = np.flatnonzero(focus == alpha)
        yield here, float(alpha)
