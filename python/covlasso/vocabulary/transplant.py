"""Tokens of another vocabulary: their rows of a head as combinations of rows that both models have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso._base.arrays import Bool, Float64, Floats, Int32
from covlasso._base.checks import check_count, check_logits, check_names
from covlasso.dependencies import Dependencies
from covlasso.moments import LinearHead
from covlasso.vocabulary.equations import checked_tokens


def shared_tokens(names: Sequence[str], others: Sequence[str]) -> tuple[Int32, Int32]:
    """Find the tokens that two vocabularies share, by name.

    Names are compared as they are: give both in one notation (`covlasso.transformers.token_names`). One that
    is there twice in a vocabulary is not shared.

    Parameters
    ----------
    names, others : sequence of str
        Of the two vocabularies.

    Returns
    -------
    (k,) and (k,) int32 arrays
        Numbers in both, in the order of the first.
    """
    first, second = _single(names), _single(others)
    both = [(i, second[name]) for name, i in first.items() if name in second]
    pairs = np.array(both, dtype=np.int32).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def transplant(
    equations: Dependencies, receiver: LinearHead, names: Sequence[str], *, less_mean: bool = True
) -> LinearHead:
    """Give a head the rows of tokens that it has not, by equations found in another model that has them.

    Where the donor has f_i ~ sum_j b_ij f_j on tokens j that both share, the receiver with rows w_j gets

        w_i = m + sum_j b_ij (w_j - m),    m the mean of its rows,

    and the bias likewise. The mean row is for equations of rows, or logits, less their mean over the
    vocabulary; without ``less_mean`` m is 0.

    mergekit's tokensurgeon does so with b by orthogonal matching pursuit on the donor's embeddings as they
    are, with 64 terms (Goddard and Fernandes Neto, *Training-Free Tokenizer Transplantation via Orthogonal
    Matching Pursuit*, 2025, arXiv 2506.06607): ``equations_on(FactoredGram(embeddings), shared, new,
    terms=64, method="pursuit")`` and ``less_mean=False``. `rows_agreement` judges rows where the truth is
    known: hold out some tokens that both share before you trust those that you need.

    Parameters
    ----------
    equations : Dependencies
        New tokens on shared ones, of the donor: of `equations_on`, with ``names``.
    receiver : LinearHead
        The head that gets rows; embeddings without a bias will do.
    names : sequence of str
        Its tokens.
    less_mean : bool, default True
        Whether equations are of rows less their mean row.

    Returns
    -------
    LinearHead
        One row for each target of ``equations``, in this order; to be put below those of ``receiver``.

    Raises
    ------
    TypeError, ValueError
        Equations have no names, or a term is no token of the receiver, or ambiguous.
    """
    if equations.source_names is None:
        raise ValueError("equations have no names; give equations_on the names of the donor's tokens")
    checked = check_names(names, receiver.categories, "names")
    assert checked is not None  # noqa: S101  # not None is given
    place = _single(checked)
    used = np.unique(equations.coef.indices)
    missing = [equations.source_names[j] for j in used if equations.source_names[j] not in place]
    if missing:
        raise ValueError(
            f"{len(missing)} terms are no tokens of the receiver, or there twice, as {missing[0]!r}; find "
            "equations on the tokens that shared_tokens names"
        )
    columns = np.array([place[equations.source_names[j]] for j in used], dtype=np.int32)
    coef = equations.coef[:, used]
    spread = scipy.sparse.csr_array(
        (coef.data, columns[coef.indices], coef.indptr), shape=(coef.shape[0], receiver.categories)
    )
    if not less_mean:
        return receiver.combined(spread)
    whole = receiver.with_mean()
    left = 1.0 - np.asarray(coef.sum(axis=1)).ravel()
    made = whole.combined(scipy.sparse.hstack([spread, left[:, np.newaxis]], format="csr"))
    dtype = receiver.weight.dtype
    return LinearHead(made.weight.astype(dtype), None if made.bias is None else made.bias.astype(dtype))


@dataclass(frozen=True, eq=False, repr=False)
class RowsAgreement:
    """How given rows stand beside the true ones of the same tokens, one entry per token, on held-out states.

    Logits are less their mean over the vocabulary.

    Attributes
    ----------
    error : array
        E[(g_i - f_i)^2] / Var(f_i) of the new logit g_i and the true one: 1 - R^2 about the mean.
    error_centred : array
        Var(g_i - f_i) / Var(f_i): what a right level, one number per token, would leave.
    decided : int array
        Samples on which token i is the top one of the full head.
    kept, false : int array
        Of these, those on which it still is with the new row in its place alone, and the others on which it
        is then the top one.
    """

    error: Float64
    error_centred: Float64
    decided: npt.NDArray[np.int64]
    kept: npt.NDArray[np.int64]
    false: npt.NDArray[np.int64]

    @property
    def recall(self) -> float:
        """Share of all decisions for these tokens that stay; NaN where there are none."""
        return float(self.kept.sum() / self.decided.sum()) if self.decided.any() else float("nan")

    @property
    def false_alarms(self) -> float:
        """False decisions for these tokens for each true one; NaN where there are none."""
        return float(self.false.sum() / self.decided.sum()) if self.decided.any() else float("nan")

    def __repr__(self) -> str:
        """Say the medians."""
        return (
            f"RowsAgreement({len(self.error)} tokens, median relative error {np.median(self.error):.3f}, "
            f"{np.median(self.error_centred):.3f} with a right level; recall {self.recall:.3f}, "
            f"{self.false_alarms:.3f} false alarms per true decision)"
        )


def rows_agreement(
    head: LinearHead,
    tokens: npt.ArrayLike,
    rows: Mapping[str, LinearHead],
    states: Floats,
    *,
    block: int = 256,
) -> dict[str, RowsAgreement]:
    """Judge rows of tokens whose true rows are known, on held-out hidden states.

    Parameters
    ----------
    head : LinearHead
        The full head, with the true rows.
    tokens : (m,) sequence of int
        Whose rows are judged.
    rows : mapping from str to LinearHead
        m rows each, in the order of ``tokens``.
    states : (samples, d) float array
        May be memory-mapped.
    block : int, default 256
        Samples at a time.

    Returns
    -------
    dict from str to RowsAgreement

    Raises
    ------
    TypeError, ValueError
        A number is no token, rows are not as many, or states have another width or are not finite.
    """
    chosen = checked_tokens(tokens, "tokens", head.categories)
    for name, one in rows.items():
        if one.weight.shape != (len(chosen), head.features):
            raise ValueError(
                f"rows[{name!r}] are {one.weight.shape}; ({len(chosen)}, {head.features}) is expected"
            )
    if states.ndim != 2 or states.shape[1] != head.features or len(states) == 0:
        raise ValueError(f"states have shape {states.shape}; (samples, {head.features}) is expected")
    check_count(block, "block")
    sums = {name: _Sums(len(chosen)) for name in rows}
    for start in range(0, len(states), block):
        h = np.asarray(states[start : start + block])
        check_logits(h, "states have", start)
        full = head.logits(h.astype(np.float64))
        level = full.mean(axis=0)
        own = full[chosen]
        top = full.argmax(axis=0)
        first = full.max(axis=0)
        decided = top == chosen[:, np.newaxis]
        full[top, np.arange(len(h))] = -np.inf
        others = np.where(decided, full.max(axis=0), first)  # the largest logit of other tokens
        for name, one in rows.items():
            sums[name].add(one.logits(h.astype(np.float64)), own, level, decided, others)
    return {name: one.result(len(states)) for name, one in sums.items()}


class _Sums:
    """Sums over samples, one entry per token."""

    def __init__(self, m: int):
        self._off, self._off2, self._own, self._own2 = (np.zeros(m) for _ in range(4))
        self._decided, self._kept, self._false = (np.zeros(m, dtype=np.int64) for _ in range(3))

    def add(self, new: Float64, own: Float64, level: Float64, decided: Bool, others: Float64) -> None:
        off, true = new - own, own - level
        self._off += off.sum(axis=1)
        self._off2 += np.square(off).sum(axis=1)
        self._own += true.sum(axis=1)
        self._own2 += np.square(true).sum(axis=1)
        wins = new > others
        self._decided += decided.sum(axis=1)
        self._kept += (wins & decided).sum(axis=1)
        self._false += (wins & ~decided).sum(axis=1)

    def result(self, count: int) -> RowsAgreement:
        variance = self._own2 / count - (self._own / count) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            error = self._off2 / count / variance
            centred = (self._off2 / count - (self._off / count) ** 2) / variance
        return RowsAgreement(error, centred, self._decided, self._kept, self._false)


def _single(names: Sequence[str]) -> dict[str, int]:
    """Numbers by name, without the names that are there twice."""
    numbers: dict[str, int] = {}
    twice = set()
    for number, name in enumerate(names):
        if numbers.setdefault(name, number) != number:
            twice.add(name)
    return {name: number for name, number in numbers.items() if name not in twice}
