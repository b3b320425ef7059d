"""Moments of a sample that was split: to fit on, to check on, and folds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from covlasso._base.arrays import Bool
from covlasso._base.checks import check_flag
from covlasso.moments.files import MomentFile, save_moments
from covlasso.moments.moments import Moments
from covlasso.moments.split import Split, held_out


@dataclass(frozen=True)
class SplitMoments:
    """Moments of the parts of one sample, of the same models.

    Parameters
    ----------
    fit : Moments
        To find dependencies on.
    held_out : Moments, optional
        To check them on: no source of these samples is among those of ``fit``.
    folds : tuple of Moments
        ``fit`` in parts, by source; () for none.
    split : Split
        How the samples were divided.
    skipped : int
        Number of samples that could not be read and are in no part.

    Raises
    ------
    ValueError
        A part has no sample.
    """

    fit: Moments
    held_out: Moments | None = None
    folds: tuple[Moments, ...] = ()
    split: Split = field(default_factory=Split)
    skipped: int = 0

    def __post_init__(self) -> None:
        """Check that every part has samples."""
        for part, moments in self.parts.items():
            if moments.count == 0:
                raise ValueError(
                    f"part {part} of {list(self.parts)} has no sample; "
                    "give more groups, fewer folds or another fraction"
                )

    @property
    def parts(self) -> Mapping[str, Moments]:
        """``fit``, ``held_out`` where there is one, and ``fold.0``, ``fold.1``, ..."""
        parts = {"fit": self.fit}
        if self.held_out is not None:
            parts["held_out"] = self.held_out
        return parts | {f"fold.{k}": moments for k, moments in enumerate(self.folds)}

    def as_row_centred(self) -> SplitMoments:
        """Parts of the same logits less their mean over categories, as `Moments.as_row_centred`."""
        parts = {part: moments.as_row_centred() for part, moments in self.parts.items()}
        folds = tuple(parts[f"fold.{k}"] for k in range(len(self.folds)))
        return replace(self, fit=parts["fit"], held_out=parts.get("held_out"), folds=folds)

    def __add__(self, other: SplitMoments) -> SplitMoments:
        """Parts of the samples of both, which were divided in the same way.

        Raises
        ------
        ValueError
            The splits differ, or the models do.
        """
        if not isinstance(other, SplitMoments):
            return NotImplemented
        if self.split != other.split or len(self.folds) != len(other.folds):
            raise ValueError(f"cannot add moments split by {self.split} and by {other.split}")
        if self.held_out is None or other.held_out is None:
            held_out = self.held_out or other.held_out
        else:
            held_out = self.held_out + other.held_out
        folds = tuple(a + b for a, b in zip(self.folds, other.folds, strict=True))
        return SplitMoments(self.fit + other.fit, held_out, folds, self.split, self.skipped + other.skipped)

    def held_out_rows(self, count: int, keys: Sequence[str] | None = None) -> Bool | None:
        """Which of the rows of logits that these moments were made of are held out.

        Parameters
        ----------
        count : int
            Number of rows.
        keys : sequence of str, optional
            What each row was cut from, as it was divided. By default each row is a group of its own.

        Returns
        -------
        (count,) bool array, or None
            None where nothing is held out, or the rows are not as many as those of the moments, without
            ``keys``.

        Raises
        ------
        ValueError
            Rows were divided by groups, and there are no ``keys``.
        """
        if keys is not None:
            return held_out(keys, self.split.held_out)
        if self.held_out is None or count != self.fit.count + self.held_out.count:
            return None
        if self.split.groups != Split().groups:
            raise ValueError(
                f"{count} rows are as many as fit and held out together, divided by groups "
                f"({self.split.groups}); give these groups, or the rows that are held out"
            )
        return held_out([str(row) for row in range(count)], self.split.held_out)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all parts to one safetensors file, atomically.

        The header has ``names``, the number of ``columns`` of every model, ``class_names``, and the number of
        samples of all ``parts``. Let z be the logits of the models in the order of their names, N in all; for
        a model with a linear head, the features instead. Tensors: for PART ``fit``, ``held_out``, ``fold.0``,
        ...: ``PART.mean`` (N,), E[z], and ``PART.sum`` (N (N + 1) / 2,), the lower triangle by rows of the
        sum of (z - E[z])(z - E[z])' over the samples, both float64; ``weight.i`` and ``bias.i``, the head of
        model i. Where `Moments.classes` are kept, the header has ``classes``, "labels" or "decisions", and
        there are ``PART.class_counts.i`` (n,), int64, and ``PART.class_means.i`` (n, N), float64: the number
        of samples and the mean of z for each category that model i decides for; by labels i is 0 only, and n
        the largest number of categories. Where logits are row-centred, the header has ``row_centred``.
        """
        parts = {part: moments._read() for part, moments in self.parts.items()}
        fit = self.fit
        header = {"split": self.split.as_dict(), "skipped": self.skipped}
        save_moments(
            path, fit.names, fit.class_names, fit.heads, fit.classes, parts, header,
            row_centred=fit.row_centred,
        )  # fmt: skip

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, classes: bool = True) -> SplitMoments:
        """Read a file of `save`, or of `Moments.save`: that has a fit part only.

        Parameters
        ----------
        path : path
            The file.
        classes : bool, default True
            Also read sums by class, as of `Moments.load`.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError
            The file is truncated, foreign, or of a newer version; the message names it.
        """
        file = MomentFile(path, classes=check_flag(classes, "classes"))
        n_folds = sum(part.startswith("fold.") for part in file.counts)
        expected = {"fit", *(f"fold.{k}" for k in range(n_folds))}
        if not expected <= set(file.counts) <= expected | {"held_out"}:
            raise file.stored.error(
                f"its parts are {list(file.counts)}; fit, held_out, fold.0, fold.1, ... are expected"
            )
        parts = {part: Moments._of_file(file, part) for part in file.counts}
        folds = tuple(parts[f"fold.{k}"] for k in range(n_folds))
        with file.explained():
            split = Split(**(file.stored.optional("split", dict) or {}))
            skipped = file.stored.optional("skipped", int) or 0
            return cls(parts["fit"], parts.get("held_out"), folds, split, skipped)
