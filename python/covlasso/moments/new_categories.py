"""New categories from a few labelled samples: the logit that they should have, and its moments."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Float64, Int64
from covlasso._base.checks import check_finite, host_logits
from covlasso.moments.moments import Moments

TARGET, SOURCE = "new", "known"  # names of the two models of the moments

Wanted = Literal["step", "margin"]
"""What the logit of a new category should be."""


def new_category_moments(
    new: Mapping[str, npt.ArrayLike], known: npt.ArrayLike, *, share: float = 0.5, target: Wanted = "step"
) -> Moments:
    """Moments from which the dependencies of new categories on known ones are solved.

    A network without an output for a category says nothing of its logit, but labelled samples say what it
    should be. On a sample with known logits g, whose largest and second largest are g_(1) and g_(2)::

        "step"      y_i = the mean of g_(1) over the known samples   on samples of the new category i: it wins
                    y_i = the mean of their other logits             on all other samples
        "margin"    y_i = g_(1) + margin                             on samples of the new category i
                    y_i = g_(2)                                      on all other samples: it is a runner-up

    with margin the weighted mean of g_(1) - g_(2), so that a new category wins as clearly as a known one
    does. Both definitions are ours; they put the new logit on the scale of the known ones, which a target of
    zeros and ones does not. The CovLasso of y_i on g is then a sparse linear classifier beside the given
    ones.

    Parameters
    ----------
    new : mapping from name to (k_i, p) array
        Logits of the network on samples of each new category; a few are enough to begin with.
    known : (m, p) array
        Its logits on samples of the categories that it knows, without labels: what must stay as it is.
    share : float, default 0.5
        Weight of all new samples together, each category alike; the known ones get the rest. Larger: more
        samples go to the new categories, more of the old ones are lost to them.
    target : {"step", "margin"}, default "step"
        What the new logit should be. With a focus "step" is better: on networks for 512 characters 20 terms
        and five samples of each new one find as many of the new ones as the nearest class mean, and lose half
        as many of the known ones. Without a focus a step never wins, and "margin" is the one to take.

    Returns
    -------
    Moments
        Weighted, of two models: "new" (y, with the names) and "known" (g), with classes by labels: class i
        holds the samples of the new category i, and the known samples are in none. `Moments.count` is the
        number of samples, rounded up so that a class is a whole number of them.

        Solve them centred, which gives every new category an intercept, and with a focus, so that the logit
        is right where it has to win: ``solve_moments(moments, target="new", source="known",
        kind="covariance", allow_same=True, focus=0.5, terms=10, refit=True)``; then
        `covlasso.torch.compose_head`.

    Raises
    ------
    TypeError, ValueError
        An array has another shape or type, is empty or not finite, ``share`` is not between 0 and 1, or
        ``target`` is another word.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> moments = new_category_moments({"okapi": rng.normal(size=(5, 8)) + 1.0}, rng.normal(size=(50, 8)))
    >>> moments.sizes
    {'new': 1, 'known': 8}
    """
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0.0 < share < 1.0:
        raise ValueError(f"share is {share!r}; a number between 0 and 1 is expected")
    if target not in get_args(Wanted):
        raise ValueError(f"target is {target!r}; {' or '.join(map(repr, get_args(Wanted)))} is expected")
    if not isinstance(new, Mapping) or not new:
        raise TypeError("new must be a mapping from the name of a category to its logits, and not empty")
    old = _logits(known, "known")
    groups = [_logits(rows, f"new[{name!r}]") for name, rows in new.items()]
    for name, rows in zip(new, groups, strict=True):
        if rows.shape[1] != old.shape[1]:
            raise ValueError(
                f"new[{name!r}] has {rows.shape[1]} logits a sample and known has {old.shape[1]}; "
                "both are of the same network"
            )
    g = np.concatenate([old, *groups])
    label = np.repeat(np.arange(-1, len(groups)), [len(old), *(len(rows) for rows in groups)])
    each = [(1.0 - share) / len(old), *(share / len(groups) / len(rows) for rows in groups)]
    weight = np.array(each)[label + 1]
    y = _steps(old, label) if target == "step" else _margins(g, label, weight)
    return _weighted(y, g, weight, label, _counts(share, len(groups), len(g)), tuple(new))


def _steps(old: Float64, label: Int64) -> Float64:
    """y, (samples, new categories): two levels; label -1 is a known category."""
    first = old.max(axis=1)
    others = (old.sum(axis=1) - first) / (old.shape[1] - 1)
    wanted: Float64 = np.where(_own(label), first.mean(), others.mean())
    return wanted


def _margins(g: Float64, label: Int64, weight: Float64) -> Float64:
    """y, (samples, new categories), above or below the two largest logits of each sample."""
    second, first = np.partition(g, -2, axis=1)[:, -2:].T
    margin = weight @ (first - second)
    wanted: Float64 = np.where(_own(label), (first + margin)[:, np.newaxis], second[:, np.newaxis])
    return wanted


def _own(label: Int64) -> npt.NDArray[np.bool_]:
    """Whether a sample is of each new category."""
    own: npt.NDArray[np.bool_] = label[:, np.newaxis] == np.arange(label.max() + 1)
    return own


def _counts(share: float, categories: int, samples: int) -> tuple[int, int]:
    """Numbers of all samples, and of a new category's, whose ratio is the weight of such a category."""
    part = Fraction(share).limit_denominator(10**9) / categories
    times = -(-samples // part.denominator)
    return times * part.denominator, times * part.numerator


def _weighted(
    y: Float64, g: Float64, weight: Float64, label: Int64, counts: tuple[int, int], names: tuple[str, ...]
) -> Moments:
    def second(a: Float64, b: Float64) -> Float64:
        product: Float64 = (a * weight[:, np.newaxis]).T @ b
        return product

    blocks: dict[str | tuple[str, str], Any] = {
        TARGET: _symmetric(second(y, y)),
        SOURCE: _symmetric(second(g, g)),
        (TARGET, SOURCE): second(y, g),
    }
    logits = {TARGET: y, SOURCE: g}
    by = max(logits, key=lambda name: logits[name].shape[1])  # classes by labels are those of the larger one
    count, own = counts
    each = np.zeros(logits[by].shape[1], dtype=np.int64)
    each[: len(names)] = own
    class_means = {(name, by): _class_means(rows, label, len(each)) for name, rows in logits.items()}
    return Moments.from_arrays(
        count,
        {name: weight @ rows for name, rows in logits.items()},
        blocks,
        class_names={TARGET: names},
        classes="labels",
        class_counts={by: each},
        class_means=class_means,
    )


def _class_means(rows: Float64, label: Int64, classes: int) -> Float64:
    """Mean of each new category's samples, (classes, columns); the weights within a category are equal."""
    means = np.zeros((classes, rows.shape[1]))
    for k in range(label.max() + 1):
        means[k] = rows[label == k].mean(axis=0)
    return means


def _symmetric(matrix: Float64) -> Float64:
    result: Float64 = (matrix + matrix.T) / 2.0
    return result


def _logits(value: npt.ArrayLike, name: str) -> Float64:
    array = host_logits(value, name)
    if array.ndim != 2 or len(array) == 0 or array.shape[1] < 2:
        raise ValueError(f"{name} has shape {array.shape}; (samples, at least 2 categories) is expected")
    check_finite(array, name)
    return array.astype(np.float64)
