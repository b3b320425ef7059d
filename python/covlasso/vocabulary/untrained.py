"""Tokens that training never touched: their rows of the head are equal up to noise.

Softmax pushes the row of a token that is never a label against the mean hidden state, and every such row by
the same amount: begun alike or decayed to 0, they end alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from covlasso._base.arrays import Array, Float64, Int32
from covlasso._base.checks import check_matrix, check_number, first_bad

EQUAL = 1e-3
"""Cosine distance up to which two rows count as equal up to noise."""
_LEAST = 3  # rows that make a group
_ROUNDING = 1e-12  # of the longest row: what is left of a row that is the mean row
_DIRECTIONS = 16  # of the projections
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


def equal_rows(weight: Array, equal: float = EQUAL) -> Int32:
    """Tokens of the largest group whose rows of a head are equal up to noise.

    Two tokens are joined where the cosine distance of their rows, less the mean row, is at most ``equal``.
    Trained tokens hardly ever come so close, so the largest group is most likely that of the never-trained
    ones; its names say.

    All pairs are looked at, though not one by one: rows of unit length whose cosine distance is c are sqrt(2
    c) apart, and so are their projections at most, among which a k-d tree finds neighbours.

    Parameters
    ----------
    weight : (n, d) float array
        W, one row per token.
    equal : float, default 0.001
        Largest cosine distance.

    Returns
    -------
    int32 array
        Numbers of tokens, rising; none where no group has three.

    Raises
    ------
    TypeError, ValueError
        No such matrix, an entry is not finite, or ``equal`` is below 0.
    """
    rows = _less_mean(weight)
    limit = check_number(equal, "equal")
    length = np.linalg.norm(rows, axis=1)
    directed = np.flatnonzero(length > _ROUNDING * length.max(initial=0.0))
    units = rows[directed] / length[directed, np.newaxis]
    leading = np.linalg.eigh(units.T @ units)[1][:, -_DIRECTIONS:]
    apart = np.sqrt(2.0 * limit) + _ROUNDING
    pairs = cKDTree(units @ leading).query_pairs(apart, output_type="ndarray")
    near = np.zeros(len(pairs), dtype=bool)
    for start in range(0, len(pairs), _STRIP):
        a, b = pairs[start : start + _STRIP].T
        near[start : start + _STRIP] = np.linalg.norm(units[a] - units[b], axis=1) <= apart
    a, b = pairs[near].T
    links = scipy.sparse.coo_array((np.ones(len(a)), (a, b)), shape=(len(units), len(units)))
    group = connected_components(links, directed=False)[1]
    counts = np.bincount(group, minlength=1)
    largest = int(np.argmax(counts))
    found = directed[group == largest] if counts[largest] >= _LEAST else np.arange(0)
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
