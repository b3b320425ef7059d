"""A smaller head: some rows are kept, the logits of all other tokens are sparse equations on theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso._base.arrays import Float64, Floats, Int32, Method
from covlasso._base.checks import check_count
from covlasso._base.progress import Report
from covlasso.gram import FactoredGram, spanning_categories
from covlasso.moments import LinearHead, Moments
from covlasso.solver import pair_of
from covlasso.vocabulary.equations import checked_tokens, equations_on


@dataclass(frozen=True, eq=False, repr=False)
class SmallHead:
    """Logits of n tokens from k rows: f_K = W_K h + b_K, and f_i = a_i + sum over K of b_ij f_j for the rest.

    Up to a constant per sample, the mean over the vocabulary, which softmax does not see: W and b have it
    taken off.

    Attributes
    ----------
    kept, rest : int32 arrays, (k,) and (n - k,)
        Numbers of tokens.
    head : LinearHead
        The k rows, less the mean row of all.
    coef : scipy.sparse.csr_array, (n - k, k)
        b_ij.
    intercept : (n - k,) array
        a_i; with no terms the mean logit.
    """

    kept: Int32
    rest: Int32
    head: LinearHead
    coef: scipy.sparse.csr_array
    intercept: Float64

    @property
    def tokens(self) -> int:
        """Number n of logits."""
        return len(self.kept) + len(self.rest)

    @property
    def cost(self) -> int:
        """Multiply-adds of a sample, k d + the number of terms."""
        return int(self.head.weight.size + self.coef.nnz)

    @property
    def full_cost(self) -> int:
        """Those of all rows, n d."""
        return self.tokens * self.head.features

    def logits(self, states: Floats) -> Floats:
        """Logits (samples, n) of states (samples, d): float64 of such, else float32."""
        kind = np.result_type(states.dtype, np.float32)
        weight, coef = self.head.weight.astype(kind), self.coef.astype(kind)
        kept = weight @ states.T.astype(kind)
        if self.head.bias is not None:
            kept += self.head.bias[:, np.newaxis].astype(kind)
        found = np.empty((self.tokens, len(states)), dtype=kind)
        found[self.kept] = kept
        found[self.rest] = coef @ kept + self.intercept[:, np.newaxis].astype(kind)
        return found.T

    def combined(self) -> LinearHead:
        """Head that has a row for every token and gives the same logits: as large as W, for any model."""
        whole = self.head.combined(self.coef, self.intercept)
        weight = np.empty((self.tokens, self.head.features))
        bias = np.zeros(self.tokens)
        weight[self.kept], weight[self.rest] = self.head.weight, whole.weight
        bias[self.rest] = whole.bias
        if self.head.bias is not None:
            bias[self.kept] = self.head.bias
        return LinearHead(weight, bias)

    def __repr__(self) -> str:
        """Say how many rows are kept, and what it costs."""
        return (
            f"SmallHead({len(self.kept)} of {self.tokens} rows, {self.coef.nnz} terms, {self.cost} "
            f"multiply-adds a sample in the place of {self.full_cost})"
        )


def small_heads(
    moments: Moments,
    kept: npt.ArrayLike,
    *,
    terms: int | Sequence[int],
    model: str | None = None,
    method: Method = "pursuit",
    n_threads: int | None = None,
    progress: Report | None = None,
) -> list[SmallHead]:
    """Keep some rows of a head and explain all other tokens by them, for one or several numbers of terms.

    Equations are of covariances of row-centred logits, by least squares on their terms, with an intercept, so
    that mean logits are right. With no terms a token has its mean logit: what remains when only the rows of
    frequent tokens are kept, as draft models for speculative decoding do (FR-Spec: Zhao et al. 2025, arXiv
    2502.14856; there the rest cannot be said at all).

    A sample costs k d + t (n - k) multiply-adds instead of n d. The second part reads single numbers, not
    rows, so it is worth less than it counts; where t nears d there is nothing to gain.

    Parameters
    ----------
    moments : Moments
        The fit part, of a model with a head.
    kept : sequence of int
        Tokens whose rows are kept, each once: see `kept_tokens`.
    terms : int, or sequence of int
        Terms of an equation, 0 too.
    model : str, optional
        Which model; by default the only one.
    method : {"lasso", "pursuit"}, default "pursuit"
        How terms are chosen.
    n_threads, progress
        As in `covlasso.path`.

    Returns
    -------
    list of SmallHead
        One for each number of terms.

    Raises
    ------
    TypeError, ValueError
        The model has no head, or ``kept`` or ``terms`` are no such numbers.
    """
    mean, head, gram = _centred(moments, model)
    rows = checked_tokens(kept, "kept", head.categories)
    counts = [check_count(k, "terms", least=0) for k in (terms if isinstance(terms, Sequence) else [terms])]
    asked = sorted({k for k in counts if k})
    rest = np.delete(np.arange(head.categories, dtype=np.int32), rows)
    found: dict[int, scipy.sparse.csr_array] = {0: scipy.sparse.csr_array((len(rest), len(rows)))}
    if asked and len(rest):
        solved = equations_on(
            gram, rows, rest, terms=asked, method=method, n_threads=n_threads, progress=progress
        )
        found |= {k: one.coef for k, one in zip(asked, solved, strict=True)}

    bias = None if head.bias is None else head.bias[rows]
    part = LinearHead(head.weight[rows], bias)
    return [
        SmallHead(rows, rest, part, found.get(k, found[0]), mean[rest] - found.get(k, found[0]) @ mean[rows])
        for k in counts
    ]


def kept_tokens(
    moments: Moments,
    k: int,
    *,
    counts: npt.ArrayLike | None = None,
    spanning: int = 0,
    model: str | None = None,
) -> Int32:
    """Choose k tokens whose rows are kept: the most frequent ones, and some that span the rest.

    Parameters
    ----------
    moments : Moments
        The fit part, of a model with a head.
    k : int
        How many.
    counts : (n,) array, optional
        How often each token is a label in text like that the model will see. Equal counts go by number.
        Without it all k span.
    spanning : int, default 0
        How many of the k are chosen by `covlasso.spanning_categories` on row-centred logits, those that
        leave least of all logits unexplained; no more than the width of the head are found. The others are
        the most frequent of those left.
    model : str, optional
        Which model; by default the only one.

    Returns
    -------
    (k,) int32 array
        The frequent ones first.

    Raises
    ------
    TypeError, ValueError
        More tokens are asked than there are, or than ``counts`` has, or than can span.
    """
    _, head, gram = _centred(moments, model)
    n = head.categories
    if check_count(k, "k") > n:
        raise ValueError(f"k is {k}; there are {n} tokens")
    wanted = k if counts is None else check_count(spanning, "spanning", least=0)
    if wanted > k:
        raise ValueError(f"spanning is {spanning}, more than k = {k}")
    chosen = np.arange(0, dtype=np.int32)
    if wanted:
        chosen = spanning_categories(gram, tolerance=0.0, max_categories=wanted).categories
        if len(chosen) < wanted:
            raise ValueError(
                f"{len(chosen)} tokens span all logits, and {wanted} are asked; give counts for the others"
            )
    if counts is None:
        return chosen
    how_often = np.asarray(counts)
    if how_often.shape != (n,) or how_often.dtype.kind not in "iuf":
        raise ValueError(f"counts is {how_often.dtype} {how_often.shape}; ({n},) numbers are expected")
    order = np.argsort(-how_often.astype(np.float64), kind="stable").astype(np.int32)
    frequent = order[~np.isin(order, chosen)][: k - wanted]
    return np.concatenate([frequent, chosen])


def _centred(moments: Moments, model: str | None) -> tuple[Float64, LinearHead, FactoredGram]:
    """Return means, head and covariance of the row-centred logits of a model with a head."""
    name, _ = pair_of(moments, model, None)
    if name not in moments.heads:
        raise ValueError(f"{name} has no head in these moments; give moments of hidden states with a head")
    centred = moments.as_row_centred()
    gram = centred.gram(name, "covariance")
    assert isinstance(gram, FactoredGram)  # noqa: S101  # of a head
    return centred.mean(name), centred.heads[name], gram
