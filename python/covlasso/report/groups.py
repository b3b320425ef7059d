"""Communities within communities, for the map of a set that is too large to be drawn category by category."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Float64, Int64
from covlasso.dependencies import Dependencies
from covlasso.graph import Ties, between_groups, louvain, tied
from covlasso.report.group_layout import arranged
from covlasso.report.payload import Payload, rounded

GROUPED = 3000
"""Nodes from which on the map shows communities first."""

_SMALL = 250  # nodes that are drawn one by one
_NAMED = 8  # members that stand for a group
_LINKS = 4  # strongest ties of a group that are drawn


@dataclass
class _Tree:
    """Groups numbered from 0, parents before their children, those of one parent in a row."""

    parent: list[int] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    central: list[Int64] = field(default_factory=list)
    place: list[Float64] = field(default_factory=list)
    links: list[tuple[int, int, float, int]] = field(default_factory=list)


def add_communities(payload: Payload, prefix: str, deps: Dependencies) -> dict[str, Any] | None:
    """Append the community of every target and source, and for a large set the communities within them.

    ``targetCommunity`` and ``sourceCommunity``: numbers as `covlasso.graph.communities` lists them; -1 for a
    source that no equation holds. With more than `GROUPED` nodes these are divided further, as long as a
    group has more than a few hundred nodes: ``targetGroup``, ``sourceGroup`` are the innermost groups;
    ``groupParent`` (-1 for a community), ``groupSize``, ``groupX``, ``groupY`` and ``groupRadius``, where a
    group stands beside those of the same parent; ``groupCentral``, those with the strongest ties inside it,
    as source j or -1 - t for the target at t, in all ``groupCentralStart``; ``linkFrom``, ``linkTo``,
    ``linkSize`` (sum of the sizes of coefficients) and ``linkCount``, the strongest ties of groups of one
    parent. A group of one node is none. The record has the number of groups, and of nodes; None for a small
    set.
    """
    ties = tied(deps)
    label = louvain(ties.weights)
    _add_of_nodes(payload, prefix, "Community", ties, label)
    if len(label) < GROUPED:
        return None
    tree = _Tree()
    innermost = np.full(len(label), -1)
    _divide(tree, innermost, ties.weights, np.arange(len(label)), label, -1)
    _add_of_nodes(payload, prefix, "Group", ties, innermost)
    _add_tree(payload, prefix, tree, _codes(ties))
    return {"count": len(tree.size), "nodes": len(label)}


def _divide(
    tree: _Tree,
    innermost: Int64,
    weights: scipy.sparse.csr_array,
    nodes: Int64,
    label: Int64,
    parent: int,
) -> None:
    """Add the groups of ``nodes``, whose ties are ``weights``, and theirs."""
    sizes = np.bincount(label)
    count = int(np.count_nonzero(sizes > 1))  # the largest have the first numbers
    if count == 0:
        return
    first = len(tree.size)
    outer = between_groups(weights, label)[:count, :count]
    radius = np.sqrt(sizes[:count])
    tree.place += list(arranged(outer, radius))
    tree.links += _strongest(outer, between_groups(_ones(weights), label)[:count, :count], first)
    order = np.argsort(label, kind="stable")
    members = np.split(order, np.cumsum(sizes))[:count]
    inner = [scipy.sparse.csr_array(weights[own][:, own]) for own in members]
    for own, ties in zip(members, inner, strict=True):
        tree.parent.append(parent)
        tree.size.append(len(own))
        central = np.argsort(-np.asarray(ties.sum(axis=1)), kind="stable")[:_NAMED]
        tree.central.append(nodes[own[central]])
    for number, (own, ties) in enumerate(zip(members, inner, strict=True), first):
        innermost[nodes[own]] = number
        if len(own) > _SMALL:
            parts = louvain(ties)
            if parts.max() > 0:
                _divide(tree, innermost, ties, nodes[own], parts, number)


def _ones(weights: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    return scipy.sparse.csr_array(
        (np.ones(weights.nnz), weights.indices, weights.indptr), shape=weights.shape
    )


def _strongest(
    size: scipy.sparse.csr_array, count: scipy.sparse.csr_array, first: int
) -> Iterator[tuple[int, int, float, int]]:
    """Ties (from, to, size, number of pairs) that are among the strongest few of one of their ends."""
    upper = scipy.sparse.coo_array(scipy.sparse.triu(size, 1))
    pairs = np.asarray(count.tocsr()[upper.row, upper.col]).ravel()
    drawn = np.zeros(size.shape[0], dtype=np.int64)
    for e in np.argsort(-upper.data, kind="stable").tolist():
        i, j = int(upper.row[e]), int(upper.col[e])
        if min(drawn[i], drawn[j]) < _LINKS:
            drawn[[i, j]] += 1
            yield first + i, first + j, float(upper.data[e]), int(pairs[e])


def _codes(ties: Ties) -> Int64:
    """Return what every row of the ties is: source j, or -1 - t."""
    code = np.zeros(len(ties.nodes), dtype=np.int64)
    code[ties.target] = -1 - np.arange(len(ties.target))
    used = np.flatnonzero(ties.source >= 0)
    code[ties.source[used]] = used
    return code


def _add_of_nodes(payload: Payload, prefix: str, name: str, ties: Ties, number: Int64) -> None:
    payload.add(f"{prefix}target{name}", number[ties.target], "int32")
    known = ties.source >= 0
    payload.add(f"{prefix}source{name}", np.where(known, number[ties.source], -1), "int32")


def _add_tree(payload: Payload, prefix: str, tree: _Tree, code: Int64) -> None:
    payload.add(f"{prefix}groupParent", tree.parent, "int32")
    payload.add(f"{prefix}groupSize", tree.size, "int32")
    place = np.array(tree.place).reshape(-1, 3)
    for column, name in enumerate(("X", "Y", "Radius")):
        payload.add(f"{prefix}group{name}", rounded(place[:, column]), "float32")
    payload.add(f"{prefix}groupCentralStart", np.cumsum([0, *map(len, tree.central)]), "int32")
    payload.add(f"{prefix}groupCentral", code[np.concatenate([[], *tree.central]).astype(np.int64)], "int32")
    columns = list(zip(*tree.links, strict=True)) or [()] * 4
    for name, values, dtype in zip(
        ("From", "To", "Size", "Count"), columns, ("int32", "int32", "float32", "int32"), strict=True
    ):
        payload.add(f"{prefix}link{name}", rounded(values) if dtype == "float32" else values, dtype)
