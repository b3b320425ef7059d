"""Dependencies in the formats of other programs: graphs, tables and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from covlasso._base.optional import needed
from covlasso._base.plain import finite
from covlasso._core import __version__

if TYPE_CHECKING:
    import networkx as nx

    from covlasso.dependencies import Dependencies

SCHEMA = "covlasso-dependencies-1"
_NOT_XML = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def encode(deps: Dependencies, form: str) -> bytes:
    """Bytes of a file in one of the `FORMATS`; equal dependencies give equal bytes.

    Parameters
    ----------
    deps : Dependencies
        What to write.
    form : str
        "csv", "parquet": one row per term, as `Dependencies.to_columns`. "json": everything, see `as_json`.
        "graphml": the graph of `Dependencies.to_networkx`, with text as node identifiers.

    Raises
    ------
    ValueError
        There is no such format, or a name has a character that XML cannot hold.
    ImportError
        Parquet, and pyarrow is not installed.
    """
    if form not in FORMATS:
        raise ValueError(f"format is {form!r}; one of {', '.join(FORMATS)} is expected")
    return FORMATS[form](deps)


def as_json(deps: Dependencies) -> dict[str, Any]:
    """Everything found, for ``json.dump``; numbers that are not finite are null.

    ::

        schema          "covlasso-dependencies-1";  covlasso: version
        intra           whether targets and sources are categories of one network
        refit           whether coefficients are least squares on the support found
        method          how the terms were chosen: lasso or pursuit
        origin          fields of `Origin`, or null
        n_sources       number of sources;  source_names: their names, or null
        targets         list, one entry per target:
          category      its number;  name: its name, or null
          lam           lambda, in the paper's scale (no 1/2); of a pursuit the largest score left
          focus         share of its own samples, 0 where there are none, null where none was asked for
          error, energy, r2, kkt, status    as in `Dependencies`
          sources, coefficients             two lists of one length
    """
    return {
        "schema": SCHEMA,
        "covlasso": __version__,
        "intra": deps.intra,
        "refit": deps.refit,
        "method": deps.method,
        "origin": None if deps.origin is None else asdict(deps.origin),
        "n_sources": deps.n_sources,
        "source_names": None if deps.source_names is None else list(deps.source_names),
        "targets": [_target_json(deps, t) for t in range(deps.n_targets)],
    }


def _target_json(deps: Dependencies, t: int) -> dict[str, Any]:
    row = slice(deps.coef.indptr[t], deps.coef.indptr[t + 1])
    return {
        "category": int(deps.targets[t]),
        "name": None if deps.target_names is None else deps.target_names[t],
        "focus": None if deps.focus is None else float(deps.focus[t]),
        **{name: finite(getattr(deps, name)[t]) for name in ("lam", "error", "energy", "r2", "kkt")},
        "status": str(deps.status[t]),
        "sources": deps.coef.indices[row].tolist(),
        "coefficients": deps.coef.data[row].tolist(),
    }


def _json(deps: Dependencies) -> bytes:
    return (json.dumps(as_json(deps), allow_nan=False) + "\n").encode()


def _csv(deps: Dependencies) -> bytes:
    columns = {name: list(values) for name, values in deps.to_columns().items()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def _parquet(deps: Dependencies) -> bytes:
    table = needed("pyarrow").table(deps.to_columns())
    stream = io.BytesIO()
    needed("pyarrow.parquet").write_table(table, stream)
    return stream.getvalue()


def _graphml(deps: Dependencies) -> bytes:
    import networkx as nx

    stream = io.BytesIO()
    # Not write_graphml, whose bytes depend on whether lxml is installed.
    nx.write_graphml_xml(_xml_graph(deps), stream)
    return stream.getvalue()


def _text_graph(deps: Dependencies) -> nx.DiGraph:
    """Return the graph with text for nodes: "17" within one network, "target 17", "source 3" between two."""
    import networkx as nx

    graph = deps.to_networkx()
    for node, values in graph.nodes(data=True):
        if deps.intra:
            values["category"] = node
        else:
            values["role"], values["category"] = node
    names = {node: str(node) if deps.intra else f"{node[0]} {node[1]}" for node in graph}
    return nx.relabel_nodes(graph, names)


def _xml_graph(deps: Dependencies) -> nx.DiGraph:
    graph = _text_graph(deps)
    for node, name in graph.nodes(data="name", default=""):
        found = _NOT_XML.search(name)
        if found:
            raise ValueError(
                f"the name of category {node} is {name!r}; XML has no character U+{ord(found[0]):04X}: "
                "export as json or csv"
            )
    return graph


FORMATS: dict[str, Callable[[Dependencies], bytes]] = {
    "csv": _csv,
    "json": _json,
    "graphml": _graphml,
    "parquet": _parquet,
}
