"""What is known in closed form of dependencies: how redundant the logits are, and what sparsity costs.

The statements are those of Feng et al., *Neural Dependencies Emerging from Learning Massive Categories*, CVPR
2023 (arXiv 2211.12339): a redundant covariance matrix guarantees dependencies, and dependencies are sparse
(abstract and section 3). Each docstring gives its statement with the line that proves it. C is the second
moment E[f f'] of the logits as they are, or a covariance where that is given; lambda is in the paper's scale
(no 1/2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Bool, Float64, Matrix
from covlasso._base.checks import check_matrix
from covlasso.dependencies import Dependencies
from covlasso.gram import Gram, Spectral, full_solutions
from covlasso.solver import Blocks, check_problem


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Eigenvalues of a Gram; made by `spectrum`.

    Attributes
    ----------
    eigenvalues : (n,) array
        Falling.
    tolerance : float
        Largest eigenvalue that counts as 0.
    rank : int
        Number of eigenvalues above it: at most the width of the last layer, and one more for a bias.
    effective_rank : float
        exp of the entropy of the eigenvalues as shares of their sum: Roy and Vetterli, *The effective rank*,
        EUSIPCO 2007, definition 1. Between 1 and ``rank``.
    participation : float
        (sum of the eigenvalues)^2 / sum of their squares: the number of equal eigenvalues with that ratio.
    """

    eigenvalues: Float64
    tolerance: float
    rank: int
    effective_rank: float
    participation: float


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """Every target by least squares on all other categories, lambda = 0; made by `least_squares`.

    Attributes
    ----------
    error : (n_targets,) array
        err_i(0), 0 where the others explain a category exactly.
    l1_norm : (n_targets,) array
        |b(0)|_1 of the solution of least norm.
    exact : (n_targets,) bool array
        Whether err_i(0) is 0 by the null space of C.
    """

    error: Float64
    l1_norm: Float64
    exact: Bool


@dataclass(frozen=True, eq=False)
class ErrorShares:
    """Where the energy of each target goes, (n_targets,) each; the three add up to 1.

    Attributes
    ----------
    explained : array
        1 - err(lambda) / e: by the sparse combination.
    sparsity : array
        (err(lambda) - err(0)) / e: by more terms only, the price of sparsity.
    irreducible : array
        err(0) / e: by no combination of the others; small for every category where C is redundant.
    """

    explained: Float64
    sparsity: Float64
    irreducible: Float64


def spectrum(gram: Matrix | Gram, tolerance: float | None = None) -> Spectrum:
    """Eigenvalues, numerical rank and effective rank of C.

    Statement: rank C is at most the width of the last layer, plus one with a bias, since logits are W h + b;
    so C of more categories than that is singular, and dependencies without error exist.

    Parameters
    ----------
    gram : (n, n) array, or FactoredGram
        C.
    tolerance : float, optional
        Share of the largest eigenvalue that counts as 0; by default n eps of the matrix's dtype, and
        (n eps)^2 for a factor, whose singular values are the roots.

    Raises
    ------
    TypeError, ValueError
        ``gram`` is no such matrix, or has an eigenvalue below 0.
    """
    found = Spectral(gram, tolerance)
    share = found.values / found.values.sum()
    effective = float(np.exp(-np.sum(share * np.log(share)))) if found.rank else 0.0
    participation = float(1.0 / np.sum(share**2)) if found.rank else 0.0
    return Spectrum(found.eigenvalues, found.tolerance, found.rank, effective, participation)


def least_squares(
    gram: Matrix | Gram,
    cross: Matrix | None = None,
    energy: npt.ArrayLike | None = None,
    *,
    targets: npt.ArrayLike | None = None,
    exclude: str | None = "self",
    tolerance: float | None = None,
) -> LeastSquares:
    """err_i(0) of all targets from one eigendecomposition: what no number of terms can go below.

    Statement: err_i(0) = 1 / (C^-1)_ii = det C / det C_-i, with C_-i without row and column i; so the sum of
    1 / err_i(0) is trace C^-1, and a small eigenvalue of C makes some errors small (redundancy guarantees
    dependencies). Proof: Schur complement of C_-i in C, and Cramer's rule. For singular C, with N the
    projector on its null space: err_i(0) = 0 if N_ii > 0, by the null vector N_i; else 1 / (C^+)_ii.

    Between two networks: e_i - c'G^+c, and a_i^2 / (G^+)_ii more, with a = G^+ c, where the category itself
    is left out.

    Parameters
    ----------
    gram, cross, energy, targets
        As in `covlasso.path`.
    exclude : "self" or None, default "self"
        As there.
    tolerance : float, optional
        As in `spectrum`.

    Raises
    ------
    TypeError, ValueError
        An argument is wrong.
    """
    problem = check_problem(gram, cross, energy, targets, exclude, None, None, None)
    rows = problem.targets
    if cross is not None:
        check_matrix(cross, "cross")
    blocks = Blocks.of_arrays(gram, cross, problem.all_energy, rows)
    found = Spectral(blocks.gram, tolerance)
    error = np.zeros(len(rows))
    l1_norm = np.zeros(len(rows))
    own = rows if problem.exclude_self else np.full_like(rows, -1)
    for block, coef in full_solutions(found, blocks.cross, own):
        l1_norm[block] = np.abs(coef).sum(axis=1)
        if blocks.cross is not None:
            c = blocks.cross[block].astype(np.float64)
            error[block] = blocks.energy[block] - np.einsum("tj,tj->t", c, coef)
    exact = found.exact[rows] if problem.intra else np.zeros(len(rows), dtype=bool)
    if problem.intra:
        inverse = found.inverse_diagonal()[rows]
        error = np.where(exact | (inverse == 0.0), 0.0, 1.0 / np.where(inverse == 0.0, 1.0, inverse))
    return LeastSquares(np.maximum(error, 0.0), l1_norm, exact)


def log_determinants(gram: Matrix | Gram, tolerance: float | None = None) -> tuple[float, Float64]:
    """(log det C, log det C_-i of all i), -inf for 0; no determinant is formed, so nothing overflows.

    Statement: err_i(0) = det C / det C_-i. det C is the product of the eigenvalues, and det C_-i = det C
    (C^-1)_ii; where C has exactly one eigenvalue 0, det C_-i is the product of the others times N_ii (the
    adjugate of C); where it has more, every det C_-i is 0.

    Parameters
    ----------
    gram : (n, n) array, or FactoredGram
        C.
    tolerance : float, optional
        As in `spectrum`.
    """
    found = Spectral(gram, tolerance)
    product = float(np.log(found.values).sum())
    missing = found.n - found.rank
    with np.errstate(divide="ignore"):
        if missing == 0:
            return product, product + np.log(found.inverse_diagonal())
        if missing == 1:
            return -np.inf, product + np.log(np.where(found.exact, found.null, 0.0))
    return -np.inf, np.full(found.n, -np.inf)


def error_shares(deps: Dependencies, full: LeastSquares) -> ErrorShares:
    """How the energy of each target divides into explained, price of sparsity, and irreducible.

    Statement: err(lambda) = err(0) + (err(lambda) - err(0)), where the first is the redundancy of C alone and
    the second is at least 0 and at most `price_bound`.

    Parameters
    ----------
    deps : Dependencies
        Lasso or refitted.
    full : LeastSquares
        Of the same targets on the same moments.

    Raises
    ------
    ValueError
        The numbers of targets differ.
    """
    _check_same(deps, full)
    with np.errstate(invalid="ignore", divide="ignore"):
        irreducible = full.error / deps.energy
        return ErrorShares(1.0 - deps.relative_error, deps.relative_error - irreducible, irreducible)


def price_bound(deps: Dependencies, full: LeastSquares) -> Float64:
    """Upper bound lambda (|b(0)|_1 - |b(lambda)|_1) of err(lambda) - err(0), (n_targets,).

    Statement: sparsity costs at most that. Proof: b(lambda) minimises err + lambda |b|_1, so err(lambda) +
    lambda |b(lambda)|_1 <= err(0) + lambda |b(0)|_1, for any least-squares solution b(0). Here it is the one
    of least norm; one of least l1 norm would bound closer where C is singular.

    Parameters
    ----------
    deps : Dependencies
        Lasso solutions, not refitted, found without l2 and weights.
    full : LeastSquares
        Of the same targets on the same moments.

    Raises
    ------
    ValueError
        The dependencies are refitted, or the numbers of targets differ.
    """
    _check_same(deps, full)
    _check_lasso(deps)
    return np.asarray(deps.lam * (full.l1_norm - abs(deps.coef).sum(axis=1)))


def terms_bound(deps: Dependencies, largest_eigenvalue: float) -> Float64:
    """Upper bound 4 sigma_max err(lambda) / lambda^2 of the number of terms, (n_targets,).

    Statement: dependencies are sparse wherever the error is small beside lambda^2. Proof: on the k active
    sources |2 E[r g_j]| = lambda for the residual r; so k lambda^2 / 4 = |E[r g_A]|^2 <= sigma_max(G) E[r^2].
    It is loose: sigma_max is the one direction that all logits share. ``terms_bound(...) / deps.n_terms``
    says how loose.

    Parameters
    ----------
    deps : Dependencies
        Lasso solutions, not refitted, found without l2 and weights.
    largest_eigenvalue : float
        sigma_max of the sources' Gram, ``spectrum(gram).eigenvalues[0]``.

    Returns
    -------
    (n_targets,) array
        Infinite at lambda = 0.

    Raises
    ------
    ValueError
        The dependencies are refitted.
    """
    _check_lasso(deps)
    with np.errstate(divide="ignore", invalid="ignore"):
        bound: Float64 = 4.0 * largest_eigenvalue * deps.error / deps.lam**2
    return np.where(deps.lam > 0.0, bound, np.inf)


def _check_same(deps: Dependencies, full: LeastSquares) -> None:
    if len(full.error) != deps.n_targets:
        raise ValueError(
            f"full has {len(full.error)} targets and deps {deps.n_targets}; they must be the same"
        )


def _check_lasso(deps: Dependencies) -> None:
    if deps.method == "pursuit":
        raise ValueError("these dependencies are a pursuit's; the bound is for the Lasso: solve with it")
    if deps.refit:
        raise ValueError("these dependencies are refitted; the bound is for the Lasso: give refit=False")
