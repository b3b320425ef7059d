"""Counts of what becomes of decisions when logits are replaced by predictions, over samples."""

from __future__ import annotations

import numpy as np

from covlasso._base.arrays import Bool, Float64, Int32, Int64
from covlasso.evidence.confusions import Confusions, PairCounts
from covlasso.evidence.network import Network, Rivals, beats
from covlasso.evidence.rates import Rates


class Replacing:
    """Running counts of one predictor; one entry per target where nothing else is said.

    With v the largest and w the second largest logit of a sample, of categories m and m', replacing logit i
    by y leaves all other logits alone, so the decision becomes i if y beats the largest of the *others*,
    which is v of m for i != m and w of m' for i = m; else it becomes that other category. So a sample needs
    one comparison per target, and what follows concerns the few pairs of sample and target where y is at
    least v, and those where i is the label or the decision. On a tie the lower category number is decided, as
    by ``numpy.argmax``.

    Parameters
    ----------
    network : Network
        The targets' network on the same samples.
    targets : (n_targets,) int array
        Categories whose logits are replaced.
    widths : (n_eps, n_targets) array
        Errors that count as small.
    """

    def __init__(self, network: Network, targets: Int32, widths: Float64):
        self._network, self._targets, self._widths = network, targets.astype(np.int64), widths
        n, categories = len(targets), len(network.place)
        self._support = network.rates(targets).support
        self._sorted = np.argsort(targets, kind="stable")
        self._in_order = bool((self._sorted == np.arange(n)).all())
        self.squares, self.own_squares = np.zeros(n), np.zeros(n)
        self.within = np.zeros((len(widths), n), dtype=np.int64)
        self.changed, self.gained = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        self._decided, self._hits = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        self._false_alarms, self._misses = PairCounts(n, categories), PairCounts(n, categories)
        self._all_decided = np.zeros(categories, dtype=np.int64)  # per category, as the next
        self._all_hits = np.zeros(categories, dtype=np.int64)

    def add(self, logit: Float64, predicted: Float64, part: Rivals) -> None:
        """Count some samples: logits and predictions of the targets, (n_targets, samples)."""
        self._count_errors(logit - predicted, part)
        self._count_one_at_a_time(predicted, part)
        self._count_all_at_once(predicted, part)

    @property
    def replaced(self) -> Rates:
        """Recall and the like of each target with its own logit replaced."""
        return Rates(self._support, self._decided, self._hits)

    @property
    def at_once(self) -> Rates:
        """Recall and the like of each target with the logits of all targets replaced."""
        return Rates(self._support, self._all_decided[self._targets], self._all_hits[self._targets])

    @property
    def at_once_correct(self) -> int:
        """Labelled samples decided as labelled with the logits of all targets replaced."""
        return int(self._all_hits.sum())

    @property
    def confusions(self) -> Confusions:
        """Wrong decisions, by target and category."""
        return Confusions(self._false_alarms.array(), self._misses.array())

    def _count_errors(self, error: Float64, part: Rivals) -> None:
        at, sample = self._network.labelled(part)
        np.add.at(self.own_squares, at, np.square(error[at, sample]))
        size = np.abs(error)
        for k, width in enumerate(self._widths):
            self.within[k] += _counted(size < width[:, np.newaxis])
        self.squares += np.square(error, out=size).sum(axis=1)

    def _count_one_at_a_time(self, predicted: Float64, part: Rivals) -> None:
        at, sample = _at_least(predicted, part.first_value)
        category = self._targets[at]
        higher = predicted[at, sample] > part.first_value[sample]
        wins = (higher | (category < part.first[sample])) & (category != part.first[sample])
        at, sample = at[wins], sample[wins]

        own, own_sample = self._network.decided(part)  # there the rival is the second largest
        keeps = beats(
            predicted[own, own_sample],
            part.first[own_sample],
            part.second_value[own_sample],
            part.second[own_sample],
        )
        lost, lost_sample = own[~keeps], own_sample[~keeps]
        self.changed += self._per_target(at) + self._per_target(lost)

        right = part.first == part.label
        gains = self._targets[at] == part.label[sample]
        found = part.second[lost_sample] == part.label[lost_sample]
        self.gained += self._per_target(at[gains]) - self._per_target(at[right[sample]])
        self.gained += self._per_target(lost[found]) - self._per_target(lost[right[lost_sample]])

        won = np.concatenate([at, own[keeps]]), np.concatenate([sample, own_sample[keeps]])
        self._count_won(*won, part)
        self._count_misses(predicted, part)

    def _count_won(self, at: Int64, sample: Int64, part: Rivals) -> None:
        """Count labelled samples that are decided as the target at a position."""
        label = part.label[sample]
        at, label = at[label >= 0], label[label >= 0]
        hit = self._targets[at] == label
        self._decided += self._per_target(at)
        self._hits += self._per_target(at[hit])
        self._false_alarms.add(at[~hit], label[~hit])

    def _count_misses(self, predicted: Float64, part: Rivals) -> None:
        """Count samples of a target by what they are decided as instead."""
        at, sample = self._network.labelled(part)
        label, first = part.label[sample], part.first[sample]
        rival = np.where(first == label, part.second[sample], first)
        value = np.where(first == label, part.second_value[sample], part.first_value[sample])
        missed = ~beats(predicted[at, sample], label, value, rival)
        self._misses.add(at[missed], rival[missed])

    def _count_all_at_once(self, predicted: Float64, part: Rivals) -> None:
        """Decide between the largest prediction and the largest logit that is no target."""
        value = predicted.max(axis=0)
        equal = predicted == value
        if not self._in_order:
            equal = equal[self._sorted]
        category = self._targets[self._sorted[equal.argmax(axis=0)]]
        decided = np.where(beats(value, category, part.rest_value, part.rest), category, part.rest)
        known = part.label >= 0
        self._all_decided += np.bincount(decided[known], minlength=len(self._all_decided))
        self._all_hits += np.bincount(decided[decided == part.label], minlength=len(self._all_hits))

    def _per_target(self, positions: Int64) -> Int64:
        return np.bincount(positions, minlength=len(self._targets))


def _at_least(values: Float64, bound: Float64) -> tuple[Int64, Int64]:
    """Places where values (n, samples) reach the bound of their sample."""
    return np.divmod(np.flatnonzero(values >= bound), values.shape[1])


def _counted(true: Bool) -> Int64:
    """Count along rows; up to 255 of them in a byte each, which is several times as fast."""
    narrow = true.shape[1] <= np.iinfo(np.uint8).max
    counts: Int64 = true.view(np.uint8).sum(axis=1, dtype=np.uint8 if narrow else np.int64).astype(np.int64)
    return counts
