"""The file of dependencies; `Dependencies.save` says what is in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Float64, Int32, Method
from covlasso._base.checks import check_finite, check_method
from covlasso._base.storage import StoredTensors, load_tensors, save_tensors
from covlasso.dependencies.origin import Origin

PER_TARGET = ("lam", "error", "energy", "kkt")
"""Fields with a number per target."""
KNOWN = ("focus", "mean", "variance", "random_error")
"""Fields with a number per target, or None where it is not known."""

_MOST_SOURCES = 2**31 - 1  # categories are numbered in 32 bits
_LARGEST = sys.float_info.max
_RANGES = {
    "energy": (0.0, _LARGEST),
    "focus": (0.0, 1.0),
    "mean": (-_LARGEST, _LARGEST),
    "variance": (0.0, _LARGEST),
    "random_error": (0.0, _LARGEST),
}


def save_fields(fields: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write the fields of dependencies, atomically."""
    coef, origin = fields["coef"], fields["origin"]
    statuses, status = np.unique(fields["status"], return_inverse=True)
    known = [name for name in KNOWN if fields[name] is not None]
    tensors = {
        "indptr": coef.indptr.astype(np.int64),
        "indices": coef.indices.astype(np.int32),
        "data": coef.data,
        "targets": fields["targets"],
        "status": status.astype(np.uint8),
        **{name: fields[name] for name in (*PER_TARGET, *known)},
    }
    header = {
        "n_sources": coef.shape[1],
        "statuses": statuses.tolist(),
        **{name: fields[name] for name in ("intra", "refit", "method", "target_names", "source_names")},
        **({} if origin is None else {"origin": asdict(origin)}),
    }
    save_tensors(path, "Dependencies", tensors, header)


def stored_fields(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the fields of the dependencies in a file of `save_fields`.

    Raises
    ------
    FileNotFoundError, ValueError
        As of `Dependencies.load`.
    """
    stored = load_tensors(path, "Dependencies")
    targets, intra = stored.tensor("targets", np.int32, (None,)), stored.field("intra", bool)
    n, p = len(targets), stored.field("n_sources", int)
    _check_targets(stored, targets, p, intra)
    coef, status = _coefficients(stored, n, p), stored.tensor("status", np.uint8, (n,))
    try:
        words = np.array(stored.strings("statuses"))[status]
    except IndexError as cause:
        raise stored.error(str(cause)) from cause
    known = [name for name in KNOWN if name in stored]
    per_target = {name: stored.tensor(name, np.float64, (n,)) for name in (*PER_TARGET, *known)}
    for name, (least, largest) in _RANGES.items():
        if name in per_target:
            _check_range(stored, name, per_target[name], least, largest)
    return {
        "coef": coef,
        **per_target,
        "status": words,
        "targets": targets,
        "intra": intra,
        "refit": stored.field("refit", bool),
        "target_names": stored.names("target_names", n),
        "source_names": stored.names("source_names", p),
        "origin": _origin(stored),
        "method": _method(stored),
    }


def _coefficients(stored: StoredTensors, n: int, p: int) -> scipy.sparse.csr_array:
    indptr = stored.tensor("indptr", np.int64, (n + 1,))
    indices = stored.tensor("indices", np.int32, (int(indptr[-1]),))
    data = stored.tensor("data", np.float64, indices.shape)
    try:
        coef = scipy.sparse.csr_array((data, indices, indptr), shape=(n, p))
        coef.check_format(full_check=True)
        check_finite(coef.data, "data")
    except ValueError as cause:
        raise stored.error(str(cause)) from cause
    return coef


def _check_targets(stored: StoredTensors, targets: Int32, n_sources: int, intra: bool) -> None:
    """Refuse targets and numbers of sources that no result has, before anything is made of them."""
    if isinstance(n_sources, bool) or not 0 < n_sources <= _MOST_SOURCES:
        raise stored.error(
            f"header field 'n_sources' is {n_sources}; a number from 1 to {_MOST_SOURCES} is expected"
        )
    bad = (targets < 0) | (targets >= (n_sources if intra else _MOST_SOURCES))
    if bad.any():
        place = int(np.argmax(bad))
        raise stored.error(f"targets[{place}] is {targets[place]}, no category")
    values, counts = np.unique(targets, return_counts=True)
    if len(values) < len(targets):
        raise stored.error(f"target {values[counts > 1][0]} is there twice")


def _check_range(stored: StoredTensors, name: str, values: Float64, least: float, largest: float) -> None:
    bad = ~((values >= least) & (values <= largest))
    if bad.any():
        place = int(np.argmax(bad))
        raise stored.error(
            f"{name}[{place}] is {values[place]}; a number from {least:g} to {largest:g} is expected"
        )


def _origin(stored: StoredTensors) -> Origin | None:
    fields = stored.optional("origin", dict)
    if fields is None:
        return None
    try:
        return Origin(**fields)
    except (TypeError, ValueError) as cause:
        raise stored.error(f"header field 'origin': {cause}") from cause


def _method(stored: StoredTensors) -> Method:
    method = stored.optional("method", str)
    try:
        return "lasso" if method is None else check_method(method)  # older files are of the Lasso
    except ValueError as cause:
        raise stored.error(f"header field {cause}") from cause
