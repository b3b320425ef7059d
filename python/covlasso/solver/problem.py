"""What is to be solved, checked where C++ cannot see: types, dtypes, memory order, shapes, masks, names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Array, Float64, Int32, Int64
from covlasso._base.checks import check_length, check_matrix, check_names, check_vector
from covlasso._base.device_arrays import DeviceArray, in_place
from covlasso.dependencies import Origin
from covlasso.gram import Gram, OwnRows, as_gram
from covlasso.solver.targets import check_targets

Matrix = Array | DeviceArray
Exclude = Any  # "self", None, a boolean array or a scipy sparse array


@dataclass(frozen=True)
class Problem:
    """The arguments of the core, and what results say that the core does not need: numbers, names, origin."""

    gram: Gram | DeviceArray
    cross: Matrix | None  # in the memory of a device if gram is
    energy: Float64 | DeviceArray | None  # one per row of cross; in the memory of a device only if gram is
    targets: Int32  # rows of cross, or of gram
    exclude_self: bool
    exclusion_offset: Int64 | None
    exclusion_index: Int32 | None
    weights: Float64 | None
    own: OwnRows | None  # what counts for single targets only, one entry per target
    categories: Int32  # numbers of the targets
    target_names: tuple[str, ...] | None  # one per target
    source_names: tuple[str, ...] | None
    origin: Origin | None = None
    focus: Float64 | None = None  # the share of own samples for which the own rows are

    @property
    def intra(self) -> bool:
        """Whether targets and sources are categories of one network."""
        return self.cross is None

    @property
    def on_device(self) -> dict[str, DeviceArray]:
        """What lies in the memory of a device, by name."""
        given = {"gram": self.gram, "cross": self.cross, "energy": self.energy}
        return {name: array for name, array in given.items() if isinstance(array, DeviceArray)}

    @cached_property
    def all_energy(self) -> Float64:
        """e_i of every possible target, in the memory of the host."""
        energy = _on_host(self.gram.diagonal() if self.energy is None else self.energy)
        return np.asarray(energy, dtype=np.float64)

    @property
    def target_energy(self) -> Float64:
        """e_i of every target, (n_targets,), with what its own rows add."""
        energy: Float64 = self.all_energy[self.targets]
        if self.own is None:
            return energy
        return energy + self.own.summed(np.square(self.own.responses(self.targets)))


def check_problem(
    gram: Any,
    cross: Any,
    energy: Any,
    targets: Any,
    exclude: Exclude,
    weights: Any,
    names: Sequence[str] | None,
    source_names: Sequence[str] | None,
    *,
    own: Any = None,
    categories: Int32 | None = None,
    origin: Origin | None = None,
    focus: Float64 | None = None,
) -> Problem:
    """Check the data arguments of `covlasso.path`; TypeError or ValueError for the first that is wrong.

    ``categories`` are the numbers that results give to the targets, by default their own.
    """
    gram = _check_gram(gram)
    p = gram.shape[0]
    cross, energy = _check_cross(cross, energy, p, on_device=isinstance(gram, DeviceArray))
    possible = p if cross is None else cross.shape[0]
    labels = check_names(names, possible, "names")
    rows = check_targets(targets, possible, labels)
    exclude_self, offset, index = _check_exclude(exclude, rows, p, intra=cross is None)
    shared = possible == p and exclude_self
    sources = labels if source_names is None and shared else check_names(source_names, p, "source_names")
    return Problem(
        gram=gram,
        cross=cross,
        energy=energy,
        targets=rows,
        exclude_self=exclude_self,
        exclusion_offset=offset,
        exclusion_index=index,
        weights=_check_weights(weights, len(rows), p),
        own=_check_own(own, len(rows), p, intra=cross is None),
        categories=rows if categories is None else categories,
        target_names=None if labels is None else tuple(labels[i] for i in rows),
        source_names=sources,
        origin=origin,
        focus=focus,
    )


def _check_gram(value: Any) -> Gram | DeviceArray:
    if isinstance(value, Gram):
        return value
    array = _check_matrix(value, "gram")
    if not isinstance(array, DeviceArray):
        return as_gram(array)
    if array.shape[0] != array.shape[1] or array.shape[0] == 0:
        raise ValueError(
            f"gram has shape {array.shape}; a square matrix of at least one category is expected"
        )
    return array


def _check_matrix(value: Any, name: str) -> Matrix:
    """Give a matrix that the core reads in place."""
    array: Matrix = in_place(value, name)
    if not isinstance(array, DeviceArray):
        check_matrix(array, name)
    elif len(array.shape) != 2:
        raise ValueError(f"{name} has shape {array.shape}; two dimensions are expected")
    return array


def _check_cross(
    cross: Any, energy: Any, p: int, *, on_device: bool
) -> tuple[Matrix | None, Float64 | DeviceArray | None]:
    if cross is None:
        if energy is not None:
            raise ValueError("energy is for the cross form; give cross too, or leave energy out")
        return None, None
    cross = _check_matrix(cross, "cross")
    if isinstance(cross, DeviceArray) != on_device:
        here, there = ("device", "host") if on_device else ("host", "device")
        raise ValueError(f"gram is in {here} memory and cross in {there} memory; give both alike")
    if cross.shape[1] != p or cross.shape[0] == 0:
        raise ValueError(
            f"cross has shape {cross.shape}; (targets, {p}) is expected: one column per row of gram"
        )
    if energy is None:
        raise ValueError("cross is given without energy; give energy = E[f_i^2], one number per row of cross")
    energy = in_place(energy, "energy")
    if on_device and isinstance(energy, DeviceArray) and energy.dtype == np.float64 and energy.stride == 1:
        check_length(energy.shape, "energy", cross.shape[0])
        return cross, energy
    return cross, check_vector(_on_host(energy), "energy", cross.shape[0])


def _on_host(value: Any) -> Any:
    """Copy what lies in the memory of a device."""
    return value.to_host() if isinstance(value, DeviceArray) else value


def _check_exclude(
    exclude: Exclude, targets: Int32, p: int, *, intra: bool
) -> tuple[bool, Int64 | None, Int32 | None]:
    """(exclude_self, offset, index): the arrays list what each target excludes, in compressed rows."""
    if exclude is None:
        if intra:
            raise ValueError("exclude=None needs cross: within one network a target always explains itself")
        return False, None, None
    if isinstance(exclude, str):
        if exclude != "self":
            raise ValueError(f'exclude is {exclude!r}; "self", None, a boolean or a sparse array is expected')
        if not intra and targets.max() >= p:
            raise ValueError(
                f'exclude="self" needs networks that share their categories, but target {targets.max()} is '
                f"none of the {p} sources; give exclude=None or a mask of shape ({len(targets)}, {p})"
            )
        return True, None, None
    mask = _mask_rows(exclude, (len(targets), p))
    row = np.repeat(np.arange(len(targets)), np.diff(mask.indptr))
    others = mask.indices != targets[row] if intra else np.ones(len(row), dtype=bool)
    left = p - intra - np.bincount(row[others], minlength=len(targets))
    if len(row) and left.min() == 0:
        place = int(np.argmin(left))
        raise ValueError(
            f"exclude[{place}] leaves no source for target {targets[place]}; leave one in, or drop the target"
        )
    return intra, mask.indptr.astype(np.int64), mask.indices.astype(np.int32)


def _mask_rows(exclude: Any, shape: tuple[int, int]) -> scipy.sparse.csr_array:
    """Return the mask in compressed rows, sorted, each entry once."""
    sparse = scipy.sparse.issparse(exclude)
    if not sparse and not (isinstance(exclude, np.ndarray) and exclude.dtype == np.bool_):
        found = exclude.dtype if isinstance(exclude, np.ndarray) else type(exclude).__name__
        raise TypeError(
            f'exclude is {found}; "self", None, a boolean array or a scipy sparse array is expected'
        )
    if exclude.shape != shape:
        raise ValueError(f"exclude has shape {exclude.shape}; {shape} is expected: one row per target")
    mask = scipy.sparse.csr_array(exclude, dtype=bool, copy=True)
    mask.sum_duplicates()
    mask.eliminate_zeros()
    return mask


def _check_weights(weights: Any, n_targets: int, p: int) -> Float64 | None:
    if weights is None:
        return None
    weights = _on_host(in_place(weights, "weights"))
    if np.ndim(weights) != 2:
        return check_vector(weights, "weights", p)
    check_matrix(weights, "weights")
    if weights.dtype != np.float64:
        raise TypeError(f"weights is {weights.dtype}; give np.ascontiguousarray(weights, dtype=np.float64)")
    if weights.shape != (n_targets, p):
        raise ValueError(f"weights has shape {weights.shape}; ({p},) or ({n_targets}, {p}) is expected")
    return np.asarray(weights)


def _check_own(own: Any, n_targets: int, p: int, *, intra: bool) -> OwnRows | None:
    if own is None:
        return None
    rows: OwnRows = own if isinstance(own, OwnRows) else OwnRows(own)
    if rows.rows.shape[1] != p:
        raise ValueError(
            f"own rows have shape {rows.rows.shape}; (rows, {p}) is expected: one column per source"
        )
    if rows.n_targets != n_targets:
        raise ValueError(
            f"own has rows for {rows.n_targets} targets, but there are {n_targets}; give one row each, or an "
            "offset per target"
        )
    if intra and rows.response is not None:
        raise ValueError("own response is for the cross form; within one network it is a column of the rows")
    if not intra and rows.response is None:
        raise ValueError("own has no response; give what the targets are in their rows, as there is cross")
    return rows
