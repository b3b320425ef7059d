"""Single samples on which equations hold, and on which they fail worst."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from covlasso._base.arrays import Bool, Float64, Int32, Int64
from covlasso._base.progress import Report
from covlasso.evidence.prediction import Predictor
from covlasso.logits import Samples


@dataclass(frozen=True, eq=False)
class Listed:
    """Some samples of every target, the first the one that fits best; arrays are (n_targets, k).

    Attributes
    ----------
    sample : int64 array
        Position among the samples looked at; -1 where there are fewer than k.
    logit, predicted : float64 array
        The target's logit, and what its equation says; NaN where there is no sample.
    decided : bool array
        Whether another category wins when the prediction takes the place of the logit.
    """

    sample: Int64
    logit: Float64
    predicted: Float64
    decided: Bool


@dataclass(frozen=True, eq=False)
class SingleSamples:
    """What `single_samples` found.

    Attributes
    ----------
    holds : Listed
        Of the samples of the target's own class the smallest |logit - prediction|.
    fails : Listed
        Of all samples the largest.
    decision : (samples,) int64 array
        Category of the largest logit of every sample.
    label : (samples,) int64 array, or None
        Labels, where they are given: classes are by these, else by decisions.
    """

    holds: Listed
    fails: Listed
    decision: Int64
    label: Int64 | None


def single_samples(
    predictor: Predictor, targets: Int32, samples: Samples, k: int, progress: Report | None = None
) -> SingleSamples:
    """List for every target ``k`` samples of its class that its equation fits best, and ``k`` it fits worst.

    One pass over the logits; what is held is 2 k samples per target.

    Parameters
    ----------
    predictor : Predictor
        Of the targets' logits.
    targets : (n_targets,) int32 array
        Their categories.
    samples : Samples
        Logits of both networks.
    k : int
        Samples listed.
    progress : callable, optional
        Called as progress(samples done, samples in all).
    """
    holds, fails = _Best(len(targets), k), _Best(len(targets), k)
    decisions, labels = [], []
    done = 0
    for chunk in samples.chunks():
        decision = chunk.target.argmax(axis=1)
        label = decision if chunk.label is None else chunk.label
        logit = np.ascontiguousarray(chunk.target[:, targets].T)
        predicted = predictor.of(np.ascontiguousarray(chunk.source.T), label)
        changed = _changed(chunk.target, decision, targets, predicted)
        error = np.abs(logit - predicted)
        own = label == targets[:, np.newaxis]
        holds.add(done, np.where(own, error, np.inf), logit, predicted, changed)
        fails.add(done, -error, logit, predicted, changed)
        decisions.append(decision)
        labels.append(label)
        done += len(decision)
        if progress is not None:
            progress(done, len(samples))
    return SingleSamples(
        holds.listed(),
        fails.listed(),
        np.concatenate(decisions).astype(np.int64),
        np.concatenate(labels).astype(np.int64) if samples.labelled else None,
    )


def _changed(logits: Float64, decision: Int64, targets: Int32, predicted: Float64) -> Bool:
    """Whether the category of the largest logit is another with the prediction in the place of logit i.

    Where i wins, the prediction is beside the second largest; else beside the largest. Of equal ones the
    first wins.
    """
    rows = np.arange(len(logits))
    rest = logits.copy()
    rest[rows, decision] = -np.inf
    second = rest.argmax(axis=1)
    own = decision == targets[:, np.newaxis]
    rival = np.where(own, second, decision)
    value = logits[rows, rival]
    i_wins = (predicted > value) | ((predicted == value) & (targets[:, np.newaxis] < rival))
    return np.asarray(i_wins != own)


class _Best:
    """The samples with the smallest score, per target, in the order of their scores."""

    def __init__(self, n_targets: int, k: int):
        self._k = k
        self._score = np.full((n_targets, k), np.inf)
        self._sample = np.full((n_targets, k), -1, dtype=np.int64)
        self._parts = [
            np.full((n_targets, k), np.nan),
            np.full((n_targets, k), np.nan),
            np.zeros((n_targets, k)),
        ]

    def add(self, first: int, score: Float64, *parts: Float64 | Bool) -> None:
        """Take the samples from number ``first`` on, (n_targets, count) each."""
        better = np.flatnonzero((score < self._score[:, -1:]).any(axis=1))
        if len(better) == 0:
            return
        number = np.broadcast_to(np.arange(first, first + score.shape[1]), score.shape)
        joined = np.concatenate([self._score[better], score[better]], axis=1)
        order = np.argsort(joined, axis=1, kind="stable")[:, : self._k]
        self._score[better] = np.take_along_axis(joined, order, axis=1)
        for held, new in zip((self._sample, *self._parts), (number, *parts), strict=True):
            both = np.concatenate([held[better], new[better]], axis=1)
            held[better] = np.take_along_axis(both, order, axis=1)

    def listed(self) -> Listed:
        """Return them."""
        there = np.isfinite(self._score)
        logit, predicted, changed = self._parts
        return Listed(
            np.where(there, self._sample, -1),
            np.where(there, logit, np.nan),
            np.where(there, predicted, np.nan),
            there & (changed > 0.0),
        )
