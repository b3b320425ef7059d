"""How far another head agrees with the full one on text that nothing was fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Array, Float64, Floats, Int64
from covlasso._base.checks import check_count, check_labels, check_logits
from covlasso._base.progress import Report
from covlasso.moments import LinearHead


class GivesLogits(Protocol):
    """A `SmallHead`, or whatever gives logits of states."""

    def logits(self, states: Floats) -> Floats:
        """Logits (samples, n) of states (samples, d)."""


@dataclass(frozen=True, eq=False, repr=False)
class Agreement:
    """How a head's logits g stand beside the full head's f; arrays have one entry per sample.

    Attributes
    ----------
    rank : int array
        Rank of the full head's top token among g: 1 where both have the same one; of equal logits the larger.
    kl : array
        Divergence sum_i p_i log(p_i / q_i) of p = softmax(f) from q = softmax(g), in nats.
    cross_entropy, full_cross_entropy : array
        -log q and -log p of the next token, NaN where it is not known.
    """

    rank: Int64
    kl: Float64
    cross_entropy: Float64
    full_cross_entropy: Float64

    def within(self, m: int = 1) -> float:
        """Share of samples on which the full head's top token is among the m largest of g."""
        return float(np.mean(self.rank <= check_count(m, "m")))

    def __repr__(self) -> str:
        """Say the means."""
        said = f"{len(self.rank)} samples, same top token {self.within(1):.3f}, KL {self.kl.mean():.3f}"
        if np.isfinite(self.cross_entropy).any():
            said += (
                f", cross-entropy {np.nanmean(self.cross_entropy):.3f} "
                f"(full head {np.nanmean(self.full_cross_entropy):.3f})"
            )
        return f"Agreement({said})"


def agreement(
    head: LinearHead,
    others: Mapping[str, GivesLogits],
    states: Floats,
    next_tokens: npt.ArrayLike | None = None,
    *,
    block: int = 256,
    progress: Report | None = None,
) -> dict[str, Agreement]:
    """Compare heads with the full one on held-out states, in one pass over them.

    Parameters
    ----------
    head : LinearHead
        The full head, n tokens.
    others : mapping from str to heads
        `SmallHead`, or anything with ``logits(states)`` of (samples, n).
    states : (samples, d) float array
        Held-out hidden states; may be memory-mapped.
    next_tokens : (samples,) int array, optional
        The token that follows, -1 where not known.
    block : int, default 256
        Samples at a time: ``block`` x n logits of each head are in memory.
    progress : callable, optional
        Called as progress(done, total) after each block.

    Returns
    -------
    dict from str to Agreement

    Raises
    ------
    TypeError, ValueError
        States have another width or an entry that is not finite, or a next token is no token.
    """
    if states.ndim != 2 or states.shape[1] != head.features or len(states) == 0:
        raise ValueError(f"states have shape {states.shape}; (samples, {head.features}) is expected")
    check_count(block, "block")
    labels = np.full(len(states), -1) if next_tokens is None else next_tokens
    labels = check_labels(labels, len(states), {"head": head.categories})
    parts: dict[str, list[Agreement]] = {name: [] for name in others}
    kind = np.result_type(states.dtype, np.float32)
    weight = head.weight.astype(kind)
    for start in range(0, len(states), block):
        h = np.asarray(states[start : start + block])
        check_logits(h, "states have", start)
        full = h.astype(kind) @ weight.T
        if head.bias is not None:
            full += head.bias.astype(kind)
        top, log_p = full.argmax(axis=1), _log_softmax(full)
        for name, other in others.items():
            parts[name].append(_one(log_p, top, other.logits(h), labels[start : start + block]))
        if progress is not None:
            progress(min(start + block, len(states)), len(states))
    return {name: _joined(found) for name, found in parts.items()}


def _one(log_p: Floats, top: Int64, logits: Floats, labels: Int64) -> Agreement:
    if logits.shape != log_p.shape:
        raise ValueError(f"a head gives logits {logits.shape}; {log_p.shape} is expected")
    rows = np.arange(len(top))
    rank = 1 + np.count_nonzero(logits > logits[rows, top][:, np.newaxis], axis=1)
    log_q = _log_softmax(logits)
    kl = np.einsum("sn,sn->s", np.exp(log_p), log_p - log_q).astype(np.float64)
    known = labels >= 0
    entropy = [np.where(known, -log[rows, labels], np.nan).astype(np.float64) for log in (log_q, log_p)]
    return Agreement(rank, np.maximum(kl, 0.0), *entropy)


def _log_softmax(logits: Floats) -> Floats:
    less: Floats = logits - logits.max(axis=1, keepdims=True)
    less -= np.log(np.exp(less).sum(axis=1, keepdims=True, dtype=np.float64)).astype(less.dtype)
    return less


def _joined(parts: list[Agreement]) -> Agreement:
    def all_of(name: str) -> Array:
        return np.concatenate([getattr(part, name) for part in parts])

    return Agreement(*map(all_of, ("rank", "kl", "cross_entropy", "full_cross_entropy")))
