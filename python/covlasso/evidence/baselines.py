"""What dependencies have to beat: other choices of as many terms, and all categories at once.

A choice is a sparse boolean array, one row per target; `refitted` makes dependencies of it by least squares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Array, Float64, Int64
from covlasso.dependencies import Dependencies, joined
from covlasso.gram import Spectral, full_solutions
from covlasso.solver import Blocks


class Rows:
    """Moments of some targets with their sources; 0 with the one that is left out."""

    def __init__(self, blocks: Blocks):
        self.blocks, self.own = blocks, blocks.own
        self._diagonal = blocks.gram.diagonal()

    @property
    def n_sources(self) -> int:
        """p, the number of sources."""
        return len(self._diagonal)

    def sizes(self) -> Float64:
        """Root mean squares of the sources in the moments that all targets share, 1 where 0."""
        return np.where(self._diagonal > 0.0, np.sqrt(np.maximum(self._diagonal, 0.0)), 1.0)

    def scale(self, t: int, sources: Any = slice(None)) -> Float64:
        """Root mean squares of sources, by default of all, in the moments of target t, infinite where 0."""
        square = self._diagonal[sources]
        if self.blocks.own_rows is not None:
            square = square + np.square(self.blocks.own_rows.of(t)[:, sources]).sum(axis=0)
        scale: Float64 = np.sqrt(square)
        scale[scale == 0.0] = np.inf
        return scale

    def of(self, t: int) -> Float64:
        """c_i of target t over the sources' root mean squares: E[f_i g_j] / rms(g_j)."""
        row = self.blocks.row(t) / self.scale(t)
        if self.own[t] >= 0:
            row[self.own[t]] = 0.0
        return row


def refitted(deps: Dependencies, rows: Rows, choice: scipy.sparse.csr_array | None = None) -> Dependencies:
    """Least squares of every target on chosen sources, by default its own; ``error`` and ``coef`` are new.

    Dependent sources share their coefficient: the solution of least norm, by the eigenvalues of G_AA.
    """
    choice = deps.coef if choice is None else choice
    data = np.zeros(choice.nnz)
    error = deps.energy.copy()
    for t in range(deps.n_targets):
        entries = slice(choice.indptr[t], choice.indptr[t + 1])
        support = choice.indices[entries]
        scale = rows.scale(t, support)
        block = rows.blocks.block(t, support) / np.outer(scale, scale)
        c = rows.blocks.entries(t, support) / scale
        solution = np.linalg.pinv(block, rcond=len(support) * 1e-15, hermitian=True) @ c
        data[entries] = solution / scale
        error[t] -= solution @ c
    coef = scipy.sparse.csr_array((data, choice.indices, choice.indptr), shape=choice.shape)
    return replace(deps, coef=coef, error=np.maximum(error, 0.0), refit=True, method="lasso")


def as_many(read: Callable[[int], Dependencies], n_terms: Int64) -> Dependencies:
    """Take every target with its own number of terms; ``read`` gives all targets with so many."""
    parts, order = [], []
    for k in np.unique(n_terms).tolist():
        here = np.flatnonzero(n_terms == k)
        found = read(max(k, 1)).take(here)
        parts.append(found if k else _without_terms(found))
        order.append(here)
    return joined(parts, order)


def _without_terms(deps: Dependencies) -> Dependencies:
    return replace(deps, coef=scipy.sparse.csr_array(deps.coef.shape), error=deps.energy)


def by_correlation(n_terms: Int64, rows: Rows) -> scipy.sparse.csr_array:
    """Choose the sources of largest |E[f_i g_j]| / rms(g_j): the correlation with the target, not centred."""
    chosen = []
    for t, k in enumerate(n_terms.tolist()):
        size = np.abs(rows.of(t))
        chosen.append(np.sort(np.argsort(-size, kind="stable")[:k]))
    return _choice(chosen, rows.n_sources)


def at_random(n_terms: Int64, rows: Rows, seed: int) -> scipy.sparse.csr_array:
    """Choose sources at random, each set as likely as any other."""
    rng = np.random.default_rng(seed)
    p = rows.n_sources
    chosen = []
    for t, k in enumerate(n_terms.tolist()):
        allowed = np.delete(np.arange(p), rows.own[t : t + 1][rows.own[t : t + 1] >= 0])
        chosen.append(np.sort(rng.choice(allowed, size=k, replace=False)))
    return _choice(chosen, p)


def all_others(deps: Dependencies, rows: Rows) -> Dependencies:
    """Least squares of every target on all other categories, from one eigendecomposition of the Gram.

    ``coef`` is dense: n_targets x p numbers. Where C is singular it is a solution, exact by the null space.
    Own rows V of a target come in by the formula of Woodbury: with z = G^+ c and Y = G^+ V', both without the
    source that is left out, b = z - Y (I + V Y)^-1 V z.
    """
    spectral = Spectral(rows.blocks.gram)
    coef = np.empty((deps.n_targets, rows.n_sources))
    if rows.blocks.own_rows is None:
        for block, part in full_solutions(spectral, rows.blocks.cross, rows.own):
            coef[block] = part
    else:
        for t in range(deps.n_targets):
            coef[t] = _with_own_rows(spectral, rows, t, rows.blocks.own_rows.of(t))
    sparse = scipy.sparse.csr_array(coef)
    error = np.maximum(rows.blocks.error(sparse), 0.0)
    return replace(deps, coef=sparse, error=error, refit=True, method="lasso")


def _with_own_rows(spectral: Spectral, rows: Rows, t: int, v: Float64) -> Float64:
    """Solution of target t, whose rows v are not in the Gram of ``spectral``."""
    if spectral.rank == 0:  # own samples only
        others = v.copy()
        others[:, rows.own[t : t + 1][rows.own[t : t + 1] >= 0]] = 0.0
        return np.asarray(np.linalg.lstsq(others, rows.blocks.response(t), rcond=None)[0])
    cross = np.vstack([rows.blocks.row(t), v])
    left_out = np.full(len(cross), rows.own[t], dtype=np.int32)
    z, *y = np.concatenate([part for _, part in full_solutions(spectral, cross, left_out)])
    inner = np.eye(len(v)) + v @ np.transpose(y)
    solution: Float64 = z - np.linalg.solve(inner, v @ z) @ np.array(y)
    return solution


def _choice(chosen: list[Array], p: int) -> scipy.sparse.csr_array:
    indptr = np.concatenate([[0], np.cumsum([len(one) for one in chosen])])
    indices = np.concatenate(chosen).astype(np.int32)
    return scipy.sparse.csr_array(
        (np.ones(len(indices), dtype=bool), indices, indptr), shape=(len(chosen), p)
    )
