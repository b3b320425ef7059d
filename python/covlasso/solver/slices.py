"""All targets over several ranks, a slice each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Array
from covlasso._base.ranks import Group
from covlasso.dependencies import KNOWN, PER_TARGET, Dependencies
from covlasso.moments import Moments
from covlasso.solver.direction import pair_of, targets_of
from covlasso.solver.focus import check_focus
from covlasso.solver.from_moments import solve_moments
from covlasso.solver.targets import Targets

_PER_ROW = (*PER_TARGET, "status", "targets")


def solve_slices(
    group: Group,
    moments: Moments,
    *,
    target: str | None = None,
    source: str | None = None,
    targets: Targets | None = None,
    **options: Any,
) -> Dependencies | None:
    """Solve all targets, or those named, a slice on every rank.

    Parameters
    ----------
    group : Group
        The ranks, from ``process_group``.
    moments, target, source, targets, **options
        As in `solve_moments`; equal on all ranks.

    Returns
    -------
    Dependencies or None
        On rank 0 those of all, with the bits of a single process; None elsewhere.

    Raises
    ------
    GroupError
        Another rank ended.
    """
    target, source = pair_of(moments, target, source)
    wanted = targets_of(moments, target, targets)
    mine = np.array_split(np.arange(len(wanted)), group.size)[group.rank]
    part = None
    if len(mine):
        shares: Any = options.get("focus")
        if np.ndim(shares) == 1:
            options["focus"] = check_focus(shares, len(wanted))[mine]
        part = solve_moments(moments, target=target, source=source, targets=wanted[mine], **options)
    slices = group.gather(None if part is None else _to_arrays(part))
    if slices is None or part is None:
        return None
    names = moments.class_names.get(target)
    return Dependencies.concatenate([_with_arrays(part, arrays, names) for arrays in slices if arrays])


def _to_arrays(part: Dependencies) -> dict[str, Array]:
    """Return what differs from slice to slice."""
    coef = part.coef
    arrays = {"indptr": coef.indptr, "indices": coef.indices, "data": coef.data}
    return arrays | part.known_per_target() | {name: getattr(part, name) for name in _PER_ROW}


def _with_arrays(part: Dependencies, arrays: dict[str, Array], names: tuple[str, ...] | None) -> Dependencies:
    """Inverse of `_to_arrays`, the rest taken from another slice."""
    coef = tuple(arrays[name] for name in ("data", "indices", "indptr"))
    rows: dict[str, Any] = {name: arrays[name] for name in (*_PER_ROW, *KNOWN) if name in arrays}
    return replace(
        part,
        coef=scipy.sparse.csr_array(coef, shape=(len(rows["targets"]), part.n_sources)),
        target_names=None if names is None else tuple(names[i] for i in rows["targets"]),
        **rows,
    )
