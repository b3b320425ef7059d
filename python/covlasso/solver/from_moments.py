"""Dependencies and paths of one direction, from moments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy.typing as npt

from covlasso._base.arrays import Kind, Method
from covlasso._base.checks import check_flag
from covlasso._base.progress import Report
from covlasso.dependencies import Dependencies, SameBy
from covlasso.moments import Moments
from covlasso.solver.direction import Blocks, pair_of, targets_of
from covlasso.solver.focus import focused
from covlasso.solver.own_category import checked_origin
from covlasso.solver.random_terms import DRAWS
from covlasso.solver.solution_path import Path
from covlasso.solver.targets import Targets
from covlasso.solver.work import Work

if TYPE_CHECKING:
    from covlasso.logits import Samples

_BLOCK = 1 << 25  # entries of the cross moments in memory at a time: 256 MB


def solve_moments(
    moments: Moments,
    *,
    target: str | None = None,
    source: str | None = None,
    kind: Kind = "second_moment",
    lam: float | None = None,
    terms: int | None = None,
    relative_error: float | None = None,
    refit: bool = False,
    method: Method = "lasso",
    max_terms: int | None = None,
    min_lambda: float | None = None,
    l2: float = 0.0,
    positive: bool = False,
    allow_same: bool = False,
    same_by: SameBy | None = None,
    row_centred: bool = False,
    focus: float | npt.ArrayLike | Literal["own"] | None = None,
    samples: Samples | None = None,
    targets: Targets | None = None,
    draws: int = DRAWS,
    n_threads: int | None = None,
    device: str | Sequence[str] = "cpu",
    progress: Report | None = None,
) -> Dependencies:
    """Find dependencies on moments: `covlasso.solve` with the arrays of one direction.

    Between two networks the cross moments are made for blocks of targets, so that large networks need memory
    for the Gram and for one block only; the result has the same bits for any block.

    Parameters
    ----------
    moments : Moments
        Of one model or several.
    target, source : str, optional
        Models of targets and sources; by default the only one, and the target's own.
    kind : {"second_moment", "covariance", "correlation"}, default "second_moment"
        Logits as they are (the paper's choice), less their means, or also over their standard deviations, so
        that coefficients are those of standardised logits.
    lam, terms, relative_error
        The place on the paths, exactly one of them: as in `covlasso.solve`. ``lam`` is in the paper's scale
        (no 1/2), and a pursuit has no such place.
    refit : bool, default False
        Least squares on the support found, as a pursuit has it in any case.
    method : {"lasso", "pursuit"}, default "lasso"
        How terms are chosen, as in `covlasso.path`.
    max_terms : int, optional
        With ``lam`` or ``relative_error``: end a path before it has more terms. By default there is no limit.
    min_lambda : float, optional
        With ``terms`` or ``relative_error``: end a path at this lambda. By default 0.
    l2 : float, default 0
        Ridge term, in the paper's scale (no 1/2).
    positive : bool, default False
        Only b >= 0.
    allow_same : bool, default False
        Between two networks: let a target's own category in the other network explain it.
    same_by : {"name", "number"}, optional
        Between two networks: which source is a target's own category. By default that of its name where both
        models have class names, also where case, blanks, hyphens and underscores differ, or one has synonyms
        after a comma; and that of its number where they have the same names, or one has none and the sizes
        are equal. Where two lists of one length share few names, or part at single places, it has to be said.
    row_centred : bool, default False
        Of logits less their mean over the categories of their model, sample by sample, which softmax and
        argmax do not see: `Moments.as_row_centred`. Moments of such logits are so in any case.
    focus : float, (k,) array, or "own", optional
        Share alpha of a category's own samples in its equation, 0 to 1, for all targets or for each. Without
        it all samples count alike, and as a category has one sample in a thousand, its equation need not hold
        where the category is. With class means mu_k and the second moment W within classes the problem of
        target i has (1 - alpha) G + alpha (W + mu_i mu_i') for G (`Focus`); the moments need ``classes``. A
        target whose class has no sample gets the equation without focus, see `Dependencies.unfocused`.
    samples : Samples, optional
        Saved logits (``covlasso.logits.Samples``): a category's own samples are then these themselves, and
        not what the class means say, (1 - alpha) G + alpha E[g g' | i]. Needed for "own": alpha = 1, own
        samples only. For kind "second_moment". Give the samples that ``moments`` are of.
    targets : sequence of int or str, optional
        Categories to solve, each once: numbers, names, or both. By default all.
    draws : int, default 20
        How often as many terms are drawn at random, for `Dependencies.random_error`; 0: not at all.
    n_threads : int, optional
        By default one per hardware thread.
    device : str or sequence of str, default "cpu"
        As in `covlasso.path`.
    progress : callable, optional
        Called as progress(done, total) about ten times a second.

    Returns
    -------
    Dependencies
        With names where the moments have class names, with their `Origin`, and with what R^2 has to be read
        beside: `Dependencies.r2_centred` and `Dependencies.random_r2`.

    Raises
    ------
    TypeError, ValueError
        An argument is wrong, a model is unknown, there is no sample, or ``same_by`` is needed.
    RuntimeError
        As in `covlasso.path`.
    KeyboardInterrupt
        Ctrl-C; the message says how many targets were done.
    """
    work = Work.of(
        moments,
        target=target,
        source=source,
        kind=kind,
        lam=lam,
        terms=terms,
        relative_error=relative_error,
        refit=refit,
        method=method,
        max_terms=max_terms,
        min_lambda=min_lambda,
        l2=l2,
        positive=positive,
        allow_same=allow_same,
        same_by=same_by,
        row_centred=row_centred,
        focus=focus,
        samples=samples,
        targets=targets,
        draws=draws,
    )
    return work.run(progress, n_threads=n_threads, device=device)


def path_moments(
    moments: Moments,
    *,
    target: str | None = None,
    source: str | None = None,
    kind: Kind = "second_moment",
    l2: float = 0.0,
    positive: bool = False,
    allow_same: bool = False,
    same_by: SameBy | None = None,
    row_centred: bool = False,
    focus: float | None = None,
    targets: Targets | None = None,
    progress: Report | None = None,
    **limits: Any,
) -> Path:
    """Follow the paths of one direction: `covlasso.path` with its arrays, as `covlasso.select` takes them.

    Parameters
    ----------
    moments, target, source, kind, l2, positive, allow_same, same_by, row_centred, targets, progress
        As in `solve_moments`.
    focus : float, optional
        Share of a category's own samples, as there, the same for all targets. Those without samples of their
        class have a row of their own for every class that has some: leave them out where these are many.
    **limits
        ``max_terms``, ``min_lambda``, ``relative_error``, ``method``, ``n_threads`` and ``device`` of
        `covlasso.path`.

    Returns
    -------
    Path
        `Path.focus` has the share of every target.

    Raises
    ------
    TypeError, ValueError
        As in `solve_moments`.
    """
    models = pair_of(moments, target, source)
    moments = moments.as_row_centred() if check_flag(row_centred, "row_centred") else moments
    plain = checked_origin(moments, models, kind, l2, positive, allow_same, same_by)
    rows = targets_of(moments, plain.target_model, targets)
    origin, shares = focused(moments, plain, rows, focus)
    blocks = Blocks.of(moments, origin, rows, focus=shares)
    return blocks.paths(progress, l2=l2, positive=positive, **limits)
