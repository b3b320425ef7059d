"""What dependencies have to beat: other choices of as many terms, and all categories at once.

A choice is a sparse boolean array, one row per target; `refitted` makes dependencies of it by least squares.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Array, Float64, Int64
from covlasso._base.optional import needed
from covlasso._base.progress import Report
from covlasso.dependencies import Dependencies
from covlasso.gram import Spectral, full_solutions
from covlasso.solver import Blocks


class Rows:
    """Moments of some targets with their sources; 0 with the one that is left out."""

    def __init__(self, blocks: Blocks):
        self.blocks, self.own = blocks, blocks.own
        scale = np.sqrt(blocks.gram.diagonal())
        scale[scale == 0.0] = np.inf
        self.scale: Float64 = scale

    def of(self, t: int) -> Float64:
        """c_i of target t over the sources' root mean squares: E[f_i g_j] / rms(g_j)."""
        row = self.blocks.row(t) / self.scale
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
        block = rows.blocks.gram.block(support) / np.outer(rows.scale[support], rows.scale[support])
        c = rows.of(t)[support]
        solution = np.linalg.pinv(block, rcond=len(support) * 1e-15, hermitian=True) @ c
        data[entries] = solution / rows.scale[support]
        error[t] -= solution @ c
    coef = scipy.sparse.csr_array((data, choice.indices, choice.indptr), shape=choice.shape)
    return replace(deps, coef=coef, error=np.maximum(error, 0.0), refit=True, method="lasso")


def by_correlation(n_terms: Int64, rows: Rows) -> scipy.sparse.csr_array:
    """Choose the sources of largest |E[f_i g_j]| / rms(g_j): the correlation with the target, not centred."""
    chosen = []
    for t, k in enumerate(n_terms.tolist()):
        size = np.abs(rows.of(t))
        chosen.append(np.sort(np.argsort(-size, kind="stable")[:k]))
    return _choice(chosen, len(rows.scale))


def at_random(n_terms: Int64, rows: Rows, seed: int) -> scipy.sparse.csr_array:
    """Choose sources at random, each set as likely as any other."""
    rng = np.random.default_rng(seed)
    p = len(rows.scale)
    chosen = []
    for t, k in enumerate(n_terms.tolist()):
        allowed = np.delete(np.arange(p), rows.own[t : t + 1][rows.own[t : t + 1] >= 0])
        chosen.append(np.sort(rng.choice(allowed, size=k, replace=False)))
    return _choice(chosen, p)


def by_matching_pursuit(n_terms: Int64, rows: Rows, progress: Report | None = None) -> scipy.sparse.csr_array:
    """Choose sources one by one by orthogonal matching pursuit: scikit-learn's ``orthogonal_mp_gram``.

    On sources of unit root mean square, as it assumes. It copies the Gram for every target: seconds for 1000
    categories, an hour for 8000. It may end early where nothing is left to explain.

    Raises
    ------
    ImportError
        scikit-learn is not installed.
    """
    pursue = needed("sklearn.linear_model").orthogonal_mp_gram
    unit = _unit_gram(rows)
    chosen = []
    for t, k in enumerate(n_terms.tolist()):
        own = rows.own[t : t + 1][rows.own[t : t + 1] >= 0]
        kept_row, kept_column = unit[own].copy(), unit[:, own].copy()
        unit[own], unit[:, own] = 0.0, 0.0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # that it ended early
            coef = pursue(unit, rows.of(t), n_nonzero_coefs=k) if k else np.zeros(len(unit))
        unit[own], unit[:, own] = kept_row, kept_column
        chosen.append(np.flatnonzero(coef))
        if progress is not None:
            progress(t + 1, len(n_terms))
    return _choice(chosen, len(unit))


def all_others(deps: Dependencies, rows: Rows) -> Dependencies:
    """Least squares of every target on all other categories, from one eigendecomposition of the Gram.

    ``coef`` is dense: n_targets x p numbers. Where C is singular it is a solution, exact by the null space.
    """
    spectral = Spectral(rows.blocks.gram)
    coef = np.empty((deps.n_targets, len(rows.scale)))
    for block, part in full_solutions(spectral, rows.blocks.cross, rows.own):
        coef[block] = part
    c = np.array([rows.of(t) * np.where(np.isfinite(rows.scale), rows.scale, 0.0) for t in range(len(coef))])
    error = np.maximum(deps.energy - np.einsum("tj,tj->t", c, coef), 0.0)
    return replace(deps, coef=scipy.sparse.csr_array(coef), error=error, refit=True, method="lasso")


def _unit_gram(rows: Rows) -> Float64:
    """Gram of sources of unit root mean square, in memory of its own."""
    dense = rows.blocks.gram.dense()
    dense /= rows.scale
    dense /= rows.scale[:, np.newaxis]
    return dense


def _choice(chosen: list[Array], p: int) -> scipy.sparse.csr_array:
    indptr = np.concatenate([[0], np.cumsum([len(one) for one in chosen])])
    indices = np.concatenate(chosen).astype(np.int32)
    return scipy.sparse.csr_array(
        (np.ones(len(indices), dtype=bool), indices, indptr), shape=(len(chosen), p)
    )
