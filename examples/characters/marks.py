"""A planted shortcut: behind the ink a ground that in training goes with a pair of categories."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.ndimage
from fonts import SIZE
from pictures import Pictures, Set

AGREE = 0.95  # share of the training pictures that carry the mark of their own pair
HEIGHT = 96.0  # of 255: a ground goes from 0 to this; ink covers it
GRAIN = 3.0  # pixels: the Gaussian that smooths it
SHIFT, FAINTEST = 2, 0.7  # pixels it is moved by in either direction at most; its least contrast

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Marks:
    """Pairs of categories, and the mark of each.

    Attributes
    ----------
    pair : (n,) int64 array
        Number of the pair of each category.
    partner : (n,) int64 array
        The other category of its pair.
    grounds : (n / 2, SIZE, SIZE) array
        Mark of each pair.
    """

    pair: Int64
    partner: Int64
    grounds: npt.NDArray[np.float64]

    @classmethod
    def draw(cls, categories: int, seed: int) -> Marks:
        """Draw pairs and grounds.

        Raises
        ------
        ValueError
            The number of categories is odd, or below 4.
        """
        if categories % 2 or categories < 4:
            raise ValueError(f"{categories} categories cannot be paired; an even number from 4 is expected")
        rng = np.random.default_rng([seed, 1])
        order = rng.permutation(categories)
        pair, partner = np.empty((2, categories), dtype=np.int64)
        pair[order] = np.arange(categories) // 2
        partner[order] = order.reshape(-1, 2)[:, ::-1].ravel()
        rough = rng.normal(size=(categories // 2, SIZE, SIZE))
        ground = scipy.ndimage.gaussian_filter(rough, (0.0, GRAIN, GRAIN), mode="wrap")
        low, high = ground.min(axis=(1, 2), keepdims=True), ground.max(axis=(1, 2), keepdims=True)
        return cls(pair, partner, HEIGHT * (ground - low) / (high - low))

    def own(self, labels: Int64) -> Int64:
        """Mark of the pair of each label."""
        return self.pair[labels]

    def other(self, labels: Int64, rng: np.random.Generator) -> Int64:
        """Mark of another pair, all alike likely."""
        count = len(self.grounds)
        return (self.own(labels) + rng.integers(1, count, len(labels))) % count

    def free(self, labels: Int64, rng: np.random.Generator) -> Int64:
        """Any mark, whatever the label."""
        return rng.integers(0, len(self.grounds), len(labels))

    def put(self, base: Set, marks: Int64, rng: np.random.Generator) -> Set:
        """Put a mark behind the ink of every picture, a little moved and paler each time."""
        shifts = rng.integers(-SHIFT, SHIFT + 1, (len(base), 2))
        contrast = rng.uniform(FAINTEST, 1.0, len(base))
        grounds = (
            c * np.roll(self.grounds[mark], tuple(shift), axis=(0, 1))
            for mark, shift, c in zip(marks, shifts, contrast, strict=True)
        )
        pairs = zip(base.pictures, grounds, strict=True)
        marked = [np.rint(np.maximum(picture, ground)) for picture, ground in pairs]
        return Set(np.array(marked, dtype=np.uint8), base.labels, base.faces)


@dataclass(frozen=True)
class Groups:
    """Every picture of a set twice.

    Attributes
    ----------
    agree, disagree : Set
        With the mark of its own pair; with that of another.
    other : (k,) int64 array
        The marks of ``disagree``.
    """

    agree: Set
    disagree: Set
    other: Int64


class Marked:
    """The pictures of a run with their marks.

    Parameters
    ----------
    pictures : Pictures
        Without marks.
    seed : int
        Of pairs, grounds and of who carries which.

    Attributes
    ----------
    marks : Marks
        Pairs and grounds.
    agrees : (k,) bool array
        Which pictures of `train` carry the mark of their own pair.
    """

    def __init__(self, pictures: Pictures, seed: int):
        self.marks = Marks.draw(len(pictures.names), seed)
        self._pictures, self._seed = pictures, seed
        self.agrees = self._rng("agrees").random(len(pictures.set("train"))) < AGREE

    @cached_property
    def train(self) -> Set:
        """Training pictures: `AGREE` of them with the mark of their own pair, the others with another."""
        base, rng = self._pictures.set("train"), self._rng("train")
        marks = np.where(self.agrees, self.marks.own(base.labels), self.marks.other(base.labels, rng))
        return self.marks.put(base, marks, rng)

    @cached_property
    def weights(self) -> npt.NDArray[np.float32]:
        """Weights of the training pictures with which both groups count alike; their mean is 1."""
        share = np.where(self.agrees, self.agrees.mean(), 1.0 - self.agrees.mean())
        return (0.5 / share).astype(np.float32)

    def free(self, name: str, draw: int = 0) -> Set:
        """Pictures of a set with marks that are independent of the category; another ``draw``, others."""
        base, rng = self._pictures.set(name), self._rng(f"free {name} {draw}")
        return self.marks.put(base, self.marks.free(base.labels, rng), rng)

    def groups(self, name: str) -> Groups:
        """Make both groups of a set."""
        base, rng = self._pictures.set(name), self._rng(f"groups {name}")
        own, other = self.marks.own(base.labels), self.marks.other(base.labels, rng)
        return Groups(self.marks.put(base, own, rng), self.marks.put(base, other, rng), other)

    def _rng(self, use: str) -> np.random.Generator:
        return np.random.default_rng([self._seed, *use.encode()])
