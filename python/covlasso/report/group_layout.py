"""Where circles stand on a map: those that are tied near each other, none over another."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Float64

_ROUNDS = 300  # of the forces; a few hundred circles settle
_APART = 400  # rounds that push circles apart, at most
_GAP = 0.25  # of the mean radius, between two circles
_FILLED = 0.2  # share of the square in which they start that circles cover
_INWARD = 0.6  # power of the distances from the centre: what is far out comes nearer


def arranged(ties: scipy.sparse.csr_array, radius: Float64, seed: int = 0) -> Float64:
    """Place circles, (n, 3): x, y and radius, in one unit.

    Fruchterman and Reingold, *Graph drawing by force-directed placement*, Software: Practice and Experience
    21 (1991): all push each other away, ties pull, the moves become smaller; then circles that touch are
    pushed apart. The long side of all lies along x.

    Parameters
    ----------
    ties : scipy.sparse.csr_array, (n, n)
        Symmetric weights; the diagonal does not count.
    radius : (n,) array
        Above 0.
    seed : int, default 0
        Of the places at which they start.
    """
    n = len(radius)
    side = np.sqrt(np.pi * np.sum(radius**2) / _FILLED)
    place = np.random.default_rng(seed).uniform(-side / 2, side / 2, (n, 2))
    if n > 1:
        place = _inward(_settled(place, _pulls(ties), side), side)
        place = _apart(place, radius + _GAP / 2 * radius.mean())
    return np.column_stack([_along_x(place), radius])


def _along_x(place: Float64) -> Float64:
    """Turn places about their mean, so that the first principal axis is x."""
    place = place - place.mean(axis=0)
    axes = np.linalg.svd(place, full_matrices=False)[2]
    turned: Float64 = place @ axes.T
    return turned if axes.shape == (2, 2) else place


def _pulls(ties: scipy.sparse.csr_array) -> Any:
    """Ties beside what the sizes of both ends alone would give: the largest of each is about 1."""
    weights = ties.toarray()
    np.fill_diagonal(weights, 0.0)
    degree = weights.sum(axis=1)
    scale = np.sqrt(np.outer(degree, degree))
    pull = np.divide(weights, scale, out=np.zeros_like(weights), where=scale > 0)
    return pull / max(pull.max(), np.finfo(float).tiny)


def _settled(place: Float64, pull: Float64, side: float) -> Float64:
    n = len(place)
    ideal = side / np.sqrt(n)
    for round_ in range(_ROUNDS):
        apart = place[:, None] - place[None]
        distance = np.maximum(np.linalg.norm(apart, axis=2), 1e-3 * ideal)
        force = ideal**2 / distance**2 - pull * distance / ideal
        move = np.einsum("ij,ijk->ik", force, apart) - 0.1 * place
        length = np.maximum(np.linalg.norm(move, axis=1), 1e-9)
        step = 0.1 * side * (1.0 - round_ / _ROUNDS)
        place = place + move * (np.minimum(length, step) / length)[:, None]
    return place


def _inward(place: Float64, side: float) -> Float64:
    """Bring what is far out nearer, and all into a square of this side."""
    place = place - place.mean(axis=0)
    distance = np.linalg.norm(place, axis=1, keepdims=True)
    far = max(float(distance.max()), np.finfo(float).tiny)
    unit = place / np.maximum(distance, 1e-9 * far)
    return np.asarray(unit * (distance / far) ** _INWARD * (side / 2))


def _apart(place: Float64, radius: Float64) -> Float64:
    """Push circles that overlap from each other, each by half of it."""
    least = radius[:, None] + radius[None]
    np.fill_diagonal(least, 0.0)
    for _ in range(_APART):
        apart = place[:, None] - place[None]
        distance = np.maximum(np.linalg.norm(apart, axis=2), 1e-6 * radius.max())
        over = np.maximum(least - distance, 0.0)
        if not over.any():
            break
        place = place + np.einsum("ij,ijk->ik", 0.5 * over / distance, apart)
    return place
