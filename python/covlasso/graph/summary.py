"""What equations say in a few figures: of all together, the ends of the ranking, and one category."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import NamedTuple

import numpy as np

from covlasso._base.arrays import Float64
from covlasso._base.plain import Record, finite
from covlasso._base.ranking import ends
from covlasso._core import __version__
from covlasso.dependencies import Dependencies, in_words
from covlasso.graph.relations import dependents, out_degree

_TERMS_SHOWN = 3  # of an equation in the overview


def summarise(deps: Dependencies) -> Record:
    """Figures of all equations together.

    ::

        covlasso            version
        origin              models, kind of moments, l2 and positive, as in `Origin`, or null
        settings            what was asked for, in words
        refit               whether coefficients are least squares on the support found
        method              how the terms were chosen: lasso or pursuit
        focus               in words, or null; unfocused: how many targets have no sample of their class
        targets, sources    numbers of categories
        median_terms        of the equations
        median_r2           on the samples that the equations were found on, which flatters; null where no
                            logit has energy
        worst_kkt           largest residual of a certificate, `Dependencies.kkt`
        statuses            how many targets have which status
        uncertified         labels of the targets that are not `Dependencies.is_certified`
    """
    missed = np.flatnonzero(~deps.is_certified).tolist()
    return {
        "covlasso": __version__,
        "origin": None if deps.origin is None else asdict(deps.origin),
        "settings": in_words(deps),
        "refit": deps.refit,
        "method": deps.method,
        "focus": deps.focus_text() or None,
        "unfocused": len(deps.unfocused),
        "targets": deps.n_targets,
        "sources": deps.n_sources,
        "median_terms": float(np.median(deps.n_terms)),
        "median_r2": _median(deps.r2),
        "worst_kkt": finite(deps.kkt.max()),
        "statuses": dict(Counter(deps.status.tolist()).most_common()),
        "uncertified": [deps.target_label(t) for t in missed],
    }


class HeldOut(NamedTuple):
    """Figures on other samples, one entry per target; ``r2`` and ``random_r2`` as `Dependencies.r2` is."""

    r2: Float64
    r2_centred: Float64
    random_r2: Float64 | None


def overview(deps: Dependencies, held_out: HeldOut | None, top: int) -> Record:
    """Record of `summarise`, and the ends of the ranking.

    ::

        schema              "covlasso-overview-1"
        median_r2_held_out  or null
        best_explained, least_explained    lists of {category, name, r2, r2_held_out, equation}, ranked by the
                            held-out R^2 where there is one, equal ones by number; no category is in both
        most_used           list of {category, name, dependents}: sources and how many equations they are in

    ``covlasso show --json`` adds ``beside``, a `covlasso.evidence.beside_record`.
    """
    rank = deps.r2 if held_out is None else held_out.r2
    best, least = ends(rank, deps.targets, top)
    degree = out_degree(deps)
    used = np.argsort(-degree, kind="stable")[: min(top, np.count_nonzero(degree))]
    return {
        "schema": "covlasso-overview-1",
        **summarise(deps),
        "median_r2_held_out": None if held_out is None else _median(held_out.r2),
        "best_explained": [_ranked(deps, held_out, t) for t in best.tolist()],
        "least_explained": [_ranked(deps, held_out, t) for t in least.tolist()],
        "most_used": [
            {"category": j, "name": _source_name(deps, j), "dependents": int(degree[j])}
            for j in used.tolist()
        ],
    }


def category(deps: Dependencies, held_out: HeldOut | None, number: int) -> Record:
    """One category.

    ::

        schema        "covlasso-category-1"
        covlasso      version;  origin, settings, refit, method as in `summarise`
        category      its number;  name: its name, or null
        equation      null where it is no target, else
          lam         lambda, in the paper's scale (no 1/2); of a pursuit the largest score left
          focus       share of its own samples, 0 where there are none, null where none was asked for
          error, energy, r2, r2_centred, random_r2, kkt, status    as in `Dependencies`, or null
          r2_held_out, r2_centred_held_out, random_r2_held_out     on other samples, or null
          terms       list of {category, name, coefficient, share}, the largest first; share is that of the
                      sum of the coefficients' sizes
        dependents    list of {category, name, coefficient}: whose equations it is in, the largest first;
                      between two networks those that the source of its name is in, null without names

    ``covlasso show --json`` adds ``cautions``, the sentences of `covlasso.evidence.cautions`.
    """
    rows = np.flatnonzero(deps.targets == number)
    return {
        "schema": "covlasso-category-1",
        "covlasso": __version__,
        "origin": None if deps.origin is None else asdict(deps.origin),
        "settings": in_words(deps),
        "refit": deps.refit,
        "method": deps.method,
        "category": number,
        "name": _target_name(deps, int(rows[0])) if rows.size else _source_name(deps, number),
        "equation": _equation(deps, held_out, int(rows[0])) if rows.size else None,
        "dependents": _dependents(deps, number),
    }


def _equation(deps: Dependencies, held_out: HeldOut | None, t: int) -> Record:
    row = slice(deps.coef.indptr[t], deps.coef.indptr[t + 1])
    index, value = deps.coef.indices[row], deps.coef.data[row]
    order = np.argsort(-np.abs(value), kind="stable")
    total = np.abs(value).sum()
    return {
        "focus": None if deps.focus is None else float(deps.focus[t]),
        **{name: finite(getattr(deps, name)[t]) for name in ("lam", "error", "energy", "kkt")},
        **{name: _at(getattr(deps, name), t) for name in HeldOut._fields},
        **{f"{name}_held_out": _at(held_out and getattr(held_out, name), t) for name in HeldOut._fields},
        "status": str(deps.status[t]),
        "terms": [
            {
                "category": j,
                "name": _source_name(deps, j),
                "coefficient": b,
                "share": abs(b) / total if b else 0.0,
            }
            for j, b in zip(index[order].tolist(), value[order].tolist(), strict=True)
        ],
    }


def _dependents(deps: Dependencies, number: int) -> list[Record] | None:
    """Equations that the category is in, as a source; between two networks the source of its name."""
    if deps.intra:
        sources = [number]
    elif deps.target_names is None or deps.source_names is None:
        return None
    else:
        name = deps.target_names[deps.position(number)]
        sources = [j for j, other in enumerate(deps.source_names) if other == name]
    return [
        {"category": int(deps.targets[t]), "name": _target_name(deps, t), "coefficient": b}
        for source in sources
        for t, b in zip(*(found.tolist() for found in dependents(deps, source)), strict=True)
    ]


def _ranked(deps: Dependencies, held_out: HeldOut | None, t: int) -> Record:
    return {
        "category": int(deps.targets[t]),
        "name": _target_name(deps, t),
        "r2": finite(deps.r2[t]),
        "r2_held_out": _at(held_out and held_out.r2, t),
        "equation": deps.equation(int(deps.targets[t]), max_terms=_TERMS_SHOWN),
    }


def _at(values: Float64 | None, t: int) -> float | None:
    return None if values is None else finite(values[t])


def _target_name(deps: Dependencies, t: int) -> str | None:
    return None if deps.target_labels is None else deps.target_labels[t]


def _source_name(deps: Dependencies, j: int) -> str | None:
    return None if deps.source_labels is None else deps.source_labels[j]


def _median(values: Float64) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else None
