"""Hidden states on disk, and which of them the moments were not found on."""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt

from covlasso import SplitMoments

Array = npt.NDArray[np.generic]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files that every script reads."""
    parser.add_argument("moments", help="file of moments with a held-out part, of a model with a head")
    parser.add_argument("states", help=".npy file, (samples, d): the hidden states that they are of")
    parser.add_argument(
        "next", help=".npy file, (samples,): the token that follows each, -1 where there is none"
    )
    parser.add_argument("groups", help=".npy file, (samples,): the document of each, as the split has it")
    parser.add_argument(
        "--samples", type=int, default=4096, help="held-out samples to judge by, 4096 by default"
    )


class HeldOut:
    """States and next tokens that are held out, and how often each token follows in the others."""

    def __init__(self, given: argparse.Namespace):
        self.moments = SplitMoments.load(given.moments)
        self.model = self.moments.fit.names[0]
        self.head = self.moments.fit.heads[self.model]
        states = np.load(given.states, mmap_mode="r")
        following, groups = np.load(given.next), np.load(given.groups)
        count = self.moments.fit.count + self.moments.held_out.count
        if not len(states) == len(following) == len(groups) == count:
            raise SystemExit(
                f"{given.states}, {given.next} and {given.groups} have {len(states)}, {len(following)} and "
                f"{len(groups)} rows, and the moments are of {count} samples; give the files they are of"
            )
        outside = self.moments.held_out_rows(len(groups), [str(group) for group in groups.tolist()])
        known = following >= 0
        self.counts = np.bincount(following[known & ~outside], minlength=self.head.categories)
        rows = np.flatnonzero(known & outside)
        if len(rows) > given.samples:
            rows = np.sort(np.random.default_rng(0).choice(rows, given.samples, replace=False))
        self.states, self.next = np.asarray(states[rows]), following[rows]
