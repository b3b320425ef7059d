"""Dependencies as a graph of categories: who depends on whom, who belongs together, who stands alone."""

from covlasso.graph.communities import Ties, between_groups, communities, louvain, tied
from covlasso.graph.edges import Edge, edge_numbers, spurious_edges, strongest_edges
from covlasso.graph.export import encode
from covlasso.graph.relations import (
    MutualPair,
    dependents,
    independent_categories,
    mutual_pairs,
    out_degree,
    symmetrise,
)
from covlasso.graph.summary import HeldOut, category, overview, summarise

__all__ = [
    "Edge",
    "HeldOut",
    "MutualPair",
    "Ties",
    "between_groups",
    "category",
    "communities",
    "dependents",
    "edge_numbers",
    "encode",
    "independent_categories",
    "louvain",
    "mutual_pairs",
    "out_degree",
    "overview",
    "spurious_edges",
    "strongest_edges",
    "summarise",
    "symmetrise",
    "tied",
]
