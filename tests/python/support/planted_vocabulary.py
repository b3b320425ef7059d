"""A vocabulary with known kinds of tokens: a head with planted rows, and states in two halves."""

import numpy as np

from covlasso import Accumulator, LinearHead, Moments, Split, SplitMoments

TOKENS, WIDTH, SAMPLES = 60, 24, 4000
UNTRAINED = [3, 4, 5, 17]  # one row but for noise
COPY, ORIGINAL = 40, 41
SUM, PARTS = 50, (51, 52)
BYTES = {8: "<0xE2>", 9: "<0x80><0x99>"}


def head():
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(TOKENS, WIDTH))
    weight[UNTRAINED] = 2.0 * rng.normal(size=WIDTH) + 1e-3 * rng.normal(size=(len(UNTRAINED), WIDTH))
    weight -= weight.mean(axis=0)  # so that sums stay sums in logits less their mean
    weight[COPY] = 0.5 * weight[ORIGINAL]
    weight[SUM] = weight[PARTS[0]] - 0.7 * weight[PARTS[1]]
    return weight


def states(seed=1, samples=SAMPLES):
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(2).normal(size=(WIDTH, WIDTH))
    return rng.normal(size=(samples, WIDTH)) @ mixing / np.sqrt(WIDTH) + 0.3


def names():
    return [BYTES.get(i, f"token{i}") for i in range(TOKENS)]


def split_moments(weight=None):
    weight = head() if weight is None else weight
    halves = []
    for seed in (1, 2):
        half = Moments(["model"], names(), heads={"model": LinearHead(weight)})
        half.update({"model": states(seed)})
        halves.append(half)
    return SplitMoments(*halves)


def words():
    """Words with their blank, and the letters that they are made of."""
    letters = "abcdefghij"
    longer = [f" {a}{b}token" for a in letters for b in letters]
    return [" ", *letters, *longer][:TOKENS]


def grouped_moments(groups, called):
    """Moments of ``states(1)``, divided by groups."""
    parts = Accumulator(
        ["model"], called, heads={"model": LinearHead(head())}, split=Split(0.5, groups="documents")
    )
    parts.update({"model": states(1, len(groups))}, keys=[str(group) for group in groups.tolist()])
    return parts.result()
