"""Equations on some tokens only: those that are kept, or that another vocabulary shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso._base.arrays import Float64, Int32, Method
from covlasso._base.checks import check_count, check_method, check_names
from covlasso._base.progress import Report
from covlasso.dependencies import Dependencies
from covlasso.gram import FactoredGram
from covlasso.solver import path

_BLOCK = 1 << 25  # cross moments in memory at a time: 256 MB


def equations_on(
    gram: FactoredGram,
    sources: npt.ArrayLike,
    targets: npt.ArrayLike | None = None,
    *,
    terms: int | Sequence[int],
    method: Method = "lasso",
    names: Sequence[str] | None = None,
    n_threads: int | None = None,
    progress: Report | None = None,
) -> list[Dependencies]:
    """Explain tokens by ``sources`` alone, for one or several numbers of terms along the same paths.

    As `covlasso.solve` within one vocabulary, but all other tokens are left out, so that the work is that of
    k sources and not of n. Sources count by their correlation, as if of unit size, and coefficients are least
    squares on the terms chosen, of the logits as they are in ``gram``.

    Parameters
    ----------
    gram : FactoredGram
        G = F F' of all n tokens: ``moments.as_row_centred().gram(model, "covariance")``, or of the rows of a
        head alone, less their mean row.
    sources : (k,) sequence of int
        Tokens that explain, each once.
    targets : sequence of int, optional
        Tokens to explain, each once and none of ``sources``. By default all others.
    terms : int, or sequence of int
        How many terms; a path that ends earlier has fewer.
    method : {"lasso", "pursuit"}, default "lasso"
        How they are chosen. Pursuit fits the samples better at as many terms; the Lasso is better on another
        model.
    names : sequence of str, optional
        Of all n tokens.
    n_threads, progress
        As in `covlasso.path`.

    Returns
    -------
    list of Dependencies
        One for each number of terms: ``targets`` are numbers of tokens, columns of ``coef`` count in
        ``sources``. ``lam`` is that of sources of unit size.

    Raises
    ------
    TypeError, ValueError
        A number is no token or is there twice, a target is among the sources, or a source never varies.
    """
    check_method(method)
    if not isinstance(gram, FactoredGram):
        raise TypeError(f"gram is {type(gram).__name__}; a FactoredGram is expected")
    counts = [check_count(k, "terms") for k in (terms if isinstance(terms, Sequence) else [terms])]
    named = check_names(names, gram.shape[0], "names")
    kept = checked_tokens(sources, "sources", gram.shape[0])
    rows = (
        _others(kept, gram.shape[0]) if targets is None else checked_tokens(targets, "targets", gram.shape[0])
    )
    both = np.intersect1d(kept, rows)
    if both.size:
        raise ValueError(f"token {both[0]} is in targets and in sources; a token does not explain itself")
    factor = gram.factor[kept]
    size = np.linalg.norm(factor, axis=1)
    if not size.all():
        raise ValueError(f"token {kept[int(np.argmin(size))]} of sources has a logit that never varies")
    held = FactoredGram(np.ascontiguousarray(factor / size[:, np.newaxis]))
    parts: list[list[Dependencies]] = [[] for _ in counts]
    step = max(1, _BLOCK // len(kept))
    for start in range(0, len(rows), step):
        here = rows[start : start + step]
        found = path(
            held,
            gram.factor[here] @ held.factor.T,
            np.einsum("tr,tr->t", gram.factor[here], gram.factor[here]),
            exclude=None,
            method=method,
            max_terms=max(counts),
            n_threads=n_threads,
            progress=_shifted(progress, start, len(rows)),
        )
        for part, k in zip(parts, counts, strict=True):
            one = found.at(terms=k, refit=method == "lasso")
            part.append(_numbered(one, here, kept, size, named))
    return [Dependencies.concatenate(part) for part in parts]


def checked_tokens(value: npt.ArrayLike, name: str, n: int) -> Int32:
    """Return numbers of tokens, each once; at least one."""
    numbers = np.asarray(value)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or numbers.size == 0:
        raise TypeError(
            f"{name} is {numbers.dtype} {numbers.shape}; at least one number of a token is expected"
        )
    if numbers.min() < 0 or numbers.max() >= n:
        bad = numbers[(numbers < 0) | (numbers >= n)][0]
        raise ValueError(f"{name} has token {bad}; tokens are 0 to {n - 1}")
    values, counts = np.unique(numbers, return_counts=True)
    if len(values) < len(numbers):
        raise ValueError(f"{name} has token {values[counts > 1][0]} twice; give each once")
    return numbers.astype(np.int32)


def _others(kept: Int32, n: int) -> Int32:
    rest = np.delete(np.arange(n, dtype=np.int32), kept)
    if rest.size == 0:
        raise ValueError("sources are all tokens; nothing is left to explain")
    return rest


def _numbered(
    one: Dependencies, targets: Int32, kept: Int32, size: Float64, names: tuple[str, ...] | None
) -> Dependencies:
    """Give targets their numbers and names, and coefficients the scale of the logits."""
    coef = scipy.sparse.csr_array(
        (one.coef.data / size[one.coef.indices], one.coef.indices, one.coef.indptr), shape=one.coef.shape
    )
    if names is None:
        return replace(one, coef=coef, targets=targets)
    called = tuple(names[i] for i in targets), tuple(names[j] for j in kept)
    return replace(one, coef=coef, targets=targets, target_names=called[0], source_names=called[1])


def _shifted(progress: Report | None, before: int, total: int) -> Report | None:
    if progress is None:
        return None
    said = progress

    def report(done: int, _: int) -> None:
        said(before + done, total)

    return report
