"""What a network itself does on some samples: its decisions, their rivals, and the scale of its logits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from covlasso._base.arrays import Array, Bool, Float64, Int32, Int64
from covlasso._base.progress import Report
from covlasso.evidence.rates import Rates
from covlasso.logits import Samples


class Rivals(NamedTuple):
    """Decisions of some samples, and what a replaced logit has to beat there; one entry per sample.

    Attributes
    ----------
    first, second : array
        Categories of the largest and the second largest logit.
    first_value, second_value : array
        These logits.
    rest, rest_value : array
        Category of the largest logit that is no target, and this logit; -1 and -inf where all are targets.
    label : array
        Labels, -1 where not known; where none were given, ``first``.
    """

    first: Int64
    first_value: Float64
    second: Int64
    second_value: Float64
    rest: Int64
    rest_value: Float64
    label: Int64

    def part(self, rows: slice) -> Rivals:
        """Return those of some of the samples."""
        return Rivals._make(values[rows] for values in self)


class Network:
    """The targets' network as it is, from a pass over all samples.

    Attributes
    ----------
    rivals : Rivals
        Of all samples, in order.
    mean, mean_square : (n_targets,) array
        E[f_i] and E[f_i^2] of the targets' logits.
    own_mean : (n_targets,) array
        Mean of a target's logit over the samples labelled with it; 0 where none is.
    place : (n_categories,) int array
        Position of each category among the targets, -1: not among them.
    """

    def __init__(self, samples: Samples, targets: Int32, report: Report):
        self.place = np.full(samples.categories, -1)
        self.place[targets] = np.arange(len(targets))
        total, square, own = (np.zeros(len(targets)) for _ in range(3))
        parts, done = [], 0
        for chunk in samples.chunks():
            part = self._rivals(chunk.target, chunk.label)
            logit = np.ascontiguousarray(chunk.target[:, targets].T)
            total += logit.sum(axis=1)
            square += np.square(logit).sum(axis=1)
            at, sample = self.labelled(part)
            np.add.at(own, at, logit[at, sample])
            parts.append(part)
            done += len(chunk.target)
            report(done, 2 * len(samples))
        self.rivals = Rivals._make(np.concatenate(one) for one in zip(*parts, strict=True))
        self._count_labels(samples.categories)
        self.mean, self.mean_square = total / len(samples), square / len(samples)
        self.own_mean = own / np.maximum(self._support[targets], 1)

    @property
    def n_labelled(self) -> int:
        """Samples that have a label."""
        return int(self._support.sum())

    @property
    def top1(self) -> float:
        """Share of the labelled samples that are decided as labelled."""
        return float(self._hits.sum() / self.n_labelled)

    def rates(self, targets: Int32) -> Rates:
        """Recall and the like of some categories."""
        return Rates(self._support[targets], self._decided[targets], self._hits[targets])

    def labelled(self, part: Rivals) -> tuple[Int64, Int64]:
        """Positions of targets that samples are labelled with, and these samples."""
        known = np.flatnonzero(part.label >= 0)
        at = self.place[part.label[known]]
        return at[at >= 0], known[at >= 0]

    def decided(self, part: Rivals) -> tuple[Int64, Int64]:
        """Positions of targets that samples are decided as, and these samples."""
        at = self.place[part.first]
        sample = np.flatnonzero(at >= 0)
        return at[sample], sample

    def _rivals(self, logits: Float64, label: Int64 | None) -> Rivals:
        sample = np.arange(len(logits))
        first = logits.argmax(axis=1)
        top = logits[sample, first].copy()
        logits[sample, first] = -np.inf
        second = logits.argmax(axis=1)
        runner_up = logits[sample, second]
        logits[sample, first] = top
        rest, rest_value = np.full(len(logits), -1), np.full(len(logits), -np.inf)
        others = np.flatnonzero(self.place < 0)
        if len(others):
            kept = logits[:, others]
            column = kept.argmax(axis=1)
            rest, rest_value = others[column], kept[sample, column]
        return Rivals(first, top, second, runner_up, rest, rest_value, first if label is None else label)

    def _count_labels(self, categories: int) -> None:
        label, first = self.rivals.label, self.rivals.first
        known = label >= 0
        self._support = np.bincount(label[known], minlength=categories)
        self._decided = np.bincount(first[known], minlength=categories)
        self._hits = np.bincount(label[known & (first == label)], minlength=categories)


def beats(value: Float64, category: Array, rival_value: Float64, rival: Array) -> Bool:
    """Whether a logit is decided over its largest rival: larger, or equal with the lower number."""
    result: Bool = (value > rival_value) | ((value == rival_value) & (category < rival))
    return result
