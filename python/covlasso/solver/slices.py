"""All targets over several ranks, a slice each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Array
from covlasso._base.progress import Report
from covlasso._base.ranks import Group
from covlasso.dependencies import KNOWN, PER_TARGET, Dependencies
from covlasso.moments import Moments
from covlasso.solver.kept import Kept
from covlasso.solver.work import Tell, Work

_PER_ROW = (*PER_TARGET, "status", "targets")


def solve_slices(
    group: Group,
    moments: Moments,
    *,
    keep: Path | None = None,
    tell: Tell | None = None,
    n_threads: int | None = None,
    device: str | Sequence[str] = "cpu",
    progress: Report | None = None,
    **options: Any,
) -> Dependencies | None:
    """Solve all targets, or those named, a slice on every rank.

    Parameters
    ----------
    group : Group
        The ranks, from ``process_group``.
    moments, n_threads, device, progress, **options
        As in `solve_moments`; equal on all ranks.
    keep : Path, optional
        A folder in which a long solve keeps what is done, half a minute of work at a time (`Kept`), and from
        which it goes on after any end of the process; `forget` removes it when the result is written.
    tell : callable, optional
        Called as tell(kept, left, seconds) where ``kept`` targets were kept before (seconds is None then),
        and when it is known how long the ``left`` ones take, where that is long.

    Returns
    -------
    Dependencies or None
        On rank 0 those of all, with the bits of a single process that was not interrupted; None elsewhere.

    Raises
    ------
    ValueError
        What is kept is of another solve, or an argument is wrong.
    GroupError
        Another rank ended.
    """
    whole = Work.of(moments, **options)
    kept = None if keep is None else Kept(keep, lambda: whole.command(device), group.rank)
    mine = np.array_split(np.arange(len(whole.targets)), group.size)[group.rank]
    part = None
    if len(mine):
        work = whole.take(mine)
        part = work.run(progress, kept, tell, n_threads=n_threads, device=device)
    slices = group.gather(None if part is None else _to_arrays(part))
    if slices is None or part is None:
        return None
    names = moments.class_names.get(whole.origin.target_model)
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
