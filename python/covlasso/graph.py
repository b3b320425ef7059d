"""Dependencies as a graph of categories: who depends on whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covlasso._optional import needed

if TYPE_CHECKING:
    import networkx as nx

    from covlasso.dependencies import Dependencies


def to_networkx(deps: Dependencies) -> nx.DiGraph:
    """See `Dependencies.to_networkx`."""
    graph: nx.DiGraph = needed("networkx").DiGraph()

    def node(role: str, category: int) -> Any:
        return category if deps.intra else (role, category)

    for t, target in enumerate(deps.targets.tolist()):
        values = {name: float(getattr(deps, name)[t]) for name in ("lam", "error", "energy", "kkt")}
        graph.add_node(node("target", target), status=str(deps.status[t]), **values)
        if deps.target_names is not None:
            graph.nodes[node("target", target)]["name"] = deps.target_names[t]
        row = slice(deps.coef.indptr[t], deps.coef.indptr[t + 1])
        for j, b in zip(deps.coef.indices[row].tolist(), deps.coef.data[row].tolist(), strict=True):
            graph.add_edge(node("source", j), node("target", target), weight=b)
            if deps.source_names is not None:
                graph.nodes[node("source", j)]["name"] = deps.source_names[j]
    return graph
