"""Dependencies as a graph of categories: who depends on whom, whose tie is mutual, who stands alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Float64, Int32, Int64
from covlasso._base.checks import check_vector

if TYPE_CHECKING:
    import networkx as nx

    from covlasso.dependencies import Dependencies

Rule = Literal["and", "or"]


class MutualPair(NamedTuple):
    """Two categories of one network, each of which has the other in its equation."""

    first: int
    second: int
    first_from_second: float
    """Coefficient of ``second`` in the equation of ``first``."""
    second_from_first: float
    """Coefficient of ``first`` in the equation of ``second``."""


def symmetrise(deps: Dependencies, rule: Rule = "or") -> nx.Graph:
    """Undirected graph of the categories, as in neighbourhood selection.

    Meinshausen and Buehlmann, *High-dimensional graphs and variable selection with the Lasso*, Annals of
    Statistics 34 (2006), section 3: i and j are neighbours where either equation holds the other ("or"), or
    where both do ("and").

    Parameters
    ----------
    deps : Dependencies
        Between two networks only "or" has a meaning, since no source is a target.
    rule : "or" or "and", default "or"
        A category that is not among the targets has no equation: "and" gives it no neighbour.

    Returns
    -------
    networkx.Graph
        Nodes as in `Dependencies.to_networkx`; ``weight`` of an edge is the one of the two coefficients that
        is larger in size for "or", smaller in size for "and", with its sign; a missing one counts as 0.

    Raises
    ------
    ValueError
        ``rule`` is neither, or it is "and" between two networks.
    """
    import networkx as nx

    check_rule(deps, rule)
    directed = deps.to_networkx()
    graph = nx.Graph()
    graph.add_nodes_from(directed.nodes(data=True))
    for source, target, weight in directed.edges(data="weight"):
        back = directed.edges[target, source]["weight"] if directed.has_edge(target, source) else 0.0
        kept = max(weight, back, key=abs) if rule == "or" else min(weight, back, key=abs)
        if kept != 0.0 and not graph.has_edge(source, target):
            graph.add_edge(source, target, weight=kept)
    return graph


def check_rule(deps: Dependencies, rule: Rule) -> None:
    """Refuse a rule that is none, or that has no meaning between two networks."""
    if rule not in ("and", "or"):
        raise ValueError(f'rule is {rule!r}; "and" or "or" is expected')
    if rule == "and" and not deps.intra:
        raise ValueError('rule="and" needs dependencies within one network; between two give rule="or"')


def out_degree(deps: Dependencies) -> Int64:
    """Count the targets that depend on each source, (p,); the in-degree is `Dependencies.n_terms`."""
    degree: Int64 = np.bincount(deps.coef.indices, minlength=deps.n_sources).astype(np.int64)
    return degree


def dependents(deps: Dependencies, source: int) -> tuple[Int64, Float64]:
    """Who depends on a source: rows of ``coef`` and their coefficients, the largest in size first.

    Raises
    ------
    ValueError
        There is no such source.
    """
    if not 0 <= source < deps.n_sources:
        raise ValueError(f"source is {source}; it must be from 0 to {deps.n_sources - 1}")
    entries = np.flatnonzero(deps.coef.indices == source)
    entries = entries[np.argsort(-np.abs(deps.coef.data[entries]), kind="stable")]
    rows = np.searchsorted(deps.coef.indptr, entries, side="right") - 1
    return rows.astype(np.int64), deps.coef.data[entries]


def mutual_pairs(deps: Dependencies) -> list[MutualPair]:
    """Pairs of categories that explain each other, the strongest first.

    The strength is b_ij b_ji: it does not change with the scales of the logits, and in the least-squares
    solution on all categories it is the square of their partial correlation.

    Raises
    ------
    ValueError
        The dependencies are between two networks, where no source is a target.
    """
    if not deps.intra:
        raise ValueError("mutual pairs need dependencies within one network; these are between two")
    target = np.repeat(deps.targets, deps.n_terms).tolist()
    terms = dict(
        zip(zip(target, deps.coef.indices.tolist(), strict=True), deps.coef.data.tolist(), strict=True)
    )
    pairs = [MutualPair(i, j, b, terms[j, i]) for (i, j), b in terms.items() if i < j and (j, i) in terms]
    return sorted(pairs, key=lambda pair: (-abs(pair.first_from_second * pair.second_from_first), pair))


def independent_categories(deps: Dependencies, below: float = 0.5, r2: npt.ArrayLike | None = None) -> Int32:
    """Targets that their equations do not explain: R^2 below a threshold.

    Parameters
    ----------
    deps : Dependencies
        The equations.
    below : float, default 0.5
        Threshold of R^2.
    r2 : (n_targets,) array, optional
        R^2 on held-out samples. By default `Dependencies.r2`, which flatters: then categories that only look
        explained are missing here.

    Returns
    -------
    (k,) int32 array
        Categories, the least explained first, equal ones by number. A target without energy (NaN) is none of
        them.

    Raises
    ------
    TypeError, ValueError
        ``r2`` has another length, or is not numbers.
    """
    explained = deps.r2 if r2 is None else check_vector(r2, "r2", deps.n_targets)
    order = np.lexsort((deps.targets, explained))
    categories: Int32 = deps.targets[order[explained[order] < below]]
    return categories
