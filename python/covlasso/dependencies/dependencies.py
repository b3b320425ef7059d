"""Neural dependencies: a sparse linear combination of sources for every target."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso._base.arrays import Array, Bool, Float64, Int32, Int64, Method
from covlasso._base.digits import coefficient_text, r2_text
from covlasso._base.html import ROWS, TERMS, table_html
from covlasso._base.optional import needed
from covlasso._core import KKT_TOLERANCE
from covlasso.dependencies.file import KNOWN, PER_TARGET, save_fields, stored_fields
from covlasso.dependencies.names import find_target, labels
from covlasso.dependencies.origin import Origin

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Dependencies:
    """f_i ~ sum_j b_ij g_j for every target i, with few terms each; made by `covlasso.solve` and `Path.at`.

    Attributes
    ----------
    coef : scipy.sparse.csr_array, (n_targets, p)
        Coefficients b, float64; row t belongs to category ``targets[t]``. The -1 on the target is not stored.
    lam : (n_targets,) array
        Where on the path, in the paper's scale (no 1/2). Of a pursuit, which has no lambda: the largest score
        2 |c_i - G b|_j / w_ij that these terms leave, 0 where that is rounding.
    error : (n_targets,) array
        b'Gb - 2 c'b + e = E[(f_i - b'g)^2], of the refitted b after a refit.
    energy : (n_targets,) array
        e_i = E[f_i^2], the error without any term.
    kkt : (n_targets,) array
        KKT residual of the Lasso solution, from the caller's Gram, relative to lambda (at lambda 0: to
        lambda_max) times the smallest weight above 0, which is 1 without ``weights``; where it is too large
        beside that, times the smallest of those that take part: of sources with a coefficient, or at their
        bound. Infinite where a number that was read is not finite: the energy, the target's cross moments,
        or the rows of its terms in G; the rest of G does not concern it. Of a pursuit, relative to its first
        score times that weight: the larger of max_r |g_r| over its terms, g = 2 (c - G b - l2 b), and of
        max_j |g_j| - w_j s before the last term, which was chosen with the score s.
    status : (n_targets,) array of str
        What is known of each solution: ``certified`` (the one asked for, KKT residual at most 1e-9), the
        reason why its path ended earlier (``terms``, ``lambda``, ``error``, ``exhausted``), ``floor`` (lambda
        is so small that rounding alone may exceed the tolerance), or ``uncertified``.
    targets : (n_targets,) int32 array
        Categories explained.
    intra : bool
        Whether targets and sources are categories of one network.
    refit : bool
        Whether the coefficients are least squares on the support found; so they are of a pursuit.
    target_names, source_names : tuple of str, or None
        Names per target (n_targets) and per source (p).
    origin : Origin, or None
        The models and the moments that they were found from; ``covlasso solve`` knows them.
    focus : (n_targets,) array, or None
        Share alpha of a category's own samples in its equation, 0 where there are none: then that of all
        samples. ``error``, ``energy`` and ``r2`` are of the moments with this share. None: no focus.
    method : str
        How the terms were chosen: "lasso" or "pursuit".
    mean, variance : (n_targets,) arrays, or None
        E[f_i] and Var(f_i) of the same samples as ``energy``, in the same units; None where only a Gram is
        known.
    random_error : (n_targets,) array, or None
        Error that as many terms at random leave, by least squares on the same moments: the mean over 20
        draws of sources, each set as likely as any other. `covlasso.solve_moments` finds it.
    """

    coef: scipy.sparse.csr_array
    lam: Float64
    error: Float64
    energy: Float64
    kkt: Float64
    status: npt.NDArray[np.str_]
    targets: Int32
    intra: bool
    refit: bool
    target_names: tuple[str, ...] | None = None
    source_names: tuple[str, ...] | None = None
    origin: Origin | None = None
    focus: Float64 | None = None
    method: Method = "lasso"
    mean: Float64 | None = None
    variance: Float64 | None = None
    random_error: Float64 | None = None

    @property
    def n_targets(self) -> int:
        """Number of targets."""
        return int(self.coef.shape[0])

    @property
    def n_sources(self) -> int:
        """p, the number of sources."""
        return int(self.coef.shape[1])

    @property
    def n_terms(self) -> Int64:
        """Number of terms of each dependency, (n_targets,)."""
        terms: Int64 = np.diff(self.coef.indptr).astype(np.int64)
        return terms

    @property
    def is_certified(self) -> Bool:
        """Whether each solution is certified, (n_targets,): its KKT residual is at most 1e-9.

        So it is where the status is ``certified``, and at the end of a path that came before the place asked
        for (``terms``, ``lambda``, ``error``, ``exhausted``); not where it is ``floor`` (rounding alone may
        exceed the tolerance), ``uncertified`` or ``interrupted``. Exit codes, tables and the report count
        these.
        """
        found: Bool = (self.kkt <= KKT_TOLERANCE) & ~np.isin(self.status, _UNPROVED)
        return found

    @property
    def solution(self) -> str:
        """What the coefficients are: "lasso", "refitted" (least squares on its terms) or "pursuit"."""
        if self.method == "pursuit":
            return "pursuit"
        return "refitted" if self.refit else "lasso"

    @property
    def relative_error(self) -> Float64:
        """Error / energy, (n_targets,); NaN for a target without energy (its logit is always 0)."""
        return _share(self.error, self.energy)

    @property
    def r2(self) -> Float64:
        """1 - error / energy, (n_targets,).

        The share of E[f_i^2] that is explained, *not* centred: logits enter as they are. It is the usual R^2
        where the Gram is a covariance. On the samples that the coefficients were found on it flatters; see
        `covlasso.held_out_error`. It says little without `r2_centred` and `random_r2` beside it.
        """
        return 1.0 - self.relative_error

    @property
    def r2_centred(self) -> Float64 | None:
        """R^2 about the mean, 1 - error / Var(f_i), (n_targets,); NaN for a constant logit.

        A level that all samples share is not counted as explained. Below 0 where the mean says more than the
        equation. None where means are not known.
        """
        return None if self.variance is None else 1.0 - _share(self.error, self.variance)

    @property
    def r2_uncentred(self) -> Float64 | None:
        """R^2 as in the paper, 1 - error / E[f_i^2], whatever kind of moments this is of; None: not known."""
        if self.mean is None or self.variance is None:
            return None
        return 1.0 - _share(self.error, self.variance + self.mean**2)

    @property
    def random_r2(self) -> Float64 | None:
        """R^2, as `r2` is, of as many terms at random, (n_targets,): what an equation has to beat.

        None where it is not known.
        """
        return None if self.random_error is None else 1.0 - _share(self.random_error, self.energy)

    @property
    def random_r2_centred(self) -> Float64 | None:
        """R^2 about the mean, as `r2_centred` is, of as many terms at random; None: not known."""
        if self.random_error is None or self.variance is None:
            return None
        return 1.0 - _share(self.random_error, self.variance)

    @property
    def unfocused(self) -> Int32:
        """Targets for which a focus was asked, but whose class has no sample: they have the equation without.

        Empty where there is no focus.
        """
        return self.targets[:0] if self.focus is None else self.targets[self.focus == 0.0]

    def position(self, target: int | str) -> int:
        """Row of a target, given by category number or by name.

        Raises
        ------
        TypeError, ValueError
            No such target, or several of that name.
        """
        return find_target(target, self.targets, self.target_names)

    def target_label(self, row: int) -> str:
        """Name of the target of a row of ``coef``, or # and its number where there are no names.

        Where several categories have one name, it is followed by the number: "sr #80".
        """
        if self.target_labels is None:
            return f"#{self.targets[row]}"
        return self.target_labels[row]

    def source_label(self, source: int) -> str:
        """Name of a source, as `target_label` says it."""
        return f"#{source}" if self.source_labels is None else self.source_labels[source]

    @cached_property
    def target_labels(self) -> tuple[str, ...] | None:
        """Names of the targets as they are shown, each different; None where there are no names."""
        if self.intra and self.source_labels is not None:
            return tuple(self.source_labels[i] for i in self.targets)
        return None if self.target_names is None else labels(self.target_names, self.targets.tolist())

    @cached_property
    def source_labels(self) -> tuple[str, ...] | None:
        """Names of the sources as they are shown, each different; None where there are no names."""
        return None if self.source_names is None else labels(self.source_names, range(self.n_sources))

    def equation(self, target: int | str, digits: int = 2, max_terms: int | None = None) -> str:
        """Write the dependency as text, largest coefficients first: ``sports car = 0.18 grille - 0.02 tub``.

        Parameters
        ----------
        target : int or str
            Category number or name.
        digits : int, default 2
            Decimals of the coefficients; one that would be 0 has its first digit instead.
        max_terms : int, optional
            Terms to show; how many more there are is said at the end. By default all.

        Raises
        ------
        TypeError, ValueError
            No such target, or several of that name.
        """
        t = self.position(target)
        row = slice(self.coef.indptr[t], self.coef.indptr[t + 1])
        index, value = self.coef.indices[row], self.coef.data[row]
        order = np.argsort(-np.abs(value), kind="stable")
        shown = order[:max_terms]
        text = ""
        for k in shown:
            sign = (" - " if text else "-") if value[k] < 0 else (" + " if text else "")
            text += f"{sign}{coefficient_text(abs(value[k]), digits)} {self.source_label(index[k])}"
        if len(shown) < len(order):
            text += f" + ... ({len(order) - len(shown)} more)"
        return f"{self.target_label(t)} = {text or '0'}"

    def to_columns(self) -> dict[str, Array | list[str]]:
        """Columns of the table with one row per term.

        ``target``, ``source`` (category numbers) and ``coefficient``; ``target_name`` and ``source_name``
        where names are known.
        """
        position = np.repeat(np.arange(self.n_targets), self.n_terms)
        source = self.coef.indices
        columns: dict[str, Array | list[str]] = {
            "target": self.targets[position],
            "source": source,
            "coefficient": self.coef.data,
        }
        if self.target_names is not None:
            columns["target_name"] = [self.target_names[t] for t in position]
        if self.source_names is not None:
            columns["source_name"] = [self.source_names[j] for j in source]
        return columns

    def to_frame(self) -> pd.DataFrame:
        """Table with one row per term; its columns are those of `to_columns`.

        Raises
        ------
        ImportError
            pandas is not installed.
        """
        frame: pd.DataFrame = needed("pandas").DataFrame(self.to_columns())
        return frame

    def to_networkx(self) -> nx.DiGraph:
        """Directed graph with an edge source -> target, attribute ``weight``, for every term.

        Nodes are category numbers within one network, and ("target", i), ("source", j) between two networks.
        Every target is a node with the attributes lam, error, energy, kkt and status, with a focus also
        ``focus``; nodes have a ``name`` where it is known.
        """
        import networkx as nx

        graph = nx.DiGraph()

        def node(role: str, category: int) -> Any:
            return category if self.intra else (role, category)

        for t, target in enumerate(self.targets.tolist()):
            values = {name: float(getattr(self, name)[t]) for name in PER_TARGET}
            if self.focus is not None:
                values["focus"] = float(self.focus[t])
            graph.add_node(node("target", target), status=str(self.status[t]), **values)
            if self.target_names is not None:
                graph.nodes[node("target", target)]["name"] = self.target_names[t]
            row = slice(self.coef.indptr[t], self.coef.indptr[t + 1])
            for j, b in zip(self.coef.indices[row].tolist(), self.coef.data[row].tolist(), strict=True):
                graph.add_edge(node("source", j), node("target", target), weight=b)
                if self.source_names is not None:
                    graph.nodes[node("source", j)]["name"] = self.source_names[j]
        return graph

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, atomically.

        Tensors: ``indptr`` (int64), ``indices`` (int32), ``data`` (float64) of `coef`; ``lam``, ``error``,
        ``energy``, ``kkt`` (float64), ``targets`` (int32), and ``status`` (uint8), which counts in the
        header's ``statuses``; ``focus``, ``mean``, ``variance`` and ``random_error`` (float64) where they are
        known.
        """
        save_fields({field.name: getattr(self, field.name) for field in fields(self)}, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Dependencies:
        """Read a file of `save`.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError
            The file is truncated, foreign, or of a newer version; the message names it.
        """
        return cls(**stored_fields(path))

    @classmethod
    def concatenate(cls, parts: Sequence[Dependencies]) -> Dependencies:
        """Dependencies of all targets of several parts, in their order.

        Parameters
        ----------
        parts : sequence of Dependencies
            Of different targets on the same sources: equal but for the arrays per target.

        Raises
        ------
        ValueError
            There is no part, two differ in what they should share, or a target is in both; the message says
            which.
        """
        if not parts:
            raise ValueError("parts is empty; give at least one Dependencies")
        first = parts[0]
        for place, part in enumerate(parts):
            _check_alike(first, part, place)
        targets = np.concatenate([part.targets for part in parts])
        values, counts = np.unique(targets, return_counts=True)
        if len(values) < len(targets):
            raise ValueError(f"parts have target {values[counts > 1][0]} twice; give each target once")
        arrays: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in (*PER_TARGET, "status")
        }
        for name in KNOWN:
            arrays[name] = _concatenated(parts, name)
        return replace(
            first,
            coef=scipy.sparse.vstack([part.coef for part in parts], format="csr"),
            targets=targets,
            target_names=None if first.target_names is None else _joined_names(parts),
            **arrays,
        )

    def take(self, order: npt.NDArray[np.integer]) -> Dependencies:
        """Return those at some positions, in this order."""
        arrays: dict[str, Any] = {name: getattr(self, name)[order] for name in (*PER_TARGET, "status")}
        arrays |= {name: values[order] for name, values in self.known_per_target().items()}
        return replace(
            self,
            coef=self.coef[order],
            targets=self.targets[order],
            target_names=None if self.target_names is None else tuple(self.target_names[t] for t in order),
            **arrays,
        )

    def known_per_target(self) -> dict[str, Float64]:
        """Return those of the arrays `KNOWN` that there are, by name."""
        return {name: getattr(self, name) for name in KNOWN if getattr(self, name) is not None}

    def __repr__(self) -> str:
        """Say how many targets, sources and terms there are, how sure they are, and R^2 beside others."""
        certified = int(np.count_nonzero(self.is_certified))
        kind = _SOLUTIONS[self.solution]
        worst = self.kkt.max(initial=0.0)
        focus = self.focus_text()
        return (
            f"Dependencies({self.n_targets} targets, {self.n_sources} sources, {self.coef.nnz} terms, "
            f"{kind}{', ' + focus if focus else ''}, {certified} certified, worst KKT residual {worst:.1e}"
            f"{self._r2_text()})"
        )

    def _r2_text(self) -> str:
        """Say R^2 with what it stands beside, medians; nothing where that is not known."""
        if self.r2_centred is None:
            return ""
        known = {"about the mean": self.r2_centred, "random terms": self.random_r2}
        said = [f", median R^2 in sample {r2_text(_median(self.r2))}"]
        said += [f"{name} {r2_text(_median(values))}" for name, values in known.items() if values is not None]
        return "; ".join(said)

    def focus_text(self, *, missing: bool = True) -> str:
        """Say the focus in words: "focus 0.3 by decisions, none for 12 targets without samples of theirs".

        With ``missing`` False the targets that go without are left out.
        """
        if self.focus is None:
            return ""
        used = np.unique(self.focus[self.focus > 0.0])
        size = " to ".join(f"{alpha:g}" for alpha in dict.fromkeys(used[[0, -1]])) if len(used) else "none"
        whose = "" if self.origin is None or self.origin.focus is None else f" by {self.origin.focus}"
        none = len(self.unfocused) if missing else 0
        asked = " or with a share of 0" if len(used) > 1 else ""
        left = f", none for {none} targets without samples of theirs{asked}" if none else ""
        return f"focus {size}{whose}{left}"

    def _repr_html_(self) -> str:
        """Show equations, R^2 with what it stands beside, and status of the first targets in a notebook."""
        figures = {"R², fit": self.r2, "about the mean": self.r2_centred, "random terms": self.random_r2}
        beside = {name: values for name, values in figures.items() if values is not None}
        rows = [
            (
                self.equation(int(target), max_terms=TERMS),
                f"{self.n_terms[t]}",
                *(r2_text(float(values[t])) for values in beside.values()),
                f"{self.lam[t]:.3g}",
                str(self.status[t]),
            )
            for t, target in enumerate(self.targets[:ROWS])
        ]
        place = "λ" if self.method == "lasso" else "score left"
        columns = ("equation", "terms", *beside, place, "status")
        return table_html(repr(self), columns, rows, self.n_targets)


def joined(parts: Sequence[Dependencies], places: Sequence[npt.NDArray[np.integer]]) -> Dependencies:
    """Dependencies of all targets of several parts; ``places``: where those of each part go."""
    order = np.concatenate(places)
    found = Dependencies.concatenate(parts)
    return found if (np.diff(order) > 0).all() else found.take(np.argsort(order, kind="stable"))


_UNPROVED = ("floor", "uncertified", "interrupted")
_SHARED = ("n_sources", "intra", "refit", "method", "source_names", "origin")
_SOLUTIONS = {
    "lasso": "Lasso",
    "refitted": "least squares on the Lasso's support",
    "pursuit": "orthogonal matching pursuit",
}


def _check_alike(first: Dependencies, part: Dependencies, place: int) -> None:
    differing = [field for field in _SHARED if getattr(part, field) != getattr(first, field)]
    if (part.target_names is None) != (first.target_names is None):
        differing.append("target_names, which one of them lacks")
    if differing:
        raise ValueError(f"parts[{place}] and parts[0] differ in {differing[0]}; solve them alike")


def _concatenated(parts: Sequence[Dependencies], name: str) -> Float64 | None:
    """Return one of the arrays `KNOWN` of all parts: known of all, but for a focus, which is 0 elsewhere."""
    values = [getattr(part, name) for part in parts]
    unknown = [value is None for value in values]
    if all(unknown) or (name != "focus" and any(unknown)):
        return None
    none = [np.zeros(part.n_targets) for part in parts]
    return np.concatenate([n if value is None else value for n, value in zip(none, values, strict=True)])


def _share(error: Float64, of: Float64) -> Float64:
    """Divide; NaN where both are 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return error / of


def _median(values: Float64) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def _joined_names(parts: Sequence[Dependencies]) -> tuple[str, ...]:
    return tuple(name for part in parts for name in part.target_names or ())
