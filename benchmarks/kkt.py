"""The certificate: how far a solution is from optimal, whoever found it."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from benchmarks.tasks import Solutions

_CHUNK = 256  # targets at a time: the gradients of all of them would fill n x n numbers


def kkt_residual(
    gram: np.ndarray, targets: np.ndarray, lam: np.ndarray, coef: sparse.csr_array
) -> np.ndarray:
    """Relative KKT residual of  b'Cb - 2 C_i'b + C_ii + lambda ||b||_1,  b_i = 0  (paper's scale, no 1/2).

    With g = 2 (C_i - C b) it is the largest of |g_j - lambda sign(b_j)| where b_j != 0 and of
    max(|g_j| - lambda, 0) where b_j = 0, j != i, divided by lambda (by 2 max_j |C_ij| where lambda = 0).

    Parameters
    ----------
    gram : (n, n) array
        C.
    targets : (m,) int array
        The i.
    lam : (m,) array
        One lambda per target, >= 0.
    coef : (m, n) csr_array
        The b, one row per target.

    Returns
    -------
    (m,) array
        inf for a solution that is not finite or that uses its own target.
    """
    gram = gram.astype(np.float64, copy=False)
    out = np.empty(len(targets))
    for start in range(0, len(targets), _CHUNK):
        part = slice(start, start + _CHUNK)
        out[part] = _chunk(gram, targets[part], lam[part], coef[part])
    return out


def _chunk(gram: np.ndarray, targets: np.ndarray, lam: np.ndarray, coef: sparse.csr_array) -> np.ndarray:
    rows = np.arange(len(targets))
    b = coef.toarray()
    cross = gram[targets]
    g = 2 * (cross - sparse.csr_array(b) @ gram)
    column = lam[:, None]
    violation = np.where(b != 0, np.abs(g - column * np.sign(b)), np.maximum(np.abs(g) - column, 0.0))
    violation[rows, targets] = 0.0
    cross[rows, targets] = 0.0
    scale = np.where(lam > 0, lam, 2 * np.abs(cross).max(axis=1))
    bad = ~np.isfinite(b).all(axis=1) | (b[rows, targets] != 0)
    return np.where(bad, np.inf, violation.max(axis=1) / scale)


def implied_lambda(gram: np.ndarray, targets: np.ndarray, coef: sparse.csr_array) -> np.ndarray:
    """The median of |2 (C_i - C b)_j| over b_j != 0: lambda, for a solver that does not say it."""
    lam = np.empty(len(targets))
    for t, i in enumerate(targets):
        b = coef[[t]]
        g = 2 * (gram[i, b.indices] - b.data @ gram[np.ix_(b.indices, b.indices)])
        lam[t] = np.median(np.abs(g))
    return lam


def worst(gram: np.ndarray, targets: np.ndarray, solutions: Solutions) -> float:
    """The largest relative KKT residual over all targets and all points of their paths."""
    return max(float(kkt_residual(gram, targets, lam, coef).max()) for lam, coef in solutions)
