"""Neural dependencies: a sparse linear combination of sources for every target."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso._base.arrays import Array, Bool, Float64, Int32, Int64, Method
from covlasso._base.checks import check_finite, check_method
from covlasso._base.html import ROWS, TERMS, table_html
from covlasso._base.optional import needed
from covlasso._base.storage import StoredTensors, load_tensors, save_tensors
from covlasso._core import KKT_TOLERANCE
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
        with np.errstate(invalid="ignore"):
            return self.error / self.energy

    @property
    def r2(self) -> Float64:
        """1 - error / energy, (n_targets,).

        The share of E[f_i^2] that is explained, *not* centred: logits enter as they are. It is the usual R^2
        where the Gram is a covariance. On the samples that the coefficients were found on it flatters; see
        `covlasso.held_out_error`.
        """
        return 1.0 - self.relative_error

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
            Decimals of the coefficients.
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
            text += f"{sign}{abs(value[k]):.{digits}f} {self.source_label(index[k])}"
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
            values = {name: float(getattr(self, name)[t]) for name in _PER_TARGET}
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
        header's ``statuses``; ``focus`` (float64) where there is one.
        """
        statuses, status = np.unique(self.status, return_inverse=True)
        tensors = {
            "indptr": self.coef.indptr.astype(np.int64),
            "indices": self.coef.indices.astype(np.int32),
            "data": self.coef.data,
            "targets": self.targets,
            "status": status.astype(np.uint8),
            **({} if self.focus is None else {"focus": self.focus}),
            **{name: getattr(self, name) for name in _PER_TARGET},
        }
        header = {
            "n_sources": self.n_sources,
            "statuses": statuses.tolist(),
            "intra": self.intra,
            "refit": self.refit,
            "method": self.method,
            "target_names": self.target_names,
            "source_names": self.source_names,
            **({} if self.origin is None else {"origin": asdict(self.origin)}),
        }
        save_tensors(path, "Dependencies", tensors, header)

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
        stored = load_tensors(path, "Dependencies")
        targets, intra = stored.tensor("targets", np.int32, (None,)), stored.field("intra", bool)
        n, p = len(targets), stored.field("n_sources", int)
        _check_stored_targets(stored, targets, p, intra)
        indptr = stored.tensor("indptr", np.int64, (n + 1,))
        indices = stored.tensor("indices", np.int32, (int(indptr[-1]),))
        data = stored.tensor("data", np.float64, indices.shape)
        status = stored.tensor("status", np.uint8, (n,))
        try:
            coef = scipy.sparse.csr_array((data, indices, indptr), shape=(n, p))
            coef.check_format(full_check=True)
            check_finite(coef.data, "data")
            names = np.array(stored.strings("statuses"))[status]
        except (ValueError, IndexError) as cause:
            raise stored.error(str(cause)) from cause
        per_target = {name: stored.tensor(name, np.float64, (n,)) for name in _PER_TARGET}
        focus = stored.tensor("focus", np.float64, (n,)) if "focus" in stored else None
        _check_range(stored, "energy", per_target["energy"], sys.float_info.max)
        if focus is not None:
            _check_range(stored, "focus", focus, 1.0)
        return cls(
            coef=coef,
            **per_target,
            status=names,
            targets=targets,
            intra=intra,
            refit=stored.field("refit", bool),
            target_names=stored.names("target_names", n),
            source_names=stored.names("source_names", p),
            origin=_stored_origin(stored),
            focus=focus,
            method=_stored_method(stored),
        )

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
            name: np.concatenate([getattr(part, name) for part in parts]) for name in (*_PER_TARGET, "status")
        }
        if any(part.focus is not None for part in parts):
            arrays["focus"] = np.concatenate(
                [np.zeros(part.n_targets) if part.focus is None else part.focus for part in parts]
            )
        return replace(
            first,
            coef=scipy.sparse.vstack([part.coef for part in parts], format="csr"),
            targets=targets,
            target_names=None if first.target_names is None else _joined_names(parts),
            **arrays,
        )

    def take(self, order: npt.NDArray[np.integer]) -> Dependencies:
        """Return those at some positions, in this order."""
        arrays: dict[str, Any] = {name: getattr(self, name)[order] for name in (*_PER_TARGET, "status")}
        return replace(
            self,
            coef=self.coef[order],
            targets=self.targets[order],
            target_names=None if self.target_names is None else tuple(self.target_names[t] for t in order),
            focus=None if self.focus is None else self.focus[order],
            **arrays,
        )

    def __repr__(self) -> str:
        """Say how many targets, sources and terms there are, and how sure they are."""
        certified = int(np.count_nonzero(self.is_certified))
        kind = _SOLUTIONS[self.solution]
        worst = self.kkt.max(initial=0.0)
        focus = self.focus_text()
        return (
            f"Dependencies({self.n_targets} targets, {self.n_sources} sources, {self.coef.nnz} terms, "
            f"{kind}{', ' + focus if focus else ''}, {certified} certified, worst KKT residual {worst:.1e})"
        )

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
        """Show equations, R^2 and status of the first targets as a table in a notebook."""
        rows = [
            (
                self.equation(int(target), max_terms=TERMS),
                f"{self.n_terms[t]}",
                f"{self.r2[t]:.2f}",
                f"{self.lam[t]:.3g}",
                str(self.status[t]),
            )
            for t, target in enumerate(self.targets[:ROWS])
        ]
        place = "λ" if self.method == "lasso" else "score left"
        columns = ("equation", "terms", "R², fit", place, "status")
        return table_html(repr(self), columns, rows, self.n_targets)


def joined(parts: Sequence[Dependencies], places: Sequence[npt.NDArray[np.integer]]) -> Dependencies:
    """Dependencies of all targets of several parts; ``places``: where those of each part go."""
    order = np.concatenate(places)
    found = Dependencies.concatenate(parts)
    return found if (np.diff(order) > 0).all() else found.take(np.argsort(order, kind="stable"))


_UNPROVED = ("floor", "uncertified", "interrupted")
_MOST_SOURCES = 2**31 - 1  # categories are numbered in 32 bits
_PER_TARGET = ("lam", "error", "energy", "kkt")
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


def _joined_names(parts: Sequence[Dependencies]) -> tuple[str, ...]:
    return tuple(name for part in parts for name in part.target_names or ())


def _check_stored_targets(stored: StoredTensors, targets: Int32, n_sources: int, intra: bool) -> None:
    """Refuse targets and numbers of sources that no result has, before anything is made of them."""
    if isinstance(n_sources, bool) or not 0 < n_sources <= _MOST_SOURCES:
        raise stored.error(
            f"header field 'n_sources' is {n_sources}; a number from 1 to {_MOST_SOURCES} is expected"
        )
    bad = (targets < 0) | (targets >= (n_sources if intra else _MOST_SOURCES))
    if bad.any():
        place = int(np.argmax(bad))
        raise stored.error(f"targets[{place}] is {targets[place]}, no category")
    values, counts = np.unique(targets, return_counts=True)
    if len(values) < len(targets):
        raise stored.error(f"target {values[counts > 1][0]} is there twice")


def _check_range(stored: StoredTensors, name: str, values: Float64, largest: float) -> None:
    bad = ~((values >= 0.0) & (values <= largest))
    if bad.any():
        place = int(np.argmax(bad))
        raise stored.error(f"{name}[{place}] is {values[place]}; a number from 0 to {largest:g} is expected")


def _stored_origin(stored: StoredTensors) -> Origin | None:
    fields = stored.optional("origin", dict)
    if fields is None:
        return None
    try:
        return Origin(**fields)
    except (TypeError, ValueError) as cause:
        raise stored.error(f"header field 'origin': {cause}") from cause


def _stored_method(stored: StoredTensors) -> Method:
    method = stored.optional("method", str)
    try:
        return "lasso" if method is None else check_method(method)  # older files are of the Lasso
    except ValueError as cause:
        raise stored.error(f"header field {cause}") from cause
