"""Exact CovLasso paths: `path`, `solve`, and the `Path` object over the C++ core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso import _core
from covlasso._problem import Problem, check_count, check_flag, check_lambda, check_number, check_problem
from covlasso._progress import reporter
from covlasso.dependencies import Dependencies, find_target
from covlasso.factored import FactoredGram

Float64 = npt.NDArray[np.float64]
Matrix = npt.NDArray[Any]  # float32 or float64
Exclude = Any  # "self", None, a boolean array or a scipy sparse array

_STATUS = np.array([status.name.lower() for status in sorted(_core.Status)])


class Knots(NamedTuple):
    """The knots of one target's path, lambda falling; between two of them coefficients are linear in lambda.

    Attributes
    ----------
    lam : (k,) array
        Where they are, in the paper's scale (no 1/2); infinite for unpenalised sources, which are there from
        the start.
    category : (k,) int32 array
        The source that enters or leaves there.
    sign : (k,) int32 array
        +1 or -1: it enters with this sign; 0: it leaves.
    coef : scipy.sparse.csr_array, (k, p)
        The coefficients at each knot.
    """

    lam: Float64
    category: npt.NDArray[np.int32]
    sign: npt.NDArray[np.int32]
    coef: scipy.sparse.csr_array


class Path:
    """Exact solution paths of all targets, stored as their events; made by `covlasso.path`.

    It refers to the caller's arrays, from which coefficients are solved on demand: leave them unchanged
    meanwhile. Wherever a target is asked for, it is a category number or, where names are known, a name.
    """

    def __init__(self, problem: Problem, core: _core.Paths):
        self._problem = problem
        self._core = core

    @property
    def n_targets(self) -> int:
        """Number of targets."""
        return self._core.n_targets

    @property
    def n_sources(self) -> int:
        """p, the number of sources."""
        return self._core.n_sources

    @property
    def targets(self) -> npt.NDArray[np.int32]:
        """Categories explained, (n_targets,)."""
        return self._problem.targets

    @property
    def target_names(self) -> tuple[str, ...] | None:
        """Names per target."""
        return self._problem.target_names

    @property
    def source_names(self) -> tuple[str, ...] | None:
        """Names per source."""
        return self._problem.source_names

    @property
    def lambda_max(self) -> Float64:
        """Penalised coefficients are all zero iff lambda >= this, (n_targets,); paper's scale (no 1/2)."""
        return self._core.lambda_max

    @property
    def lambda_end(self) -> Float64:
        """Where each path ends, (n_targets,); paper's scale (no 1/2)."""
        return self._core.lambda_end

    @property
    def kkt(self) -> Float64:
        """KKT residual at the end of each path, relative to lambda, (n_targets,)."""
        return self._core.kkt

    @property
    def status(self) -> npt.NDArray[np.str_]:
        """Why each path ended, (n_targets,); the words are those of `Dependencies.status`."""
        return _STATUS[self._core.status]

    def at(
        self,
        *,
        lam: float | npt.ArrayLike | None = None,
        terms: int | None = None,
        relative_error: float | None = None,
        refit: bool = False,
    ) -> Dependencies:
        """Read the solutions at one place of every path, exact; give one of the three places.

        Parameters
        ----------
        lam : float or (n_targets,) array
            At this lambda, in the paper's scale (no 1/2).
        terms : int
            Just before term ``terms`` + 1 would enter for the first time.
        relative_error : float
            At the largest lambda with error <= relative_error * energy.
        refit : bool, default False
            Least squares on the support found, which takes the Lasso's shrinkage away. ``kkt`` and ``status``
            stay those of the Lasso solution.

        Returns
        -------
        Dependencies
            Where a path ends before the place asked for, its end, and the status says why it ended.

        Raises
        ------
        TypeError, ValueError
            None or several of the three are given, or one is out of range.
        """
        place = one_place(lam, terms, relative_error)
        refit = check_flag(refit, "refit")
        if place == "lam":
            found = self._core.at_lambda(check_lambda(lam, "lam", self.n_targets), refit)
        elif place == "terms":
            found = self._core.at_terms(check_count(terms, "terms"), refit)
        else:
            found = self._core.at_relative_error(check_number(relative_error, "relative_error"), refit)
        shape = (self.n_targets, self.n_sources)
        return Dependencies(
            coef=scipy.sparse.csr_array((found.data, found.indices, found.indptr), shape=shape),
            lam=found.lam,
            error=found.error,
            energy=self._problem.target_energy,
            kkt=found.kkt,
            status=_STATUS[found.status],
            targets=self._problem.targets,
            intra=self._problem.intra,
            refit=refit,
            target_names=self.target_names,
            source_names=self.source_names,
        )

    def error(self, target: int | str, lam: float | npt.ArrayLike) -> Float64:
        """Error b'Gb - 2 c'b + e of one target at each lambda (paper's scale, no 1/2), in closed form.

        Below `lambda_end` it is the error there.
        """
        return self._profile(target, lam)[0]

    def l1_norm(self, target: int | str, lam: float | npt.ArrayLike) -> Float64:
        """sum_j |b_j| of one target at each lambda (paper's scale, no 1/2), in closed form.

        Below `lambda_end` it is the norm there.
        """
        return self._profile(target, lam)[1]

    def knots(self, target: int | str) -> Knots:
        """Where sources enter and leave the path of one target, with the coefficients there; see `Knots`."""
        lam, source, sign, indptr, indices, data = self._core.knots(self._position(target))
        coef = scipy.sparse.csr_array((data, indices, indptr), shape=(len(lam), self.n_sources))
        return Knots(lam, source, sign, coef)

    def __repr__(self) -> str:
        """Say how many targets and sources there are, and why the paths ended."""
        reasons, counts = np.unique(self.status, return_counts=True)
        ends = ", ".join(f"{reason}: {count}" for reason, count in zip(reasons, counts, strict=True))
        return f"Path({self.n_targets} targets, {self.n_sources} sources, ends {{{ends}}})"

    def _position(self, target: int | str) -> int:
        return find_target(target, self.targets, self.target_names)

    def _profile(self, target: int | str, lam: float | npt.ArrayLike) -> tuple[Float64, Float64]:
        grid = np.asarray(lam, dtype=np.float64)
        flat = check_lambda(np.atleast_1d(grid.ravel()), "lam", grid.size)
        error, l1_norm = self._core.profile(self._position(target), flat)
        return error.reshape(grid.shape)[()], l1_norm.reshape(grid.shape)[()]


def path(
    gram: Matrix | FactoredGram,
    cross: Matrix | None = None,
    energy: npt.ArrayLike | None = None,
    *,
    targets: npt.ArrayLike | None = None,
    exclude: Exclude = "self",
    max_terms: int = 50,
    min_lambda: float | npt.ArrayLike = 0.0,
    relative_error: float = 0.0,
    l2: float = 0.0,
    positive: bool = False,
    weights: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
    source_names: Sequence[str] | None = None,
    n_threads: int | None = None,
    device: str = "cpu",
    progress: bool | Callable[[int, int], object] | None = None,
) -> Path:
    """Exact Lasso paths of every category on the moments of the logits.

    For every target i, at every lambda from lambda_max = 2 max_j |c_ij| down::

        minimise over b   b'Gb - 2 c_i'b + e_i + l2 |b|^2 + lambda sum_j w_ij |b_j|

    This is the CovLasso of Feng et al., CVPR 2023 (arXiv 2211.12339, section 3). lambda and l2 are in the
    paper's scale (no 1/2): code that minimises b'Gb/2 - c'b + mu |b|_1 has mu = lambda / 2. A path ends at
    the first of ``max_terms``, ``min_lambda`` and ``relative_error``, or where lambda reaches 0 or drowns in
    rounding.

    Parameters
    ----------
    gram : (p, p) array, or FactoredGram
        G = E[g g'] of the source network, symmetric positive semi-definite; float32 or float64 with
        contiguous rows (a row stride is fine). It is read in place, all arithmetic is in double. A
        `FactoredGram` stands for a G = F F' that need not fit into memory.
    cross : (n, p) array, optional
        Rows c_i = E[f_i g], dtype and order as ``gram``. By default the network explains itself: c_i is row i
        of ``gram``, e_i its diagonal entry, and b_i = 0.
    energy : (n,) array, optional
        e_i = E[f_i^2]; given exactly when ``cross`` is.
    targets : sequence of int, optional
        Rows to solve, each once. By default all.
    exclude : "self", None, boolean array or scipy sparse array, default "self"
        Sources with b_j = 0: "self" is the target's own category (with ``cross``: both networks share their
        categories), None excludes nothing (with ``cross`` only), a mask of shape (n_targets, p) what is not
        zero in it (without ``cross``: and the target itself).
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
        Penalty factors w >= 0: 0 leaves a source unpenalised, inf excludes it. By default 1. The second form
        is read in place and must be float64.
    names : sequence of str, optional
        Names of the possible targets (rows of ``cross``, or of ``gram`` without it).
    source_names : sequence of str, optional
        Names of the sources; by default ``names`` where the networks share their categories.
    n_threads : int, optional
        By default one per hardware thread. The result has the same bits for any number.
    device : str, default "cpu"
        "cpu" is the only one of this build.
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
        The device is not part of this build.
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
    check_device(device)
    problem = check_problem(gram, cross, energy, targets, exclude, weights, names, source_names)
    return run(
        problem,
        max_terms=check_count(max_terms, "max_terms"),
        min_lambda=check_lambda(min_lambda, "min_lambda", len(problem.targets)),
        relative_error=check_number(relative_error, "relative_error"),
        l2=check_number(l2, "l2"),
        positive=positive,
        n_threads=n_threads,
        progress=progress,
    )


def solve(
    gram: Matrix | FactoredGram,
    cross: Matrix | None = None,
    energy: npt.ArrayLike | None = None,
    *,
    lam: float | npt.ArrayLike | None = None,
    terms: int | None = None,
    relative_error: float | None = None,
    refit: bool = False,
    targets: npt.ArrayLike | None = None,
    exclude: Exclude = "self",
    l2: float = 0.0,
    positive: bool = False,
    weights: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
    source_names: Sequence[str] | None = None,
    n_threads: int | None = None,
    device: str = "cpu",
    progress: bool | Callable[[int, int], object] | None = None,
) -> Dependencies:
    """Find the dependencies at one place of every path, in one shot: no path goes further than needed.

    Give exactly one of ``lam``, ``terms`` and ``relative_error``.

    Parameters
    ----------
    gram, cross, energy, targets, exclude, l2, positive, weights, names, source_names, n_threads, device,
    progress
        As in `path`.
    lam : float or (n_targets,) array
        At this lambda, in the paper's scale (no 1/2).
    terms : int
        Just before term ``terms`` + 1 would enter for the first time.
    relative_error : float
        At the largest lambda with error <= relative_error * energy; there is no limit on the number of terms.
    refit : bool, default False
        Least squares on the support found.

    Returns
    -------
    Dependencies

    Raises
    ------
    TypeError, ValueError, RuntimeError, KeyboardInterrupt
        As in `path`, and unless exactly one of the three places is given.

    Examples
    --------
    >>> import numpy as np
    >>> gram = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
    >>> print(solve(gram, terms=1, refit=True, names=["car", "truck", "tub"]).equation("car"))
    car = 0.50 truck
    """
    check_device(device)
    place = one_place(lam, terms, relative_error)
    problem = check_problem(gram, cross, energy, targets, exclude, weights, names, source_names)
    paths = run(
        problem,
        max_terms=check_count(terms, "terms") if place == "terms" else problem.gram.shape[0],
        min_lambda=check_lambda(lam if place == "lam" else 0.0, "lam", len(problem.targets)),
        relative_error=check_number(relative_error, "relative_error") if place == "relative_error" else 0.0,
        l2=check_number(l2, "l2"),
        positive=positive,
        n_threads=n_threads,
        progress=progress,
    )
    return paths.at(lam=lam, terms=terms, relative_error=relative_error, refit=refit)


def run(
    problem: Problem,
    *,
    max_terms: int,
    min_lambda: Float64,
    relative_error: float,
    l2: float,
    positive: bool,
    n_threads: int | None,
    progress: bool | Callable[[int, int], object] | None,
) -> Path:
    """Hand checked arguments to the core."""
    with reporter(progress) as report:
        core = _core.Paths(
            problem.gram.core if isinstance(problem.gram, FactoredGram) else problem.gram,
            problem.cross,
            problem.energy,
            problem.targets,
            problem.exclude_self,
            problem.exclusion_offset,
            problem.exclusion_index,
            problem.weights,
            max_terms=max_terms,
            min_lambda=min_lambda,
            relative_error=relative_error,
            l2=l2,
            positive=check_flag(positive, "positive"),
            n_threads=0 if n_threads is None else check_count(n_threads, "n_threads"),
            progress=report,
        )
    return Path(problem, core)


def one_place(lam: Any, terms: Any, relative_error: Any) -> str:
    """Name of the one place that is given."""
    places = {"lam": lam, "terms": terms, "relative_error": relative_error}
    given = [name for name, value in places.items() if value is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise ValueError(f"give exactly one of lam, terms and relative_error; {found} given")
    return given[0]


def check_device(device: str) -> None:
    """Refuse what this build has not."""
    if device == "cuda":
        raise RuntimeError('device="cuda" is not part of this build of covlasso; use device="cpu"')
    if device != "cpu":
        raise ValueError(f'device is {device!r}; "cpu" is expected')
