"""What stands in a report, as JSON and arrays; `js/dataset.js` is its reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso import _core
from covlasso.dependencies import Dependencies
from covlasso.report._types import Float64, Int32, Progress
from covlasso.report.curves import QUANTILES, follow
from covlasso.report.drawn_paths import add_paths
from covlasso.report.entry import Blocks, Entry, Measured
from covlasso.report.payload import Payload, rounded

SPECTRUM_LIMIT = 4000  # categories; an eigenvalue decomposition of more takes minutes
SCHEMA = "covlasso-report-1"


@dataclass(frozen=True)
class Depth:
    """How much of the moments goes into a report."""

    details: int
    """Categories per set that carry their path and their curves."""
    path_terms: int | None
    """Terms that paths and curves go to; by default `default_terms`."""
    progress: Progress | None = None


def collect(entries: Sequence[Entry], title: str, depth: Depth) -> tuple[str, Any]:
    """(packed data, record) of a report; the record alone says what the page states in words."""
    payload = Payload()
    tables = _NameTables()
    sets = [_set(payload, f"{k}.", entry, tables, depth) for k, entry in enumerate(entries)]
    record = {
        "schema": SCHEMA,
        "title": title,
        "covlasso": _core.__version__,
        "certificate": _core.KKT_TOLERANCE,
        "quantiles": QUANTILES,
        "sets": sets,
    }
    return payload.pack({**record, "names": tables.tables}), record


class _NameTables:
    """Lists of class names, each once, however many sets share it."""

    def __init__(self) -> None:
        self.tables: list[tuple[str, ...]] = []

    def add(self, names: tuple[str, ...] | None) -> int | None:
        if names is None:
            return None
        if names not in self.tables:
            self.tables.append(names)
        return self.tables.index(names)


def _set(
    payload: Payload,
    prefix: str,
    entry: Entry,
    tables: _NameTables,
    depth: Depth,
) -> dict[str, Any]:
    """One set: its dependencies always, and what its moments tell where they are given."""
    deps, origin = entry.deps, entry.origin
    statuses, status = np.unique(deps.status, return_inverse=True)
    _add_dependencies(payload, prefix, deps, status)
    record: dict[str, Any] = {
        "title": entry.title,
        "targetModel": origin.target_model,
        "sourceModel": origin.source_model,
        "moment": origin.moment,
        "l2": origin.l2,
        "positive": origin.positive,
        "intra": deps.intra,
        "refit": deps.refit,
        "sameCategories": _same_categories(deps),
        "nSources": deps.n_sources,
        "targetNames": tables.add(deps.target_names),
        "sourceNames": tables.add(deps.source_names),
        "statuses": statuses.tolist(),
        "samples": None,
        "curves": None,
        "spectrum": None,
    }
    if isinstance(entry, Measured):
        record.update(_measured(payload, prefix, entry, depth))
    return record


def _add_dependencies(
    payload: Payload, prefix: str, deps: Dependencies, status: npt.NDArray[np.intp]
) -> None:
    payload.add(prefix + "targets", deps.targets, "int32")
    payload.add(prefix + "offset", deps.coef.indptr, "int32")
    payload.add(prefix + "source", deps.coef.indices, "int32")
    payload.add(prefix + "coef", deps.coef.data, "float32")
    payload.add(prefix + "lam", deps.lam, "float32")
    payload.add(prefix + "r2", deps.r2, "float32")
    payload.add(prefix + "kkt", deps.kkt, "float32")
    payload.add(prefix + "status", status, "uint8")


def _same_categories(deps: Dependencies) -> bool:
    """Whether source j and target j are one category, so that the page may link them."""
    if deps.intra:
        return True
    names, sources = deps.target_names, deps.source_names
    if names is None or sources is None or deps.targets.max(initial=-1) >= len(sources):
        return False
    return all(names[t] == sources[i] for t, i in enumerate(deps.targets))


def _measured(payload: Payload, prefix: str, entry: Measured, depth: Depth) -> dict[str, Any]:
    """Held-out R^2, curves, paths and spectrum of one set; what is left out is said in the record."""
    fit, held_out, other = entry.fit(), entry.held_out(), entry.parts.held_out
    if held_out is not None:
        payload.add(prefix + "heldOut", entry.held_out_r2(entry.deps, held_out), "float32")
    if fit.cross is not None and _same_categories(entry.deps):
        payload.add(prefix + "own", _own_category_r2(entry.deps.targets, fit, fit.cross), "float32")
    return {
        "samples": {"fit": entry.parts.fit.count, "heldOut": other.count if other is not None else None},
        "curves": _curves(payload, prefix, entry, fit, held_out, depth),
        "spectrum": _spectrum(payload, prefix, fit),
    }


def _own_category_r2(targets: Int32, fit: Blocks, cross: Float64) -> Float64:
    """R^2 of f_i from the same category of the other network alone, c_ii^2 / (G_ii e_i)."""
    diagonal = np.diagonal(fit.gram) if isinstance(fit.gram, np.ndarray) else fit.gram.diagonal()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(cross[fit.rows, targets] ** 2 / (diagonal[targets] * fit.energy))


def _curves(
    payload: Payload,
    prefix: str,
    entry: Measured,
    fit: Blocks,
    held_out: Blocks | None,
    depth: Depth,
) -> dict[str, Any]:
    terms = depth.path_terms or default_terms(entry.deps)
    curves = follow(entry, fit, held_out, terms, depth.progress)
    if not curves.reproduced:
        return {"terms": terms, "reproduced": False, "kinds": [], "details": 0}
    for name, band in curves.bands().items():
        payload.add(f"{prefix}band.{name}", rounded(band), "float32")
    shown = _detailed(entry.deps, depth.details)
    payload.add(prefix + "detail", shown, "int32")
    for name, values in curves.r2.items():
        payload.add(f"{prefix}curve.{name}", rounded(values[:, shown].T), "float32")
    add_paths(payload, prefix, curves.path, shown)
    kinds = list(curves.bands())
    return {"terms": terms, "reproduced": True, "kinds": kinds, "details": len(shown)}


def default_terms(deps: Dependencies) -> int:
    """Half as many again as the dependencies have, from 10 to 50, and never more than there are sources."""
    wanted = min(max(10, 3 * int(deps.n_terms.max(initial=0)) // 2), 50)
    return max(1, min(wanted, deps.n_sources - deps.intra))


def _detailed(deps: Dependencies, details: int) -> npt.NDArray[np.intp]:
    """Positions of the targets with the largest R^2 on the fit part, at most ``details``, in order."""
    best = np.argsort(-np.nan_to_num(deps.r2, nan=-np.inf), kind="stable")
    return np.sort(best[:details])


def _spectrum(payload: Payload, prefix: str, fit: Blocks) -> dict[str, Any]:
    """Eigenvalues of G, largest first, unless G is too large to decompose within seconds."""
    matrix = fit.gram if isinstance(fit.gram, np.ndarray) else fit.gram.factor
    if min(matrix.shape) > SPECTRUM_LIMIT:
        return {"leftOut": True, "limit": SPECTRUM_LIMIT}
    n, precision = len(matrix), np.finfo(matrix.dtype).eps
    if matrix is fit.gram:
        values = np.linalg.eigvalsh(matrix.astype(np.float64))[::-1]
    else:
        values = np.linalg.svd(matrix, compute_uv=False) ** 2
    payload.add(prefix + "spectrum", values, "float32")
    # The rule of numpy.linalg.matrix_rank, in the precision that G was given in.
    rank = int(np.count_nonzero(values > values[0] * n * precision))
    return {"leftOut": False, "rank": rank}
