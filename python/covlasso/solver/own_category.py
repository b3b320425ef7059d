"""Between two networks: which source is a target's own category, by name or by number, and is left out."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Array, Int32, Kind
from covlasso.dependencies import Origin, SameBy
from covlasso.moments import Moments

_SEPARATORS = re.compile(r"[\s_\-\u2010-\u2015\u2212]+")
_CLOSE = 0.8  # least similarity of a name that is told beside a missing one, as difflib counts it
_NAMED = 3  # targets without a source of their name that are named


def checked_origin(
    moments: Moments,
    models: tuple[str, str],
    kind: Kind,
    l2: float,
    positive: bool,
    allow_same: bool,
    same_by: SameBy | None,
) -> Origin:
    """Return the origin of dependencies that are to be found, for which it is clear what is left out.

    Raises
    ------
    TypeError, ValueError
        As of `Origin`; names or numbers do not say which categories are the same, and nobody else does.
    """
    origin = Origin(*models, kind, l2, positive, allow_same, same_by=same_by, row_centred=moments.row_centred)
    if origin.intra or allow_same:
        return origin
    names, sources = _names(moments, origin)
    n, p = _sizes(moments, origin)
    if same_by == "number" and n != p:
        raise ValueError(
            f"same_by is 'number', but {models[0]!r} has {n} categories and {models[1]!r} {p}; equally many "
            "in the same order are expected"
        )
    if same_by == "name" and (names is None or sources is None):
        missing = models[0 if names is None else 1]
        raise ValueError(f"same_by is 'name', but {missing!r} has no class names")
    if same_by is None and names is not None and sources is not None and n == p:
        _check_decided(names, sources, models)
    return origin


def excluded(
    moments: Moments, origin: Origin, targets: Int32
) -> Literal["self"] | scipy.sparse.csr_array | None:
    """List what the targets do without, as `covlasso.path` takes it for ``exclude``."""
    if origin.intra:
        return "self"
    own = same(moments, origin, targets)
    return None if origin.allow_same or own.nnz == 0 else own


def same(moments: Moments, origin: Origin, targets: Int32) -> scipy.sparse.csr_array:
    """Mark the sources that are the targets' own categories in the other network.

    Where both models have class names, these are the sources of the target's name; of a name that the other
    list lacks, those of a name that differs in case, blanks, hyphens and underscores only, or by synonyms
    after a comma. Where they have
    the same list of names, or one has none and the sizes are equal, those of the target's number.

    Returns
    -------
    (len(targets), p) sparse boolean array
        Without any entry where the networks share no category.
    """
    names, sources = _names(moments, origin)
    n, p = _sizes(moments, origin)
    if _by(moments, origin) == "name" and names is not None and sources is not None:
        return _of_name(names, sources)[targets]
    row = np.arange(len(targets)) if n == p else np.empty(0, dtype=np.intp)
    return _marked(row, targets[row], (len(targets), p))


def own_in_words(moments: Moments, origin: Origin, targets: Int32) -> str:
    """Say how many targets do without their own category in the other network, and how it was found."""
    if origin.allow_same:
        return "excluded for 0 targets, as it is allowed"
    found = np.diff(same(moments, origin, targets).indptr) > 0
    names, sources = _names(moments, origin)
    counted = f"excluded for {np.count_nonzero(found)} targets"
    if _by(moments, origin) == "name" and names is not None and sources is not None:
        return f"{counted}, by name{_missing(names, sources, targets, found)}"
    n, p = _sizes(moments, origin)
    if names is not None and sources is not None:
        why = "both have the same names" if names == sources else "as asked"
    else:
        without = [m for m in (origin.target_model, origin.source_model) if m not in moments.class_names]
        why = f"{' and '.join(without)} without class names"
    return f"{counted}, by number ({why})" if n == p else f"{counted}: {why}, and {n} and {p} categories"


def _by(moments: Moments, origin: Origin) -> SameBy:
    """Return what says which categories are the same."""
    names, sources = _names(moments, origin)
    if origin.same_by is not None:
        return origin.same_by
    return "number" if names is None or sources is None or names == sources else "name"


def _check_decided(names: Sequence[str], sources: Sequence[str], models: tuple[str, str]) -> None:
    """Refuse lists of names that may be two spellings of one list, number by number.

    So they may be where less than half of the names are shared, or where those that are shared stand at the
    same places and others do not match.
    """
    if names == sources:
        return
    n, own = len(names), _of_name(names, sources)
    found = np.diff(own.indptr) > 0
    alone = np.flatnonzero(~found & (np.bincount(own.indices, minlength=n) == 0))
    shared, in_place = np.count_nonzero(found), np.count_nonzero(own.diagonal())
    if len(alone) == 0 or (2 * shared >= n and in_place < 0.9 * shared):
        return
    i = int(alone[0])
    raise ValueError(
        f"{models[0]!r} and {models[1]!r} have {n} categories each and share {shared} names; are number {i}, "
        f"{names[i]!r} and {sources[i]!r}, the same category, which may not explain itself? Choose "
        "same_by='number' (--same-by number): same numbers are; same_by='name': only those of one name are; "
        "or allow_same=True"
    )


@lru_cache(maxsize=2)  # for all blocks of targets
def _of_name(names: tuple[str, ...], sources: tuple[str, ...]) -> scipy.sparse.csr_array:
    """Mark the sources of every target's name: as it is, in another spelling, or with synonyms beside it."""
    found: list[list[int]] = [[] for _ in names]
    for of_target, of_source in ((str, str), (_folded, _folded), (_first, _folded), (_folded, _first)):
        taken = {j for own in found for j in own}
        rest = [i for i, own in enumerate(found) if not own]
        spare = [j for j in range(len(sources)) if j not in taken]
        if not rest or not spare:
            break
        more = _found([of_target(names[i]) for i in rest], [of_source(sources[j]) for j in spare])
        for i, own in zip(rest, more, strict=True):
            found[i] = [spare[k] for k in own]
    row = np.repeat(np.arange(len(names)), [len(own) for own in found])
    columns = np.array([j for own in found for j in own], dtype=np.int32)
    return _marked(row, columns, (len(names), len(sources)))


def _found(names: Sequence[str], sources: Sequence[str]) -> list[list[int]]:
    """Positions of every name among the sources."""
    numbers: dict[str, list[int]] = {}
    for j, name in enumerate(sources):
        numbers.setdefault(name, []).append(j)
    return [numbers.get(name, []) for name in names]


def _folded(name: str) -> str:
    """Return a name without what spellings of it differ in; a name of separators alone stays."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return _SEPARATORS.sub("", folded) or name


def _first(name: str) -> str:
    """Return the first of synonyms between commas, as `_folded` does."""
    return _folded(name.partition(",")[0])


def _missing(names: Sequence[str], sources: Sequence[str], targets: Int32, found: Array) -> str:
    """Name the targets that no source is called like, and count those whose spelling differs."""
    known = set(sources)
    respelt = sum(names[i] not in known for i in targets[found])
    lost = [names[i] for i in targets[~found]]
    words = f", {respelt} of them but for case, blanks, hyphens or synonyms" if respelt else ""
    if lost:
        more = f" or {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        words += (
            f"; no source is called {', '.join(_beside_close(one, sources) for one in lost[:_NAMED])}{more}"
        )
    return words


def _beside_close(name: str, sources: Sequence[str]) -> str:
    """Return the name, and the source that is called most like it."""
    close = difflib.get_close_matches(name, sources, n=1, cutoff=_CLOSE)
    return f"{name!r} (but {close[0]!r})" if close else repr(name)


def _marked(row: Array, columns: Array, shape: tuple[int, int]) -> scipy.sparse.csr_array:
    return scipy.sparse.csr_array((np.ones(len(row), dtype=bool), (row, columns)), shape=shape)


def _names(moments: Moments, origin: Origin) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    known = moments.class_names
    return known.get(origin.target_model), known.get(origin.source_model)


def _sizes(moments: Moments, origin: Origin) -> tuple[int, int]:
    return moments.sizes[origin.target_model], moments.sizes[origin.source_model]
