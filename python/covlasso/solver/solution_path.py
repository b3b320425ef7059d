"""A solution path of every target: where it can be read, found again, and chosen on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso._base.arrays import Array, Float64, Int32, Matrix, Method
from covlasso._base.checks import check_count, check_flag, check_lambda, check_method, check_number
from covlasso._base.device_arrays import DeviceArray, place, ready
from covlasso._base.devices import Asked, check_device
from covlasso._base.html import ROWS, table_html
from covlasso._base.progress import Report, reporter
from covlasso._core import Paths, Status
from covlasso.dependencies import Dependencies, find_target
from covlasso.gram import Gram, OwnRows
from covlasso.solver.problem import Problem, check_problem

if TYPE_CHECKING:
    pass


_STATUS = np.array([status.name.lower() for status in sorted(Status)])


@dataclass(frozen=True)
class Options:
    """Checked options of `covlasso.path`."""

    max_terms: int
    min_lambda: Float64  # one per target, in the paper's scale (no 1/2)
    relative_error: float
    l2: float
    positive: bool
    n_threads: int  # 0: one per hardware thread
    device: Asked
    method: Method = "lasso"

    @classmethod
    def checked(
        cls,
        n_targets: int,
        *,
        max_terms: int,
        min_lambda: float | npt.ArrayLike = 0.0,
        relative_error: float = 0.0,
        l2: float = 0.0,
        positive: bool = False,
        n_threads: int | None = None,
        device: str | Sequence[str] = "cpu",
        method: Method = "lasso",
    ) -> Options:
        """Check options as `covlasso.path` takes them; the errors are those that it raises."""
        return cls(
            max_terms=check_count(max_terms, "max_terms"),
            min_lambda=check_lambda(min_lambda, "min_lambda", n_targets),
            relative_error=check_number(relative_error, "relative_error"),
            l2=check_number(l2, "l2"),
            positive=check_flag(positive, "positive"),
            n_threads=0 if n_threads is None else check_count(n_threads, "n_threads"),
            device=check_device(device),
            method=check_method(method),
        )


class Knots(NamedTuple):
    """The knots of one target's path, lambda falling; between two of them coefficients are linear in lambda.

    Of a pursuit: its terms in their order; ``lam`` is the score |g_j| / w_j with which each was chosen, which
    may rise from one to the next, and ``coef`` least squares on the terms up to it. Nothing is between them.

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
    category: Int32
    sign: Int32
    coef: scipy.sparse.csr_array


class Path:
    """Exact solution paths of all targets, stored as their events; made by `covlasso.path`.

    It refers to the caller's arrays, from which coefficients are solved on demand: leave them unchanged
    meanwhile. Wherever a target is asked for, it is a category number or, where names are known, a name.
    """

    def __init__(self, problem: Problem, core: Paths, options: Options):
        self._problem = problem
        self._core = core
        self._options = options

    @property
    def n_targets(self) -> int:
        """Number of targets."""
        return self._core.n_targets

    @property
    def n_sources(self) -> int:
        """p, the number of sources."""
        return self._core.n_sources

    @property
    def targets(self) -> Int32:
        """Categories explained, (n_targets,)."""
        return self._problem.categories

    @property
    def intra(self) -> bool:
        """Whether targets and sources are categories of one network."""
        return self._problem.intra

    @property
    def energy(self) -> Float64:
        """e_i = E[f_i^2] of every target, (n_targets,), with what its own rows add."""
        return self._problem.target_energy

    @property
    def focus(self) -> Float64 | None:
        """Share of each target's own samples, (n_targets,); None: all samples count alike."""
        return self._problem.focus

    @property
    def target_names(self) -> tuple[str, ...] | None:
        """Names per target."""
        return self._problem.target_names

    @property
    def source_names(self) -> tuple[str, ...] | None:
        """Names per source."""
        return self._problem.source_names

    @property
    def method(self) -> Method:
        """How the terms were chosen: "lasso" or "pursuit"."""
        return self._options.method

    @property
    def max_terms(self) -> int:
        """The most terms that it goes to."""
        return self._options.max_terms

    @property
    def lambda_max(self) -> Float64:
        """Penalised coefficients are all zero iff lambda >= this, (n_targets,); paper's scale (no 1/2).

        Of a pursuit: the score 2 max_j |c_ij| / w_ij of its first term.
        """
        return self._core.lambda_max

    @property
    def lambda_end(self) -> Float64:
        """Where each path ends, (n_targets,); paper's scale (no 1/2).

        Of a pursuit: the largest score that its terms leave, 0 where that is rounding.
        """
        return self._core.lambda_end

    @property
    def kkt(self) -> Float64:
        """KKT residual at the end of each path, relative to lambda, (n_targets,).

        Of a pursuit: the largest residual of its normal equations at any step, relative to `lambda_max`.
        """
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
            At the largest lambda with error <= relative_error * energy; of a pursuit, with the fewest terms.
        refit : bool, default False
            Least squares on the support found, which takes the Lasso's shrinkage away. ``kkt`` and ``status``
            stay those of the Lasso solution. Of a pursuit coefficients are least squares in any case.

        Returns
        -------
        Dependencies
            Where a path ends before the place asked for, its end, and the status says why it ended.

        Raises
        ------
        TypeError, ValueError
            None or several of the three are given, or one is out of range; ``terms`` is less than the
            sources of weight 0 of a target; or ``lam`` of a pursuit, which has no solution at a lambda.
        """
        place = one_place(lam, terms, relative_error, self.method)
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
            targets=self.targets,
            intra=self._problem.intra,
            refit=refit or self.method == "pursuit",
            target_names=self.target_names,
            source_names=self.source_names,
            origin=self._problem.origin,
            focus=self._problem.focus,
            method=self.method,
        )

    def error(self, target: int | str, lam: float | npt.ArrayLike) -> Float64:
        """Error b'Gb - 2 c'b + e of one target at each lambda (paper's scale, no 1/2), in closed form.

        Below `lambda_end` it is the error there. A pursuit has none at a lambda: ValueError.
        """
        return self._profile(target, lam)[0]

    def l1_norm(self, target: int | str, lam: float | npt.ArrayLike) -> Float64:
        """sum_j |b_j| of one target at each lambda (paper's scale, no 1/2), in closed form.

        Below `lambda_end` it is the norm there. A pursuit has none at a lambda: ValueError.
        """
        return self._profile(target, lam)[1]

    def knots(self, target: int | str) -> Knots:
        """Where sources enter and leave the path of one target, with the coefficients there; see `Knots`."""
        lam, source, sign, indptr, indices, data = self._core.knots(self._position(target))
        coef = scipy.sparse.csr_array((data, indices, indptr), shape=(len(lam), self.n_sources))
        return Knots(lam, source, sign, coef)

    def again(
        self,
        gram: Matrix | Gram,
        cross: Matrix | None = None,
        energy: npt.ArrayLike | None = None,
        *,
        own: Array | OwnRows | None = None,
    ) -> Path:
        """Paths of the same targets with the same options on the moments of other samples.

        Parameters
        ----------
        gram, cross, energy, own
            As in `path`, of the shapes that this path was made of; ``own`` where it has rows of its own.

        Raises
        ------
        TypeError, ValueError
            An array is wrong, or of another shape.
        KeyboardInterrupt
            Ctrl-C.
        """
        old = self._problem
        shape = getattr(gram, "shape", None)
        if shape != old.gram.shape or (cross is None) != old.intra:
            wanted = "gram alone" if old.intra else "gram, cross and energy"
            raise ValueError(f"gram has shape {shape}; give {wanted}, with a gram of shape {old.gram.shape}")
        if (own is None) != (old.own is None):
            wanted = "leave own out" if old.own is None else "give own of the other samples"
            raise ValueError(f"these paths have {'no' if old.own is None else 'their'} own rows; {wanted}")
        exclude = "self" if old.intra else None
        moments = check_problem(gram, cross, energy, old.targets, exclude, None, None, None, own=own)
        return run_on(moments, self)

    def __repr__(self) -> str:
        """Say how many targets and sources there are, and why the paths ended."""
        reasons, counts = np.unique(self.status, return_counts=True)
        ends = ", ".join(f"{reason}: {count}" for reason, count in zip(reasons, counts, strict=True))
        kind = "" if self.method == "lasso" else f"{self.method}, "
        return f"Path({kind}{self.n_targets} targets, {self.n_sources} sources, ends {{{ends}}})"

    def _repr_html_(self) -> str:
        """Show where the first paths begin and end, and why, as a table in a notebook."""
        names = self.target_names
        rows = [
            (
                f"#{target}" if names is None else names[t],
                f"{self.lambda_max[t]:.3g}",
                f"{self.lambda_end[t]:.3g}",
                f"{self.kkt[t]:.1e}",
                str(self.status[t]),
            )
            for t, target in enumerate(self.targets[:ROWS])
        ]
        columns = ("target", "λ, first", "λ, end", "KKT residual", "why it ended")
        return table_html(repr(self), columns, rows, self.n_targets)

    def _position(self, target: int | str) -> int:
        return find_target(target, self.targets, self.target_names)

    def _profile(self, target: int | str, lam: float | npt.ArrayLike) -> tuple[Float64, Float64]:
        grid = np.asarray(lam, dtype=np.float64)
        flat = check_lambda(np.atleast_1d(grid.ravel()), "lam", grid.size)
        error, l1_norm = self._core.profile(self._position(target), flat)
        return error.reshape(grid.shape)[()], l1_norm.reshape(grid.shape)[()]


def run(problem: Problem, options: Options, progress: bool | Report | None = None) -> Path:
    """Hand checked arguments to the core."""
    devices = place(options.device, problem.on_device)
    with reporter(progress) as report:
        core = Paths(
            problem.gram.core,
            _for_core(problem.cross),
            _for_core(problem.energy),
            problem.targets,
            problem.exclude_self,
            problem.exclusion_offset,
            problem.exclusion_index,
            problem.weights,
            method=options.method,
            **_own_for_core(problem.own),
            max_terms=options.max_terms,
            min_lambda=options.min_lambda,
            relative_error=options.relative_error,
            l2=options.l2,
            positive=options.positive,
            n_threads=options.n_threads,
            devices=devices,
            stream=ready(problem.on_device),
            progress=report,
        )
    return Path(problem, core, options)


def run_on(moments: Problem, path: Path) -> Path:
    """Follow the paths of the same targets, with the same options, on the moments of another problem."""
    problem = replace(
        path._problem,
        gram=moments.gram,
        cross=moments.cross,
        energy=moments.energy,
        targets=moments.targets,
        own=moments.own,
        focus=moments.focus,
    )
    return run(problem, path._options)


def _own_for_core(own: OwnRows | None) -> dict[str, Any]:
    if own is None:
        return {}
    response = None if own.response is None else np.ascontiguousarray(own.response, dtype=np.float64)
    return {
        "own_rows": own.rows, "own_response": response, "own_offset": own.offsets, "own_first": own.firsts,
    }  # fmt: skip


def _for_core(value: Any) -> Any:
    return value.core if isinstance(value, DeviceArray) else value


def limits_of(
    place: str, lam: Any, terms: Any, max_terms: int | None, min_lambda: Any
) -> tuple[int | None, Any]:
    """Most terms (None: no limit) and smallest lambda of paths that are followed for one place.

    Raises
    ------
    TypeError, ValueError
        A limit is given where the place is one of the same kind.
    """
    if place == "terms" and max_terms is not None:
        raise ValueError("max_terms is for lam and relative_error; terms is a limit itself")
    if place == "lam" and min_lambda is not None:
        raise ValueError("min_lambda is for terms and relative_error; lam is a limit itself")
    limit = check_count(terms, "terms") if place == "terms" else max_terms
    lowest = lam if place == "lam" else min_lambda
    return None if limit is None else check_count(limit, "max_terms"), 0.0 if lowest is None else lowest


def one_place(lam: Any, terms: Any, relative_error: Any, method: Method = "lasso") -> str:
    """Name of the one place that is given, where the method has such a place."""
    places = {"lam": lam, "terms": terms, "relative_error": relative_error}
    given = [name for name, value in places.items() if value is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise ValueError(f"give exactly one of lam, terms and relative_error; {found} given")
    if lam is not None and method == "pursuit":
        raise ValueError("lam: a pursuit has no solution at a lambda; give terms or relative_error")
    return given[0]
