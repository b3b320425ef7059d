"""New categories from a few labelled samples: the logit that they should have, and its moments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Float64, Int64
from covlasso._base.checks import check_finite
from covlasso.moments.moments import Moments

TARGET, SOURCE = "new", "known"  # names of the two models of the moments


def new_category_moments(
    new: Mapping[str, npt.ArrayLike], known: npt.ArrayLike, *, share: float = 0.5
) -> Moments:
    """Moments from which the dependencies of new categories on known ones are solved.

    A network without an output for a category says nothing of its logit, but labelled samples say what it
    should be. On a sample with known logits g, whose largest and second largest are g_(1) and g_(2)::

        y_i = g_(1) + margin     on samples of the new category i: it wins
        y_i = g_(2)              on all other samples: it is a runner-up

    with margin the weighted mean of g_(1) - g_(2), so that a new category wins as clearly as a known one
    does. The definition is ours; it puts the new logit on the scale of the known ones, which a target of
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

    Returns
    -------
    Moments
        Weighted, of two models: "new" (y, with the names) and "known" (g). Solve them centred, which gives
        every new category an intercept too: ``solve_moments(moments, target="new", source="known",
        kind="covariance", allow_same=True, terms=10, refit=True)``; see `covlasso.torch.compose_head`.

    Raises
    ------
    TypeError, ValueError
        An array has another shape or type, is empty or not finite, or ``share`` is not between 0 and 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> moments = new_category_moments({"okapi": rng.normal(size=(5, 8)) + 1.0}, rng.normal(size=(50, 8)))
    >>> moments.sizes
    {'new': 1, 'known': 8}
    """
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0.0 < share < 1.0:
        raise ValueError(f"share is {share!r}; a number between 0 and 1 is expected")
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
    return _weighted(_wanted_logits(g, label, weight), g, weight, tuple(new))


def _wanted_logits(g: Float64, label: Int64, weight: Float64) -> Float64:
    """y, (samples, new categories); label -1 is a known category."""
    second, first = np.partition(g, -2, axis=1)[:, -2:].T
    margin = weight @ (first - second)
    own = label[:, np.newaxis] == np.arange(label.max() + 1)
    wanted: Float64 = np.where(own, (first + margin)[:, np.newaxis], second[:, np.newaxis])
    return wanted


def _weighted(y: Float64, g: Float64, weight: Float64, names: tuple[str, ...]) -> Moments:
    def second(a: Float64, b: Float64) -> Float64:
        product: Float64 = (a * weight[:, np.newaxis]).T @ b
        return product

    blocks: dict[str | tuple[str, str], Any] = {
        TARGET: _symmetric(second(y, y)),
        SOURCE: _symmetric(second(g, g)),
        (TARGET, SOURCE): second(y, g),
    }
    means = {TARGET: weight @ y, SOURCE: weight @ g}
    return Moments.from_arrays(len(g), means, blocks, class_names={TARGET: names})


def _symmetric(matrix: Float64) -> Float64:
    result: Float64 = (matrix + matrix.T) / 2.0
    return result


def _logits(value: npt.ArrayLike, name: str) -> Float64:
    array = np.asarray(value)
    if array.dtype.kind != "f":
        raise TypeError(f"{name} is {array.dtype}; floating logits are expected")
    if array.ndim != 2 or len(array) == 0 or array.shape[1] < 2:
        raise ValueError(f"{name} has shape {array.shape}; (samples, at least 2 categories) is expected")
    check_finite(array, name)
    return array.astype(np.float64)
