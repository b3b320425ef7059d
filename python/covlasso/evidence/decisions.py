"""What becomes of a network's decisions when one logit at a time is replaced by its dependency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Bool, Float64, Int32, Int64
from covlasso._base.checks import check_vector
from covlasso._base.progress import Report
from covlasso.logits import Samples

EPS = (0.1, 0.2, 0.5, 1.0)
PER_TARGET = (
    "error",
    "r2",
    "changed",
    "replaced_top1",
    "precision",
    "replaced_precision",
    "recall",
    "replaced_recall",
    "support",
)


@dataclass(frozen=True, eq=False, repr=False)
class Decisions:
    """Tails of the error and decisions, per target; made by `covlasso.evaluate` from logits.

    Top-1 hardly moves whatever the equations are, since one category of many decides few samples: recall and
    precision of the category that is replaced tell more.

    Attributes
    ----------
    count : int
        Number of samples.
    n_labelled : int
        Number of samples that count for precision, recall and top-1.
    own_labels : bool
        No labels were given: the label of a sample is the network's own decision, and the figures say how far
        replaced logits *agree* with it.
    error, r2 : (n_targets,) arrays
        E[r^2] of the residual r on these samples, and 1 - E[r^2] / E[f_i^2], not centred.
    eps : (k,) array
        Thresholds, in units of the logit's root mean square on these samples.
    within : (k, n_targets) array
        P(|f_i - prediction| < eps_k rms_i).
    markov : (k, n_targets) array
        Lower bound of ``within`` from the error alone, max(0, 1 - err_i / (eps_k rms_i)^2): Markov's
        inequality for the squared error.
    changed : (n_targets,) array
        Share of all samples whose decision changes when logit i is replaced.
    top1, replaced_top1 : float, (n_targets,) array
        Share of labelled samples that are decided as labelled.
    precision, replaced_precision : (n_targets,) array
        Of the labelled samples decided as i, the share labelled i; NaN where none is.
    recall, replaced_recall : (n_targets,) array
        Of the samples labelled i, the share decided as i; NaN where none is.
    support : (n_targets,) array
        Number of samples labelled i.
    """

    count: int
    n_labelled: int
    own_labels: bool
    error: Float64
    r2: Float64
    eps: Float64
    within: Float64
    markov: Float64
    changed: Float64
    top1: float
    replaced_top1: Float64
    precision: Float64
    replaced_precision: Float64
    recall: Float64
    replaced_recall: Float64
    support: Int64

    def columns(self) -> dict[str, Any]:
        """Every figure per target by name; ``within_0.5`` and ``markov_0.5`` belong to eps = 0.5."""
        tails = {
            f"{name}_{eps:g}": row
            for name in ("within", "markov")
            for eps, row in zip(self.eps, getattr(self, name), strict=True)
        }
        return {name: getattr(self, name) for name in PER_TARGET} | tails

    def __repr__(self) -> str:
        """Say how many samples there are, and top-1 before and after."""
        labels = "own decisions as labels" if self.own_labels else f"{self.n_labelled} labelled"
        return (
            f"Decisions({self.count} samples, {labels}, top-1 {self.top1:.4f}, replaced: "
            f"median {np.median(self.replaced_top1):.4f}, least {self.replaced_top1.min():.4f})"
        )


class _Counts:
    """Running counts over samples, one entry per target where nothing else is said."""

    def __init__(self, n_targets: int, n_eps: int, n_categories: int):
        self.within = np.zeros((n_eps, n_targets), dtype=np.int64)
        self.squares = np.zeros(n_targets)
        self.changed = np.zeros(n_targets, dtype=np.int64)
        self.replaced_correct = np.zeros(n_targets, dtype=np.int64)
        self.replaced_decided = np.zeros(n_targets, dtype=np.int64)
        self.replaced_hits = np.zeros(n_targets, dtype=np.int64)
        self.decided = np.zeros(n_categories, dtype=np.int64)  # per category, as are the next two
        self.hits = np.zeros(n_categories, dtype=np.int64)
        self.labelled = np.zeros(n_categories, dtype=np.int64)


def decisions(
    coef: scipy.sparse.csr_array,
    intercept: Float64,
    targets: Int32,
    samples: Samples,
    eps: Float64,
    progress: Report | None = None,
) -> Decisions:
    """Replace each target's logit by intercept + b'g, one target at a time, over all samples.

    One pass for all targets. With v the largest and w the second largest logit of a sample, of categories m
    and m', replacing logit i by y leaves all other logits alone, so the decision becomes i if y beats the
    largest of the *others*, which is v of m for i != m and w of m' for i = m; else it becomes that other
    category. So a sample needs one comparison per target. On a tie the lower category number is decided, as
    by ``numpy.argmax``.

    Report is called as progress(samples done, 2 samples in all): the root mean squares come from a pass of
    their own.
    """
    total = len(samples)
    report = progress or (lambda _done, _total: None)
    mean_square = _mean_square(samples, targets, report)
    widths = np.outer(eps, np.sqrt(mean_square))
    counts = _Counts(len(targets), len(widths), samples.categories)
    done = total
    for chunk in samples.chunks():
        predicted = np.ascontiguousarray((coef @ np.ascontiguousarray(chunk.source.T)).T)
        predicted += intercept
        _count_tails(counts, chunk.target[:, targets] - predicted, widths)
        _count_decisions(counts, chunk.target, predicted, targets, chunk.label)
        done += len(chunk.target)
        report(done, 2 * total)
    return _result(counts, samples, targets, eps, mean_square)


def checked_eps(eps: Sequence[float]) -> Float64:
    """Positive finite numbers, at least one."""
    values = check_vector(eps, "eps", len(eps))
    if len(values) == 0 or not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"eps is {list(eps)}; at least one finite number above 0 is expected")
    return values


def _mean_square(samples: Samples, targets: Int32, report: Report) -> Float64:
    """Make the first of the two passes."""
    total, done = np.zeros(len(targets)), 0
    for chunk in samples.chunks():
        total += np.square(chunk.target[:, targets]).sum(axis=0)
        done += len(chunk.target)
        report(done, 2 * len(samples))
    return total / len(samples)


def _count_tails(counts: _Counts, error: Float64, widths: Float64) -> None:
    counts.squares += np.square(error).sum(axis=0)
    size = np.abs(error)
    for k, width in enumerate(widths):
        counts.within[k] += np.count_nonzero(size < width, axis=0)


def _count_decisions(
    counts: _Counts, logits: Float64, predicted: Float64, targets: Int32, label: Int64 | None
) -> None:
    """Count a chunk: ``wins[x, t]`` says whether sample x is decided as targets[t] after replacing it."""
    first, second = _two_largest(logits)
    sample = np.arange(len(logits))
    place = np.full(logits.shape[1], -1)
    place[targets] = np.arange(len(targets))
    own = np.flatnonzero(place[first] >= 0)  # samples whose decision is a target: there the rival is second
    own_target = place[first[own]]

    wins = _beats(predicted, targets, logits[sample, first][:, np.newaxis], first[:, np.newaxis])
    wins[own, own_target] = _beats(
        predicted[own, own_target], first[own], logits[own, second[own]], second[own]
    )
    moved = wins.sum(axis=0)
    counts.changed += moved
    kept = np.bincount(own_target, wins[own, own_target], len(targets)).astype(np.int64)
    counts.changed += np.bincount(own_target, minlength=len(targets)) - 2 * kept

    label = first if label is None else label
    known = label >= 0
    if not known.all():
        wins, first, second, label = wins[known], first[known], second[known], label[known]
        own = np.flatnonzero(place[first] >= 0)
        own_target = place[first[own]]
    _count_labels(counts, wins, first, second, label, place)


def _count_labels(
    counts: _Counts, wins: Bool, first: Int64, second: Int64, label: Int64, place: Int64
) -> None:
    """Count labelled samples decided as i, decided rightly as i, and decided rightly as anything."""
    categories, n_targets = len(place), wins.shape[1]
    right = first == label
    counts.decided += np.bincount(first, minlength=categories)
    counts.labelled += np.bincount(label, minlength=categories)
    counts.hits += np.bincount(label[right], minlength=categories)

    at_label = np.flatnonzero(place[label] >= 0)
    label_target = place[label[at_label]]
    hits = np.bincount(label_target, wins[at_label, label_target], n_targets).astype(np.int64)
    counts.replaced_decided += wins.sum(axis=0)
    counts.replaced_hits += hits

    # Decided as labelled: by winning as the label itself, or by losing to a rival that is the label. The
    # rival is `first`, but `second` where i is `first`.
    own = np.flatnonzero(place[first] >= 0)
    own_target = place[first[own]]
    lost = ~wins[own, own_target]
    loses_to_first = np.count_nonzero(~wins[right], axis=0)
    loses_to_first -= np.bincount(own_target, lost & right[own], n_targets).astype(np.int64)
    loses_to_second = np.bincount(own_target, lost & (second == label)[own], n_targets).astype(np.int64)
    counts.replaced_correct += hits + loses_to_first + loses_to_second


def _two_largest(logits: Float64) -> tuple[Int64, Int64]:
    """Categories of the largest and of the second largest logit; of equal ones the lower number first."""
    sample = np.arange(len(logits))
    first = logits.argmax(axis=1)
    top = logits[sample, first].copy()
    logits[sample, first] = -np.inf
    second = logits.argmax(axis=1)
    logits[sample, first] = top
    return first, second


def _beats(value: Float64, category: Any, rival_value: Float64, rival: Int64) -> Bool:
    """Whether a logit is decided over its largest rival: larger, or equal with the lower number."""
    result: Bool = (value > rival_value) | ((value == rival_value) & (category < rival))
    return result


def _result(
    counts: _Counts, samples: Samples, targets: Int32, eps: Float64, mean_square: Float64
) -> Decisions:
    n = len(samples)
    labelled = int(counts.labelled.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        share = counts.squares / n / mean_square
        return Decisions(
            count=n,
            n_labelled=labelled,
            own_labels=not samples.labelled,
            error=counts.squares / n,
            r2=1.0 - share,
            eps=eps,
            within=counts.within / n,
            markov=np.maximum(0.0, 1.0 - share / eps[:, np.newaxis] ** 2),
            changed=counts.changed / n,
            top1=float(counts.hits.sum() / labelled),
            replaced_top1=counts.replaced_correct / labelled,
            precision=(counts.hits / counts.decided)[targets],
            replaced_precision=counts.replaced_hits / counts.replaced_decided,
            recall=(counts.hits / counts.labelled)[targets],
            replaced_recall=counts.replaced_hits / counts.labelled[targets],
            support=counts.labelled[targets],
        )
