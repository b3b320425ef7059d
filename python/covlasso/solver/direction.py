"""A direction: whose categories are explained by whose, and the moments G, c and e that this takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso._base.arrays import Float64, Int32, Int64, Kind, Matrix, Places
from covlasso._base.progress import Report
from covlasso.dependencies import Dependencies, Origin
from covlasso.gram import Gram, OwnRows, as_gram, rows_times
from covlasso.moments import Focus, Moments
from covlasso.solver.own_category import excluded
from covlasso.solver.problem import Problem, check_problem
from covlasso.solver.solution_path import Options, Path, run, run_on
from covlasso.solver.targets import Targets, check_targets

SAME = 1e-6  # relative difference of energies within which moments are those that something was found on


def pair_of(moments: Moments, target: str | None, source: str | None) -> tuple[str, str]:
    """Names of the models of targets and sources: those given, the only one there is, the target's own.

    Raises
    ------
    ValueError
        There is no such model, or there are several and none is named.
    """
    known = ", ".join(moments.names)
    if target is None:
        if len(moments.names) > 1:
            raise ValueError(f"there are the models {known}; name one as target (and one as source)")
        target = moments.names[0]
    source = target if source is None else source
    for argument, name in (("target", target), ("source", source)):
        if name not in moments.names:
            raise ValueError(f"{argument} is {name!r}; the models are {known}")
    return target, source


def targets_of(moments: Moments, target: str, targets: Targets | None = None) -> Int32:
    """Numbers of the categories of a model that are named; all for None.

    Raises
    ------
    TypeError, ValueError
        As of `check_targets`.
    """
    return check_targets(targets, len(moments.mean(target)), moments.class_names.get(target))


def check_sizes(moments: Moments, origin: Origin, targets: Int32, n_sources: int) -> None:
    """Refuse moments that do not hold the models of a direction, its targets and its sources.

    Raises
    ------
    ValueError
        A model is unknown, or has another number of categories.
    """
    target, source = origin.target_model, origin.source_model
    for name in (target, source):
        if name not in moments.names:
            raise ValueError(f"the equations are of the model {name!r}; moments has {list(moments.names)}")
    largest = int(targets.max(initial=-1))
    if moments.sizes[source] != n_sources or moments.sizes[target] <= largest:
        raise ValueError(
            f"the equations {origin.title} have {n_sources} sources and targets up to {largest}; in the "
            f"moments {source!r} has {moments.sizes[source]} categories and {target!r} has "
            f"{moments.sizes[target]}"
        )


def in_gauge(moments: Moments, origin: Origin) -> Moments:
    """Return moments of the logits that dependencies of this origin are of: row-centred where they are.

    Raises
    ------
    ValueError
        The moments are of row-centred logits, and the dependencies are not.
    """
    if origin.row_centred:
        return moments.as_row_centred()
    if moments.row_centred:
        raise ValueError(
            f"dependencies {origin.title} are of logits as they are, and these moments of row-centred ones; "
            "give moments without --row-centred, or solve again"
        )
    return moments


def energy_of(moments: Moments, origin: Origin, targets: Int32, focus: Float64 | None = None) -> Float64:
    """e_i of some targets, (n_targets,): where they are focused, of the moments with this share."""
    moments = in_gauge(moments, origin)
    energy: Float64 = moments.energy(origin.target_model, origin.kind)[targets]
    for alpha in () if focus is None else np.unique(focus[focus > 0.0]):
        here = np.flatnonzero(focus == alpha)
        view = Focus(moments, origin.target_model, origin.source_model, origin.kind, float(alpha))
        energy[here] = view.target_energy(targets[here])
    return energy


def level_of(
    moments: Moments,
    origin: Origin,
    targets: Int32,
    focus: Float64 | None = None,
    view: Focus | None = None,
) -> tuple[Float64, Float64]:
    """E[f_i] and Var(f_i) of some targets, (n_targets,) each, in the units of `energy_of`, with their focus.

    Of a covariance, too, which takes the means off: they say what its R^2 is without that. ``view`` is the
    focus on covariances, where it is at hand and all targets have it.
    """
    moments = in_gauge(moments, origin)
    name, source = origin.target_model, origin.source_model
    mean: Float64 = moments.mean(name)[targets]
    every: Float64 = moments.energy(name, "covariance")
    variance = every[targets]
    for alpha in () if focus is None else np.unique(focus[focus > 0.0]):
        here = np.flatnonzero(focus == alpha)
        one = Focus(moments, name, source, "covariance", float(alpha)) if view is None else view
        variance[here] = one.target_energy(targets[here])
        has = moments.class_counts(name)[targets[here]] > 0
        mean[here[has]] += one.means(targets[here[has]])[0]
    if origin.kind == "correlation":
        scale = np.where(every[targets] > 0.0, every[targets], np.inf)
        mean, variance = mean / np.sqrt(scale), variance / scale
    return mean, variance


def differing(
    moments: Moments, origin: Origin, targets: Int32, energy: Float64, focus: Float64 | None = None
) -> Int64:
    """Positions of the targets that have another energy in these moments; none if they were found on them."""
    if origin.focus == "own samples":
        return np.arange(0)  # moments cannot tell
    if focus is not None and (focus > 0.0).any() and moments.classes is None:
        return np.arange(len(targets))
    here = energy_of(moments, origin, targets, focus)
    return np.flatnonzero(~(np.abs(here - energy) <= SAME * np.maximum(here, energy)))


def found_on(
    moments: Moments, origin: Origin, targets: Int32, energy: Float64, focus: Float64 | None = None
) -> bool:
    """Whether these are the moments that something was found on: the energies of its targets are theirs."""
    if int(targets.max(initial=-1)) >= moments.sizes.get(origin.target_model, 0):
        return False
    return len(differing(moments, origin, targets, energy, focus)) == 0


@dataclass(frozen=True, eq=False)
class Blocks:
    """The moments that targets and their sources need: G, rows c_i and energies e_i.

    Attributes
    ----------
    gram : Gram
        G = E[g g'] of the sources.
    cross : (n_targets, p) array, or None
        Rows c_i = E[f_i g]; None within one network, where they are rows of G.
    energy : (n_targets,) array
        e_i = E[f_i^2].
    targets : (n_targets,) int32 array
        Categories explained.
    origin : Origin, or None
        The direction, where it is known.
    exclude : (n_targets, p) sparse boolean array, "self", or None
        What each target does without, as `covlasso.path` takes it.
    names : sequence of str, or None
        Of the targets; within one network of all categories.
    source_names : sequence of str, or None
        Of the sources.
    own_rows : OwnRows, or None
        What counts for single targets only; ``energy`` is with it, ``gram`` and ``cross`` are without.
    focus : (n_targets,) array, or None
        Share of the targets' own samples, for which the rows are.
    """

    gram: Gram
    cross: Matrix | None
    energy: Float64
    targets: Int32
    origin: Origin | None = None
    exclude: Any = "self"
    names: Sequence[str] | None = None
    source_names: Sequence[str] | None = None
    own_rows: OwnRows | None = None
    focus: Float64 | None = None

    @classmethod
    def of(
        cls,
        moments: Moments,
        origin: Origin,
        targets: Int32 | None = None,
        kind: Kind | None = None,
        *,
        gram: Gram | None = None,
        focus: Float64 | None = None,
        view: Focus | None = None,
    ) -> Blocks:
        """Take them from ``moments``.

        Parameters
        ----------
        moments : Moments
            Of both models.
        origin : Origin
            The direction.
        targets : (n_targets,) int32 array, optional
            By default all.
        kind : str, optional
            By default that of ``origin``.
        gram : Gram, optional
            G, where it is at hand already; with a focus the matrix that `Focus` shares.
        focus : (n_targets,) array, optional
            Share of each target's own samples: 0, or one number for all others. A share of 0, or of a target
            whose class has no sample here, is the moments of all samples.
        view : Focus, optional
            That of this share, where it is at hand.

        Raises
        ------
        ValueError
            The targets have several shares, or the moments no classes.
        """
        target, source = origin.target_model, origin.source_model
        moments = in_gauge(moments, origin)
        kind = origin.kind if kind is None else kind
        rows = targets_of(moments, target) if targets is None else targets
        alphas = () if focus is None else np.unique(focus[focus > 0.0])
        if len(alphas) > 0:
            return cls._focused(moments, origin, rows, kind, gram, np.asarray(focus), view)
        cross = None if origin.intra else getattr(moments, kind)(target, source, rows=rows)
        return cls._named(
            moments,
            origin,
            rows,
            gram=as_gram(moments.gram(source, kind)) if gram is None else gram,
            cross=cross,
            energy=moments.energy(target, kind)[rows],
            focus=focus,
        )

    @classmethod
    def _focused(
        cls,
        moments: Moments,
        origin: Origin,
        rows: Int32,
        kind: Kind,
        gram: Gram | None,
        focus: Float64,
        view: Focus | None,
    ) -> Blocks:
        """Take the moments in which own samples have a share."""
        alphas = np.unique(focus[focus > 0.0])
        if origin.focus == "own samples":
            raise ValueError("these equations are of own samples, whose moments are not those of a file")
        if len(alphas) > 1:
            raise ValueError(
                f"the targets have {len(alphas)} different shares, {alphas[0]:g} to {alphas[-1]:g}; treat "
                "those of one share together: take() gives some of the dependencies, targets= some targets"
            )
        if view is None:
            view = Focus(moments, origin.target_model, origin.source_model, kind, float(alphas[0]))
        has = (focus > 0.0) & (moments.class_counts(origin.target_model)[rows] > 0)
        own = view.own(rows, has)
        return cls._named(
            moments,
            origin,
            rows,
            gram=as_gram(view.gram()) if gram is None else gram,
            cross=None if origin.intra else view.cross(rows),
            energy=view.energy()[rows] + own.summed(np.square(own.responses(rows))),
            own_rows=own,
            focus=np.where(has, focus, 0.0),
        )

    @classmethod
    def _named(cls, moments: Moments, origin: Origin, rows: Int32, **arrays: Any) -> Blocks:
        """Add what the targets do without, and the names of the models."""
        names = moments.class_names.get(origin.target_model)
        if names is not None and not origin.intra:
            names = tuple(names[i] for i in rows)
        return cls(
            targets=rows,
            origin=origin,
            exclude=excluded(moments, origin, rows),
            names=names,
            source_names=moments.class_names.get(origin.source_model),
            **arrays,
        )

    @classmethod
    def of_arrays(cls, gram: Any, cross: Any, energy: npt.NDArray[Any] | None, targets: Int32) -> Blocks:
        """Take them from checked arrays of all possible targets, as `covlasso.path` takes them."""
        held = as_gram(gram)
        if cross is None or energy is None:
            return cls(held, None, held.diagonal()[targets], targets)
        every = np.array_equal(targets, np.arange(len(cross)))  # then they are used where they lie
        rows = cross if every else cross[targets]
        return cls(held, rows, np.asarray(energy, dtype=np.float64)[targets], targets)

    def take(self, here: Places) -> Blocks:
        """Moments of the targets at some positions, which have no rows of their own."""
        assert self.own_rows is None  # noqa: S101  # who asks has looked
        apart = None if self.exclude is None or isinstance(self.exclude, str) else self.exclude[here]
        names = None if self.names is None or self.intra else tuple(self.names[t] for t in here)
        return replace(
            self,
            cross=None if self.cross is None else self.cross[here],
            energy=self.energy[here],
            targets=self.targets[here],
            exclude=self.exclude if apart is None else apart,
            names=self.names if names is None else names,
            focus=None if self.focus is None else self.focus[here],
        )

    @property
    def intra(self) -> bool:
        """Whether targets and sources are categories of one network."""
        return self.cross is None

    @cached_property
    def own(self) -> Int32:
        """Return the category that each target does without, the first if there are several; -1: none."""
        if self.intra:
            return self.targets
        own = np.full(len(self.targets), -1, dtype=np.int32)
        if self.exclude is not None:
            has = np.flatnonzero(np.diff(self.exclude.indptr))
            own[has] = self.exclude.indices[self.exclude.indptr[has]]
        return own

    def problem(self) -> Problem:
        """Return what is to be solved; its paths number and name the targets as categories of their model."""
        return check_problem(
            self.gram,
            self.cross,
            None if self.intra else self._shared_energy(),
            self.targets if self.intra else None,  # between two networks cross has just their rows
            "self" if self.intra else self.exclude,
            None,
            self.names,
            self.source_names,
            own=self.own_rows,
            categories=self.targets,
            origin=self.origin,
            focus=self.focus,
        )

    def _shared_energy(self) -> Float64:
        """e_i without what the targets' own rows add."""
        if self.own_rows is None:
            return self.energy
        own = self.own_rows.summed(np.square(self.own_rows.responses(self.targets)))
        return np.maximum(self.energy - own, 0.0)

    def paths(
        self, progress: Report | None = None, *, weights: Float64 | None = None, **options: Any
    ) -> Path:
        """Exact paths of these targets; options, and ``weights`` (p,), as in `covlasso.path`."""
        problem = replace(self.problem(), weights=weights)
        return run(problem, Options.checked(len(self.targets), **options), progress)

    def again(self, paths: Path) -> Path:
        """Follow the same paths, with their options, on these moments of their targets."""
        return run_on(self.problem(), paths)

    def row(self, t: int) -> Float64:
        """c_i of the target at position t, (p,)."""
        if self.cross is None:
            row = np.asarray(self.gram.rows([self.targets[t]])[0])
        else:
            row = np.asarray(self.cross[t], dtype=np.float64)
        return row if self.own_rows is None else row + self.response(t) @ self.own_rows.of(t)

    def block(self, t: int, sources: Any) -> Float64:
        """G of the target at position t on some sources, (k, k)."""
        block = self.gram.block(sources)
        if self.own_rows is None:
            return block
        own = self.own_rows.of(t)[:, sources]
        return block + own.T @ own

    def entries(self, t: int, sources: Any) -> Float64:
        """c_ij of the target at position t, for some sources j."""
        if self.cross is None:
            entries = self.gram.entries(int(self.targets[t]), sources)
        else:
            entries = np.asarray(self.cross[t, sources], dtype=np.float64)
        if self.own_rows is None:
            return entries
        return entries + self.response(t) @ self.own_rows.of(t)[:, sources]

    def response(self, t: int) -> Float64:
        """Return what the target at position t is in its own rows, (m,)."""
        own = self.own_rows
        assert own is not None  # noqa: S101  # who asks has looked
        if own.response is None:
            return own.of(t)[:, self.targets[t]]
        return np.asarray(own.response)[own.offsets[t] : own.offsets[t + 1]]

    def quadratic(self, coef: scipy.sparse.csr_array) -> Float64:
        """Return b'Gb of every row b of ``coef``, one row per target."""
        shared = self.gram.quadratic(coef)
        if self.own_rows is None:
            return shared
        return shared + self.own_rows.summed(np.square(self.own_rows.times(coef)))

    def linear(self, coef: scipy.sparse.csr_array) -> Float64:
        """c_i'b of every row b of ``coef``, one row per target."""
        if self.cross is None:
            shared = self.gram.linear(coef, self.targets)
        else:
            shared = rows_times(self.cross, np.arange(len(self.targets)), coef)
        if self.own_rows is None:
            return shared
        return shared + self.own_rows.summed(
            self.own_rows.responses(self.targets) * self.own_rows.times(coef)
        )

    def error(self, coef: scipy.sparse.csr_array) -> Float64:
        """Return b'Gb - 2 c_i'b + e_i of every row b of ``coef``, one row per target."""
        return self.quadratic(coef) - 2.0 * self.linear(coef) + self.energy

    def r2(self, deps: Dependencies) -> Float64:
        """1 - error / e_i of dependencies with these targets; NaN for a target without energy."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(1.0 - self.error(deps.coef) / self.energy)
