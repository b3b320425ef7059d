"""Exact CovLasso paths of all targets: `path`, and `solve` for one place on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from covlasso._base.arrays import Method
from covlasso._base.checks import check_lambda, check_method
from covlasso._base.progress import Report
from covlasso.dependencies import Dependencies
from covlasso.gram import Gram, OwnRows
from covlasso.solver.problem import check_problem
from covlasso.solver.solution_path import Options, Path, limits_of, one_place, run
from covlasso.solver.targets import Targets

Matrix = Any  # float32 or float64: a numpy array, or one of another library in the memory of host or device
Exclude = Any  # "self", None, a boolean array or a scipy sparse array


def path(
    gram: Matrix | Gram,
    cross: Matrix | None = None,
    energy: npt.ArrayLike | None = None,
    *,
    targets: Targets | None = None,
    exclude: Exclude = "self",
    method: Method = "lasso",
    max_terms: int = 50,
    min_lambda: float | npt.ArrayLike = 0.0,
    relative_error: float = 0.0,
    l2: float = 0.0,
    positive: bool = False,
    weights: npt.ArrayLike | None = None,
    own: npt.NDArray[Any] | OwnRows | None = None,
    names: Sequence[str] | None = None,
    source_names: Sequence[str] | None = None,
    n_threads: int | None = None,
    device: str | Sequence[str] = "cpu",
    progress: bool | Report | None = None,
) -> Path:
    """Exact Lasso paths of every category on the moments of the logits.

    For every target i, at every lambda from lambda_max = 2 max_j |c_ij| down::

        minimise over b   b'Gb - 2 c_i'b + e_i + l2 |b|^2 + lambda sum_j w_ij |b_j|

    This is the CovLasso of Feng et al., CVPR 2023 (arXiv 2211.12339, section 3). lambda and l2 are in the
    paper's scale (no 1/2): code that minimises b'Gb/2 - c'b + mu |b|_1 has mu = lambda / 2. A path ends at
    the first of ``max_terms``, ``min_lambda`` and ``relative_error``, or where lambda reaches 0 or drowns in
    rounding.

    ``method="pursuit"`` chooses terms by orthogonal matching pursuit instead: starting from none, again and
    again the source with the largest score |g_j| / w_j enters, g = 2 (c - G b - l2 b), and b becomes least
    squares (with the ridge term) on all that are in (Pati, Rezaiifar and Krishnaprasad 1993; Davis, Mallat
    and Avellaneda 1997). No source leaves, nothing is shrunk, and there is no lambda: such a path is read by
    ``terms`` or ``relative_error``, and lambda stands for scores. It ends at the first of ``max_terms`` and
    ``relative_error``, or where every gradient is rounding. With ``weights`` the root mean squares of the
    sources, sqrt(G_jj), scores are those of sources of unit size.

    Parameters
    ----------
    gram : (p, p) array, or FactoredGram
        G = E[g g'] of the source network, symmetric positive semi-definite; float32 or float64 with
        contiguous rows (a row stride is fine). It is read in place, all arithmetic is in double. A
        `FactoredGram` stands for a G = F F' that need not fit into memory. Arrays of torch, CuPy, Numba, JAX
        and others that have `__cuda_array_interface__` or DLPack are read in place, too, in the memory of the
        host or, with ``device="cuda"``, of a CUDA device, after the work of their stream.
    cross : (n, p) array, optional
        Rows c_i = E[f_i g], dtype, order and memory as ``gram``. By default the network explains itself: c_i
        is row i of ``gram``, e_i its diagonal entry, and b_i = 0.
    energy : (n,) array, optional
        e_i = E[f_i^2]; given exactly when ``cross`` is.
    targets : sequence of int or str, optional
        Rows to solve, each once: numbers, or ``names``. By default all.
    exclude : "self", None, boolean array or scipy sparse array, default "self"
        Sources with b_j = 0: "self" is the target's own category (with ``cross``: both networks share their
        categories), None excludes nothing (with ``cross`` only), a mask of shape (n_targets, p) what is not
        zero in it (without ``cross``: and the target itself).
    method : {"lasso", "pursuit"}, default "lasso"
        How terms are chosen; "pursuit" goes with neither ``min_lambda`` nor ``positive``.
    max_terms : int, default 50
        End just before one more term would enter.
    min_lambda : float or (n_targets,) array, default 0
        End at this lambda, in the paper's scale (no 1/2).
    relative_error : float, default 0
        End where error <= relative_error * e_i.
    l2 : float, default 0
        Ridge term (elastic net), in the paper's scale (no 1/2).
    positive : bool, default False
        Only b >= 0.
    weights : (p,) or (n_targets, p) array, optional
        Penalty factors w: 0 leaves a source unpenalised, inf excludes it, others are from 1e-100 to 1e100. By
        default 1. The second form is read in place and must be float64. In a pursuit sources of weight 0 are
        in from the start.
    own : (n_targets, p) float64 array, or OwnRows, optional
        Observations that count for one target only: with rows V_i its problem has G + V_i'V_i, c_i + V_i'u_i
        and e_i + u_i'u_i, where u_i is what the target is in them; one row each, or `OwnRows` for more, and
        with ``cross`` for u. An observation x with as much weight as a share a of all samples is sqrt(a) x.
    names : sequence of str, optional
        Names of the possible targets (rows of ``cross``, or of ``gram`` without it).
    source_names : sequence of str, optional
        Names of the sources; by default ``names`` where the networks share their categories.
    n_threads : int, optional
        By default one per hardware thread. The result has the same bits for any number.
    device : str or sequence of str, default "cpu"
        "cuda" solves on the CUDA device in whose memory ``gram`` is, on cuda:0 where it is in that of the
        host; "cuda:1" on that one; ["cuda:0", "cuda:1"] on both, a slice of the targets each, with ``gram``
        in the memory of the first or of the host. It needs a build with CUDA code: `cuda_available`.
    progress : bool or callable, optional
        True draws a bar on stderr; a function is called as progress(done, total) about ten times a second. An
        exception that it raises ends the solve and comes back unchanged.

    Returns
    -------
    Path

    Raises
    ------
    TypeError, ValueError
        An argument is wrong or the Gram not positive semi-definite; the message names argument, place and
        remedy.
    RuntimeError
        The build has no CUDA code, the machine no such device, or the device not enough memory.
    KeyboardInterrupt
        Ctrl-C; the message says how many targets were done.

    Examples
    --------
    >>> import numpy as np
    >>> gram = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
    >>> path(gram).at(lam=1.0).coef.toarray().round(3)
    array([[0.  , 0.25, 0.  ],
           [0.25, 0.  , 0.  ],
           [0.  , 0.  , 0.  ]])
    """
    problem = check_problem(gram, cross, energy, targets, exclude, weights, names, source_names, own=own)
    options = Options.checked(
        len(problem.targets),
        max_terms=max_terms,
        min_lambda=min_lambda,
        relative_error=relative_error,
        l2=l2,
        positive=positive,
        n_threads=n_threads,
        device=device,
        method=method,
    )
    return run(problem, options, progress)


def solve(
    gram: Matrix | Gram,
    cross: Matrix | None = None,
    energy: npt.ArrayLike | None = None,
    *,
    lam: float | npt.ArrayLike | None = None,
    terms: int | None = None,
    relative_error: float | None = None,
    max_terms: int | None = None,
    min_lambda: float | npt.ArrayLike | None = None,
    refit: bool = False,
    method: Method = "lasso",
    targets: Targets | None = None,
    exclude: Exclude = "self",
    l2: float = 0.0,
    positive: bool = False,
    weights: npt.ArrayLike | None = None,
    own: npt.NDArray[Any] | OwnRows | None = None,
    names: Sequence[str] | None = None,
    source_names: Sequence[str] | None = None,
    n_threads: int | None = None,
    device: str | Sequence[str] = "cpu",
    progress: bool | Report | None = None,
) -> Dependencies:
    """Find the dependencies at one place of every path, in one shot: no path goes further than needed.

    Give exactly one of ``lam``, ``terms`` and ``relative_error``.

    Parameters
    ----------
    gram, cross, energy, method, targets, exclude, l2, positive, weights, own, names, source_names, n_threads,
    device, progress
        As in `path`.
    lam : float or (n_targets,) array
        At this lambda, in the paper's scale (no 1/2). A pursuit has no such place.
    terms : int
        Just before term ``terms`` + 1 would enter for the first time.
    relative_error : float
        At the largest lambda (of a pursuit: with the fewest terms) with error <= relative_error * energy.
    max_terms : int, optional
        With ``lam`` or ``relative_error``: end a path before it has more terms. By default there is no limit.
    min_lambda : float or (n_targets,) array, optional
        With ``terms`` or ``relative_error``: end a path at this lambda, in the paper's scale (no 1/2), as in
        `path`. By default 0.
    refit : bool, default False
        Least squares on the support found, as a pursuit has it in any case.

    Returns
    -------
    Dependencies

    Raises
    ------
    TypeError, ValueError, RuntimeError, KeyboardInterrupt
        As in `path`, and unless exactly one of the three places is given, and no limit of its own kind.

    Examples
    --------
    >>> import numpy as np
    >>> gram = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
    >>> print(solve(gram, terms=1, refit=True, names=["car", "truck", "tub"]).equation("car"))
    car = 0.50 truck
    >>> print(solve(gram, terms=2, method="pursuit", names=["car", "truck", "tub"]).equation("car"))
    car = 0.57 truck - 0.29 tub
    """
    place = one_place(lam, terms, relative_error, check_method(method))
    most, lowest = limits_of(place, lam, terms, max_terms, min_lambda)
    problem = check_problem(gram, cross, energy, targets, exclude, weights, names, source_names, own=own)
    lowest_name = "lam" if place == "lam" else "min_lambda"
    options = Options.checked(
        len(problem.targets),
        max_terms=most or problem.gram.shape[0],
        min_lambda=check_lambda(lowest, lowest_name, len(problem.targets)),
        relative_error=0.0 if relative_error is None else relative_error,
        l2=l2,
        positive=positive,
        n_threads=n_threads,
        device=device,
        method=method,
    )
    paths = run(problem, options, progress)
    return paths.at(lam=lam, terms=terms, relative_error=relative_error, refit=refit)
