"""Hidden states on disk, and which of them the moments were not found on."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from covlasso import SplitMoments
from covlasso.moments import read_keys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Files that every script reads."""
    parser.add_argument("moments", type=Path, help="moments with a held-out part, of a model with a head")
    beside = "by default what `extract --save-states` left beside the moments"
    parser.add_argument(
        "--states", type=Path, help=f".npy file, (samples, d): hidden states of all samples; {beside}"
    )
    parser.add_argument(
        "--next",
        type=Path,
        help="label file, (samples,): the token that follows each, -1 where there is none",
    )
    parser.add_argument(
        "--groups", type=Path, help="document of each, as the split has it: .npy file or lines"
    )
    parser.add_argument(
        "--samples", type=int, default=4096, help="held-out samples to judge by, 4096 by default"
    )


class HeldOut:
    """States and next tokens that are held out, and how often each token follows in the others."""

    def __init__(self, given: argparse.Namespace):
        self.moments = SplitMoments.load(given.moments)
        self.model = self.moments.fit.names[0]
        self.head = self.moments.fit.heads[self.model]
        states = np.load(given.states or beside(given.moments, "states.*.npy"), mmap_mode="r")
        following = np.load(given.next or beside(given.moments, "labels.npy"))
        groups = read_keys(given.groups or beside(given.moments, "keys.txt"))
        count = self.moments.fit.count + self.moments.held_out.count
        if not len(states) == len(following) == len(groups) == count:
            raise SystemExit(
                f"states, next tokens and documents have {len(states)}, {len(following)} and {len(groups)} "
                f"rows, and the moments are of {count} samples; give the files they are of"
            )
        outside = self.moments.held_out_rows(len(groups), groups)
        known = following >= 0
        self.counts = np.bincount(following[known & ~outside], minlength=self.head.categories)
        rows = np.flatnonzero(known & outside)
        if len(rows) > given.samples:
            rows = np.sort(np.random.default_rng(0).choice(rows, given.samples, replace=False))
        self.states, self.next = np.asarray(states[rows], dtype=np.float32), following[rows]


def beside(moments: Path, kind: str) -> Path:
    """Find the one file of a kind that was written beside the moments."""
    found = list(moments.parent.glob(f"{moments.stem}.{kind}"))
    if len(found) != 1:
        raise SystemExit(
            f"there are {len(found)} files {moments.stem}.{kind} beside {moments}; give --states, --next and "
            "--groups, or make the moments with `covlasso extract --save-states float16`"
        )
    return found[0]
