"""A few categories whose logits span the rest, by pivoted Cholesky on the Gram."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from covlasso._base.arrays import Float64, Int32, Matrix
from covlasso._base.checks import check_count, check_number, first_bad
from covlasso.gram.gram import Gram, as_gram

_INDEFINITE = float(np.sqrt(np.finfo(np.float64).eps))  # of the largest entry: beyond what rounding can do


class Spanning(NamedTuple):
    """Categories that span the others, and what they leave unexplained.

    Attributes
    ----------
    categories : (k,) int32 array
        In the order of choice, the largest remainder first.
    residual : (n,) array
        Least-squares error of every category on the chosen ones; 0 for these.
    share : (k + 1,) array
        Sum of the residuals over the sum of the energies, before and after every choice; it falls.
    """

    categories: Int32
    residual: Float64
    share: Float64


def spanning_categories(
    gram: Matrix | Gram, tolerance: float = 0.01, max_categories: int | None = None
) -> Spanning:
    """Choose categories until least squares on them leaves at most ``tolerance`` of the energy of all.

    Pivoted Cholesky: with L_k the first k columns of the factor, G - L_k L_k' is the Schur complement of the
    chosen block, and its diagonal entry

        d_i = G_ii - G_iA G_AA^-1 G_Ai = min over b of E[(f_i - sum over A of b_j f_j)^2]

    is the least-squares error of category i on the chosen A. The next to be chosen is the one with the
    largest d_i. The share is trace(G - L_k L_k') / trace(G). Of a Gram of rank r exactly r are chosen with
    tolerance 0, up to rounding: it ends where no d_i is above n eps max G_ii, LAPACK's threshold in dpstrf.

    Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed. (2002), section 10.3 (existence, and the
    backward error of complete pivoting); Harbrecht, Peters and Schneider, *On the low-rank approximation by
    the pivoted Cholesky decomposition*, Appl. Numer. Math. 62 (2012), pp. 428-440 (the trace as stopping
    rule, only the chosen rows of G are read). The set is small, but nothing says that it is the smallest, and
    on other samples more is left.

    Parameters
    ----------
    gram : (n, n) array or FactoredGram
        E[f f'], float32 or float64, symmetric positive semi-definite.
    tolerance : float, default 0.01
        Share of the energy that may be left; 0.01 leaves R^2 = 0.99 overall, though not for every category.
    max_categories : int, optional
        Stop at so many. By default n.

    Returns
    -------
    Spanning

    Raises
    ------
    TypeError, ValueError
        ``gram`` is no such matrix, an entry is not finite, or it is seen not to be positive semi-definite.

    Examples
    --------
    >>> import numpy as np
    >>> head = np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])  # three categories, two features
    >>> spanning_categories(head @ head.T, tolerance=1e-12).categories.tolist()
    [1, 0]
    """
    check_number(tolerance, "tolerance")
    held = as_gram(gram)
    diagonal = _checked_diagonal(held)
    n, largest, total = len(diagonal), diagonal.max(), diagonal.sum()
    most = n if max_categories is None else min(check_count(max_categories, "max_categories"), n)
    rounding = n * held.rounding * largest
    left = diagonal.copy()
    factor = np.empty((min(most, 64), n))
    chosen: list[int] = []
    share = [1.0 if total > 0.0 else 0.0]
    while len(chosen) < most and share[-1] > tolerance and left.max() > rounding:
        k, pivot = len(chosen), int(np.argmax(left))
        if k == len(factor):
            factor = np.concatenate([factor, np.empty((min(k, most - k), n))])
        column = _row(held, pivot) - factor[:k, pivot] @ factor[:k]
        column[chosen] = 0.0
        column /= np.sqrt(left[pivot])
        left -= column**2
        if left.min() < -max(rounding, _INDEFINITE * largest):
            raise ValueError(
                f"gram is not positive semi-definite: least squares of category {np.argmin(left)} on "
                f"{len(chosen) + 1} others has error {left.min():.3g}; give second moments of logits"
            )
        np.maximum(left, 0.0, out=left)
        left[pivot] = 0.0
        factor[k] = column
        chosen.append(pivot)
        share.append(float(left.sum() / total))
    return Spanning(np.array(chosen, dtype=np.int32), left, np.array(share))


def _checked_diagonal(gram: Gram) -> Float64:
    diagonal = gram.diagonal()
    bad = ~(np.isfinite(diagonal) & (diagonal >= 0.0))
    if bad.any():
        i = int(np.argmax(bad))
        raise ValueError(f"gram[{i}, {i}] is {diagonal[i]}; a finite number of at least 0 is expected")
    return diagonal


def _row(gram: Gram, i: int) -> Float64:
    row: Float64 = gram.rows([i])[0]
    bad = first_bad(row)
    if bad is not None:
        raise ValueError(f"gram[{i}, {bad[0]}] is {row[bad]}; every entry must be finite")
    return row
