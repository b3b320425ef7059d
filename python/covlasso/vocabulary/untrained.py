"""Tokens that training never touched: their rows of the head are equal up to noise.

Softmax pushes the row of a token that is never a label against the mean hidden state, and every such row by
the same amount: begun alike or decayed to 0, they end alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from covlasso._base.arrays import Array, Float64, Int32
from covlasso._base.checks import check_matrix, first_bad
from covlasso.dependencies import Dependencies

EQUAL = 1e-3
"""Cosine distance up to which two rows count as equal up to noise."""
_LEAST = 3  # rows that make a group
_ROUNDING = 1e-12  # of the longest row: what is left of a row that is the mean row
_STRIP = 4096  # pairs of rows at a time


def untrained_distance(weight: Array, known: npt.ArrayLike) -> Float64:
    """Cosine distance of every row of a head to the mean of rows that are known to be untrained.

    With w_i the rows of W less their mean over the vocabulary, and u the mean of w_k over the known k::

        distance_i = 1 - w_i'u / (|w_i| |u|)

    0: the row looks untrained; 1: unrelated. The indicator, and with it how to check candidates on the model
    itself, is that of Land and Bartolo, *Fishing for Magikarp: Automatically Detecting Under-trained Tokens
    in Large Language Models* (EMNLP 2024, arXiv 2405.05417): the cosine distance of the unembedding with the
    mean row taken off. The order of tokens is what it tells; where to cut is for the reader.

    Parameters
    ----------
    weight : (n, d) float array
        W, one row per token.
    known : sequence of int
        Rows known to be untrained: reserved tokens, padding, or `equal_rows`.

    Returns
    -------
    (n,) array
        From 0 to 2; 1 of a row that is the mean row itself, which has no direction.

    Raises
    ------
    TypeError, ValueError
        No such matrix, an entry is not finite, no token is known, or a number is no row.
    """
    rows = _less_mean(weight)
    chosen = np.atleast_1d(np.asarray(known))
    if chosen.dtype.kind not in "iu" or chosen.ndim != 1 or chosen.size == 0:
        raise TypeError(f"known is {known!r}; at least one number of an untrained token is expected")
    if chosen.min() < 0 or chosen.max() >= len(rows):
        bad = chosen[(chosen < 0) | (chosen >= len(rows))][0]
        raise ValueError(f"known has token {bad}; weight has rows 0 to {len(rows) - 1}")
    mean = rows[chosen].mean(axis=0)
    length = np.linalg.norm(rows, axis=1)
    directed = length > _ROUNDING * length.max(initial=0.0)
    size = length * np.linalg.norm(mean)
    cosine = np.divide(rows @ mean, size, out=np.zeros(len(rows)), where=directed & (size > 0.0))
    distance: Float64 = np.clip(1.0 - cosine, 0.0, 2.0)
    return distance


def equal_rows(weight: Array, deps: Dependencies, equal: float = EQUAL) -> Int32:
    """Tokens of the largest group whose rows are equal up to noise, found along their equations.

    A row that another one repeats is explained by it, so its equation leads there. Two tokens are joined
    where one is a term of the other and the cosine distance of their rows, less the mean row, is at most
    ``equal``. Trained tokens hardly ever come so close; whether the group is that of the never-trained ones,
    its names say.

    Parameters
    ----------
    weight : (n, d) float array
        W of the model whose tokens are the sources.
    deps : Dependencies
        Within this model, of standardised logits (kind "correlation"): otherwise a longer row comes before an
        equal one.
    equal : float, default 0.001
        Largest cosine distance.

    Returns
    -------
    int32 array
        Numbers of tokens, rising; none where no group has three.

    Raises
    ------
    TypeError, ValueError
        No such matrix, or the dependencies are not within one model of so many tokens.
    """
    rows = _less_mean(weight)
    if not deps.intra or deps.n_sources != len(rows):
        raise ValueError(
            f"dependencies have {deps.n_sources} sources and weight has {len(rows)} rows; give dependencies "
            "within the model that weight is of"
        )
    target = np.repeat(deps.targets, deps.n_terms)
    source = deps.coef.indices
    size = np.linalg.norm(rows, axis=1)
    size[size == 0.0] = np.inf
    near = np.zeros(len(target), dtype=bool)
    for start in range(0, len(target), _STRIP):
        here = slice(start, start + _STRIP)
        products = np.einsum("kd,kd->k", rows[target[here]], rows[source[here]])
        near[here] = 1.0 - products / (size[target[here]] * size[source[here]]) <= equal
    links = scipy.sparse.coo_array(
        (np.ones(np.count_nonzero(near)), (target[near], source[near])), shape=(len(rows), len(rows))
    )
    group = connected_components(links, directed=False)[1]
    counts = np.bincount(group)
    largest = int(np.argmax(counts))
    found = np.flatnonzero(group == largest) if counts[largest] >= _LEAST else np.arange(0)
    return found.astype(np.int32)


def _less_mean(weight: Array) -> Float64:
    """Rows of W less their mean, in float64."""
    check_matrix(weight, "weight")
    bad = first_bad(weight)
    if bad is not None:
        raise ValueError(f"weight[{bad[0]}, {bad[1]}] is {weight[bad]}; every entry must be finite")
    double = weight.astype(np.float64)
    less: Float64 = double - double.mean(axis=0)
    return less
