"""Paths as the page draws them: for every source of a target, its coefficients from knot to knot."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from covlasso._base.arrays import Float64, Int64, Places
from covlasso.report.payload import Payload, rounded
from covlasso.solver import Path


class Runs(NamedTuple):
    """One path. A run is a stretch of knots on which one source is active, with the zeros at its ends."""

    lam: Float64
    """Knots, lambda falling, and the end of the path."""
    source: Int64
    first: Int64
    """The knot where the run begins."""
    length: Int64
    """How many knots it has."""
    coef: Float64
    """Coefficients of all runs, one run behind the other."""


def runs(lam: Float64, coefficients: Any, sources: Int64) -> Runs:
    """Split the coefficients of a path, (knots, sources used), into runs."""
    active = coefficients.T != 0
    drawn = active.copy()
    drawn[:, :-1] |= active[:, 1:]
    drawn[:, 1:] |= active[:, :-1]
    framed = np.zeros((len(sources), len(lam) + 2), dtype=np.int8)
    framed[:, 1:-1] = drawn
    edge = np.diff(framed, axis=1)
    column, first = np.nonzero(edge == 1)
    last = np.nonzero(edge == -1)[1]
    return Runs(lam, sources[column], first, last - first, coefficients.T[drawn])


def path_runs(path: Path, t: int, end: Any) -> Runs:
    """Find the runs of the target at position ``t``; ``end`` are the coefficients at the end of all paths."""
    knots = path.knots(int(path.targets[t]))
    last = slice(end.indptr[t], end.indptr[t + 1])
    sources = np.unique(np.concatenate([knots.coef.indices, end.indices[last]])).astype(np.int64)
    dense = np.zeros((len(knots.lam) + 1, len(sources)))
    row = np.repeat(np.arange(len(knots.lam)), np.diff(knots.coef.indptr))
    dense[row, np.searchsorted(sources, knots.coef.indices)] = knots.coef.data
    dense[-1, np.searchsorted(sources, end.indices[last])] = end.data[last]
    return runs(np.append(knots.lam, path.lambda_end[t]), dense, sources)


def add_paths(payload: Payload, prefix: str, path: Path, shown: Places) -> None:
    """Append the runs of the targets at the positions ``shown``.

    ``knotStart``, ``runStart`` and ``valueStart`` say where each of them begins.
    """
    end = path.at(lam=path.lambda_end).coef
    every = [path_runs(path, int(t), end) for t in shown]
    for name, sizes in (
        ("knotStart", [len(one.lam) for one in every]),
        ("runStart", [len(one.source) for one in every]),
        ("valueStart", [len(one.coef) for one in every]),
    ):
        payload.add(prefix + name, np.cumsum([0, *sizes]), "int32")
    joined = [np.concatenate(field) if field else np.empty(0) for field in zip(*every, strict=True)]
    lam, source, first, length, coef = joined if every else [np.empty(0)] * len(Runs._fields)
    payload.add(prefix + "knotLam", rounded(lam), "float32")
    payload.add(prefix + "runSource", source, "int32")
    payload.add(prefix + "runFirst", first, "int32")
    payload.add(prefix + "runLength", length, "int32")
    payload.add(prefix + "pathCoef", rounded(coef, bits=9), "float32")
