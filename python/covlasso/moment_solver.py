"""Dependencies from moments: which arrays the solver gets, block by block so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso._problem import check_count
from covlasso.dependencies import Dependencies
from covlasso.moments import Moments
from covlasso.origin import Origin
from covlasso.paths import path
from covlasso.solution_path import one_place

if TYPE_CHECKING:
    from covlasso._distributed import Group

Int32 = npt.NDArray[np.int32]
Report = Callable[[int, int], object]

_PER_ROW = ("lam", "error", "energy", "kkt", "status", "targets")
_BLOCK = 1 << 25  # entries of the cross moments in memory at a time: 256 MB


def solve_moments(
    moments: Moments,
    origin: Origin,
    *,
    lam: float | None = None,
    terms: int | None = None,
    relative_error: float | None = None,
    refit: bool = False,
    max_terms: int | None = None,
    targets: Int32 | None = None,
    n_threads: int | None = None,
    device: str | Sequence[str] = "cpu",
    progress: Report | None = None,
) -> Dependencies:
    """Find dependencies on moments: `covlasso.solve` with the arrays that an `Origin` names.

    Between two networks the cross moments are made for blocks of targets, so that large networks need memory
    for the Gram and for one block only; the result has the same bits for any block.

    Parameters
    ----------
    moments : Moments
        Of the models that ``origin`` names.
    origin : Origin
        Models, kind of moments, and the options l2, positive and allow_same.
    lam, terms, relative_error
        The place on the paths, exactly one of them: as in `covlasso.solve`. ``lam`` is in the paper's scale
        (no 1/2).
    refit : bool, default False
        Least squares on the support found.
    max_terms : int, optional
        With ``lam`` or ``relative_error``: end a path before it has more terms. By default there is no limit.
    targets : (k,) int32 array, optional
        Categories to solve, each once. By default all.
    n_threads : int, optional
        By default one per hardware thread.
    device : str or sequence of str, default "cpu"
        As in `covlasso.path`.
    progress : callable, optional
        Called as progress(done, total) about ten times a second.

    Returns
    -------
    Dependencies
        With names where the moments have class names, and with ``origin``.

    Raises
    ------
    TypeError, ValueError
        An argument is wrong, a model is unknown, or there is no sample.
    RuntimeError
        As in `covlasso.path`.
    KeyboardInterrupt
        Ctrl-C; the message says how many targets were done.
    """
    limit = _term_limit(terms, max_terms, one_place(lam, terms, relative_error))
    gram = moments.gram(origin.source_model, origin.moment)
    rows = _all_targets(moments, origin) if targets is None else targets
    parts = []
    for done, block in _blocks(rows, gram.shape[0], origin):
        with _of_all(progress, done, len(block), len(rows)) as report:
            paths = path(
                gram,
                **_problem(moments, origin, block),
                max_terms=limit or gram.shape[0],
                min_lambda=0.0 if lam is None else lam,
                relative_error=0.0 if relative_error is None else relative_error,
                l2=origin.l2,
                positive=origin.positive,
                source_names=moments.class_names.get(origin.source_model),
                n_threads=n_threads,
                device=device,
                progress=report,
            )
            found = paths.at(lam=lam, terms=terms, relative_error=relative_error, refit=refit)
        parts.append(replace(found, targets=block, origin=origin))
    return Dependencies.concatenate(parts)


def solve_slices(group: Group, moments: Moments, origin: Origin, **options: Any) -> Dependencies | None:
    """Solve all targets, a slice on every rank.

    Parameters
    ----------
    group : Group
        The ranks, from ``process_group``.
    moments, origin, **options
        As in `solve_moments`, without ``targets``; equal on all ranks.

    Returns
    -------
    Dependencies or None
        On rank 0 those of all targets, with the bits of a single process; None elsewhere.

    Raises
    ------
    GroupError
        Another rank ended.
    """
    mine = np.array_split(_all_targets(moments, origin), group.size)[group.rank]
    part = solve_moments(moments, origin, targets=mine, **options) if len(mine) else None
    slices = group.gather(None if part is None else _to_arrays(part))
    if slices is None or part is None:
        return None
    names = moments.class_names.get(origin.target_model)
    return Dependencies.concatenate([_with_arrays(part, arrays, names) for arrays in slices if arrays])


def _to_arrays(part: Dependencies) -> dict[str, npt.NDArray[Any]]:
    """Return what differs from slice to slice."""
    coef = part.coef
    arrays = {"indptr": coef.indptr, "indices": coef.indices, "data": coef.data}
    return arrays | {name: getattr(part, name) for name in _PER_ROW}


def _with_arrays(
    part: Dependencies, arrays: dict[str, npt.NDArray[Any]], names: tuple[str, ...] | None
) -> Dependencies:
    """Inverse of `_to_arrays`, the rest taken from another slice."""
    coef = tuple(arrays[name] for name in ("data", "indices", "indptr"))
    rows: dict[str, Any] = {name: arrays[name] for name in _PER_ROW}
    return replace(
        part,
        coef=scipy.sparse.csr_array(coef, shape=(len(rows["targets"]), part.n_sources)),
        target_names=None if names is None else tuple(names[i] for i in rows["targets"]),
        **rows,
    )


def _all_targets(moments: Moments, origin: Origin) -> Int32:
    return np.arange(len(moments.mean(origin.target_model)), dtype=np.int32)


def _term_limit(terms: int | None, max_terms: int | None, place: str) -> int | None:
    if place == "terms":
        if max_terms is not None:
            raise ValueError("max_terms is for lam and relative_error; terms is a limit itself")
        return check_count(terms, "terms")
    return None if max_terms is None else check_count(max_terms, "max_terms")


def _blocks(rows: Int32, p: int, origin: Origin) -> Iterator[tuple[int, Int32]]:
    """Targets whose cross moments are in memory together, with the number of those before them."""
    size = len(rows) if origin.intra else max(1, _BLOCK // p)
    for start in range(0, len(rows), size):
        yield start, rows[start : start + size]


def _problem(moments: Moments, origin: Origin, rows: Int32) -> dict[str, Any]:
    """Arguments of `covlasso.path` that depend on the targets."""
    names = moments.class_names.get(origin.target_model)
    if origin.intra:
        return {"targets": rows, "names": names}
    return {
        "cross": getattr(moments, origin.moment)(origin.target_model, origin.source_model, rows=rows),
        "energy": moments.energy(origin.target_model, origin.moment)[rows],
        "exclude": origin.exclude(moments, rows),
        "names": None if names is None else [names[i] for i in rows],
    }


@contextmanager
def _of_all(progress: Report | None, before: int, size: int, total: int) -> Iterator[Report]:
    """Turn the counts of one block into those of all targets, for reports and for an interruption."""
    done = before

    def report(done_here: int, _: int) -> None:
        nonlocal done
        done = before + done_here
        if progress is not None:
            progress(done, total)

    try:
        yield report
        report(size, size)
    except KeyboardInterrupt as cause:
        raise KeyboardInterrupt(f"interrupted: {done} of {total} targets were done") from cause
