"""Which dependencies to act on: edges (target, source) by name, by strength, or those that a shift undoes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from covlasso._base.arrays import Array, Float64, Int64
from covlasso._base.checks import check_count
from covlasso.dependencies import Dependencies, find_target

Edge = tuple[int | str, int | str]


def strongest_edges(dependencies: Dependencies, k: int) -> list[tuple[int, int]]:
    """Return the k edges with the largest absolute coefficients, the largest first.

    Parameters
    ----------
    dependencies : Dependencies
        Within one network.
    k : int
        How many; all where there are fewer.

    Returns
    -------
    list of (target, source)
        Category numbers.

    Raises
    ------
    TypeError, ValueError
        ``dependencies`` are of two networks, or ``k`` is no number from 1.
    """
    _check_intra(dependencies, "dependencies")
    coef = dependencies.coef.tocoo()
    return _largest(np.abs(coef.data), dependencies.targets[coef.row], coef.col, k)


def spurious_edges(
    dependencies: Dependencies, shifted: Dependencies, k: int, *, at_least: float = 0.0
) -> list[tuple[int, int]]:
    """Return the k edges that a shift of the inputs confirms least.

    An edge with coefficient b on the training distribution and b' on the shifted one loses ``|b| - max(0,
    sign(b) b')``: nothing where it stays as strong, all of it where it vanishes or turns its sign around
    (then b' counts as 0). The k edges that lose most are returned. This is a plain comparison of ours, not a
    test: with few shifted samples, edges also differ by chance; see `covlasso.stability`.

    Parameters
    ----------
    dependencies : Dependencies
        Within one network, on the training distribution.
    shifted : Dependencies
        Of the same network and targets, on held-out samples from elsewhere, at a comparable place (the same
        ``terms`` or ``relative_error``).
    k : int
        How many; all that lose something where there are fewer.
    at_least : float, default 0
        Only edges that lose more than this.

    Returns
    -------
    list of (target, source)
        Category numbers, the largest loss first.

    Raises
    ------
    TypeError, ValueError
        The two do not belong together, or a number is wrong.
    """
    _check_intra(dependencies, "dependencies")
    _check_intra(shifted, "shifted")
    same = shifted.n_sources == dependencies.n_sources and np.array_equal(
        shifted.targets, dependencies.targets
    )
    if not same:
        raise ValueError("shifted has other targets or sources than dependencies; solve both alike")
    coef = dependencies.coef.tocoo()
    other = shifted.coef.tocsr()[coef.row, coef.col]
    kept = np.maximum(0.0, np.sign(coef.data) * np.asarray(other).ravel())
    loss = np.abs(coef.data) - kept
    lost = loss > at_least
    return _largest(loss[lost], dependencies.targets[coef.row[lost]], coef.col[lost], k)


def edge_numbers(edges: Iterable[Edge], categories: int, names: Sequence[str] | None) -> Int64:
    """(n_edges, 2) category numbers of edges given by number or name, each edge once."""
    found: dict[tuple[int, int], int] = {}
    if isinstance(edges, str):
        raise TypeError("edges is a string; a sequence of (target, source) pairs is expected")
    for place, edge in enumerate(edges):
        if isinstance(edge, str) or not isinstance(edge, Sequence) or len(edge) != 2:
            raise TypeError(f"edges[{place}] is {edge!r}; a pair (target, source) is expected")
        try:
            target, source = (_number(end, categories, names) for end in edge)
        except (TypeError, ValueError) as cause:
            raise type(cause)(f"edges[{place}]: {cause}") from None
        if target == source:
            raise ValueError(f"edges[{place}] leads from {edge[0]!r} to itself; a category explains others")
        if (target, source) in found:
            raise ValueError(f"edges[{place}] repeats edges[{found[target, source]}]; give each edge once")
        found[target, source] = place
    if not found:
        raise ValueError("edges is empty; give at least one (target, source)")
    return np.array(list(found), dtype=np.int64)


def _number(end: Any, categories: int, names: Sequence[str] | None) -> int:
    if isinstance(end, str):
        if names is None:
            raise ValueError(f"{end!r} is a name; give the list of all class names as categories")
        return find_target(end, np.arange(categories, dtype=np.int32), names)
    if isinstance(end, bool) or not isinstance(end, (int, np.integer)):
        raise TypeError(f"{end!r} is neither a category number nor a name")
    if not 0 <= end < categories:
        raise ValueError(f"{end} is no category; numbers from 0 to {categories - 1} are expected")
    return int(end)


def _largest(value: Float64, target: Array, source: Array, k: int) -> list[tuple[int, int]]:
    order = np.lexsort((source, target, -value))[: check_count(k, "k")]
    return [(int(target[e]), int(source[e])) for e in order]


def _check_intra(dependencies: Any, name: str) -> None:
    if not isinstance(dependencies, Dependencies):
        raise TypeError(f"{name} is {type(dependencies).__name__}; Dependencies are expected")
    if not dependencies.intra:
        raise ValueError(f"{name} are between two networks; edges within one network are expected")
