"""Moments of a split sample, batch by batch, with a state that can be saved and restored."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso.moments.class_sums import Classes
from covlasso.moments.files import MomentFile, save_moments
from covlasso.moments.heads import LinearHead
from covlasso.moments.moments import Moments
from covlasso.moments.parts import merged
from covlasso.moments.split import Split
from covlasso.moments.split_moments import SplitMoments

_KIND = "Accumulator"
_CALLER = "caller"  # tensor of a state with the JSON of what the caller needs


class Accumulator:
    """Sends every sample of a batch to its part of the split.

    Parameters
    ----------
    names, class_names, heads
        As of `Moments`.
    split : Split
        How samples are divided.
    classes : {"labels", "decisions"}, optional
        As of `Moments`.
    row_centred : bool, default False
        As of `Moments`.

    Attributes
    ----------
    split : Split
        How samples are divided.
    """

    def __init__(
        self,
        names: Sequence[str],
        class_names: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
        heads: Mapping[str, LinearHead] | None = None,
        split: Split | None = None,
        classes: Classes | None = None,
        row_centred: bool = False,
    ):
        self.split = split or Split()
        self._skipped = 0
        self._parts = {
            part: Moments(names, class_names, heads, classes, row_centred) for part in self.split.parts
        }

    @property
    def count(self) -> int:
        """Number of samples seen."""
        return sum(moments.count for moments in self._parts.values())

    @property
    def skipped(self) -> int:
        """Number of samples that the caller could not read; kept in the result."""
        return self._skipped

    @property
    def classes(self) -> Classes | None:
        """What the classes of samples are, as of `Moments`."""
        return next(iter(self._parts.values())).classes

    def update(
        self, batch: Mapping[str, npt.ArrayLike], keys: Sequence[str], labels: npt.ArrayLike | None = None
    ) -> None:
        """Add a batch of samples; on any error nothing is added.

        Parameters
        ----------
        batch : mapping from model name to (k, n) array
            As `Moments.update` takes it.
        keys : sequence of k str
            What each sample is cut from.
        labels : (k,) integers
            As `Moments.update` takes them.

        Raises
        ------
        TypeError, ValueError
            As of `Moments.update`; or there are more or fewer keys than rows.
        """
        first, *others = self._parts.values()
        arrays = first._checked(batch)
        for moments in others:  # the first part may not know the numbers of columns yet
            moments._check_columns(arrays)
        known = first._checked_labels(labels, arrays)
        length = len(next(iter(arrays.values())))
        if len(keys) != length:
            raise ValueError(f"there are {len(keys)} keys for {length} samples; give one key per row")
        place = self.split.part(keys)
        for k, moments in enumerate(self._parts.values()):
            chosen = np.flatnonzero(place == k)
            own = None if known is None else known[chosen]
            moments._append({name: rows[chosen] for name, rows in arrays.items()}, own)

    @property
    def parts(self) -> Mapping[str, Moments]:
        """Moments of the samples so far, by the name of their part; a part may be empty."""
        return dict(self._parts)

    def merge(self, parts: Mapping[str, Moments]) -> None:
        """Add samples whose moments were accumulated elsewhere: on a device, or by another rank.

        Raises
        ------
        ValueError
            A part is not of this split, or its models are others.
        """
        unknown = set(parts) - set(self._parts)
        if unknown:
            raise ValueError(f"there is no part {unknown.pop()!r}; the parts are {list(self._parts)}")
        for part, moments in parts.items():
            self._parts[part] += moments

    def skip(self, count: int) -> None:
        """Count samples that could not be read."""
        self._skipped += count

    def result(self) -> SplitMoments:
        """Moments of all samples so far.

        Raises
        ------
        ValueError
            A part has no sample.
        """
        parts = {part: moments.copy() for part, moments in self._parts.items()}
        held_out = parts.pop("held_out", None)
        folds = tuple(parts.values()) if self.split.folds else ()
        fit = merged(folds) if folds else parts["fit"]
        return SplitMoments(fit, held_out, folds, self.split, self._skipped)

    def save_state(self, path: str | os.PathLike[str], **header: Any) -> None:
        """Write all there is to a safetensors file, atomically; `load_state` goes on with the same bits.

        Parameters
        ----------
        path
            The file.
        **header
            What else the caller needs to go on, as JSON values of any length.
        """
        first = next(iter(self._parts.values()))
        parts = {part: moments._sums for part, moments in self._parts.items() if moments._sums is not None}
        common = {"split": self.split.as_dict(), "skipped": self._skipped}
        caller = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)  # a header may not be as long
        kept = {_CALLER: caller}
        save_moments(
            path, first.names, first.class_names, first.heads, self.classes, parts, common, _KIND, kept,
            row_centred=first.row_centred,
        )  # fmt: skip

    @classmethod
    def load_state(cls, path: str | os.PathLike[str]) -> tuple[Accumulator, dict[str, Any]]:
        """Read a file of `save_state`: the accumulator, and what the caller had given.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError
            The file is truncated, foreign, or of a newer version; the message names it.
        """
        file = MomentFile(path, _KIND)
        with file.explained():
            split = Split(**file.stored.field("split", dict))
            accumulator = cls(file.names, file.class_names, file.heads, split, file.classes, file.row_centred)
        for part in file.counts:
            if part not in accumulator._parts:
                raise file.stored.error(f"part {part!r} is none of {list(accumulator._parts)}")
            accumulator._parts[part] = Moments._of_file(file, part)
        accumulator._skipped = file.stored.field("skipped", int)
        caller = file.stored.tensor(_CALLER, np.uint8, (None,))
        try:
            header = json.loads(caller.tobytes())
        except ValueError as cause:
            raise file.stored.error(f"tensor {_CALLER!r} is not JSON: {cause}") from cause
        if not isinstance(header, dict):
            raise file.stored.error(f"tensor {_CALLER!r} is no mapping")
        return accumulator, header
