"""Joint first and second moments of the logits of one or more models."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Float64, Floats, Int64
from covlasso._base.checks import check_flag
from covlasso._base.commands import array_digest
from covlasso._base.html import ROWS, TERMS, table_html
from covlasso.moments.checks import (
    centred_sums,
    checked_batch,
    checked_labels,
    class_sums_of,
    sums_of_moments,
)
from covlasso.moments.class_sums import Classes, ClassSums, check_classes
from covlasso.moments.files import MomentFile, save_moments
from covlasso.moments.heads import LinearHead
from covlasso.moments.models import Models
from covlasso.moments.readings import Readings
from covlasso.moments.row_centring import (
    centred_head,
    centred_rows,
    centred_sums_of,
    check_centred,
    check_several,
)
from covlasso.moments.sums import JointSums, columns_of


class Moments(Readings):
    """Moments of several models' logits on the same inputs, accumulated in float64.

    Kept are the means m_a = E[f_a] and the centred sums S_ab = sum over samples of (f_a - m_a)(f_b - m_b)',
    updated block by block with the rule of Chan, Golub and LeVeque (1983): a block of k samples with mean m'
    adds its own centred sums and count k / (count + k) (m' - m)(m' - m)'. Nothing cancels, so covariances of
    logits with large means are as accurate as second moments. Samples wait until their block is full, so the
    same samples in the same order give the same bits, however they were cut into batches; saving and merging
    close a block early.

    A model with n categories takes n (n + 1) / 2 numbers, a pair n_a n_b. Where its logits are those of a
    linear layer, f = W h + b with d features h, give the layer as its *head* and the features to `update`:
    the sums are then those of h, d (d + 1) / 2 numbers, and the moments of the logits follow from them, such
    as cov(f) = W cov(h) W'.

    Parameters
    ----------
    names : sequence of str
        Names of the models.
    class_names : mapping from model name to sequence of str, or sequence of str, optional
        Names of the categories: per model, or one list that all models share. They need not be unique.
    heads : mapping from model name to LinearHead, optional
        The last layers of the models that are given by their features.
    classes : {"labels", "decisions"}, optional
        Keep the number of samples and the mean of all columns for each class, too. "labels": classes are the
        labels given to `update`, numbers of categories, the same in all models. "decisions": for each model
        the category of its largest logit, the first of equal ones, so that a sample has a class in each
        model. They take 8 bytes for each class and each column of all models: of two models with 1000 logits
        each by decisions 32 MB. By default none are kept.
    row_centred : bool, default False
        Take logits less their mean over the categories of their model, sample by sample: softmax and argmax
        do not see it, R^2 does. Heads become those of such logits.

    Raises
    ------
    TypeError, ValueError
        Names missing, repeated, or not strings; a head of an unknown model; another word for ``classes``.

    Examples
    --------
    >>> import numpy as np
    >>> moments = Moments(["resnet", "vit"], classes="decisions")
    >>> moments.update({"resnet": np.eye(3), "vit": np.ones((3, 2))})
    >>> moments.second_moment("resnet", "vit").shape
    (3, 2)
    >>> moments.class_counts("vit")
    array([3, 0])
    >>> moments.class_means("resnet", by="vit")[0]
    array([0.33333333, 0.33333333, 0.33333333])
    """

    def __init__(
        self,
        names: Sequence[str],
        class_names: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
        heads: Mapping[str, LinearHead] | None = None,
        classes: Classes | None = None,
        row_centred: bool = False,
    ):
        if check_flag(row_centred, "row_centred"):
            heads = {name: centred_head(head) for name, head in (heads or {}).items()}
        self._models = Models(names, class_names, heads)
        self._classes = check_classes(classes)
        self._row_centred = row_centred
        self._sums: JointSums | None = None  # made by the first samples
        self._closed: JointSums | None = None  # what is read, until samples are added
        self._factors: dict[str, Float64] = {}  # [F m], F F' = cov(f) and m = E[f], of models with a head
        self._means: dict[str, Float64] = {}  # of these, too
        self._variances: dict[str, Float64] = {}
        self._in_rows: Moments | None = None  # the same samples, row-centred

    @classmethod
    def from_arrays(
        cls,
        count: int,
        mean: Mapping[str, npt.ArrayLike],
        second_moment: Mapping[str | tuple[str, str], npt.ArrayLike],
        class_names: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
        heads: Mapping[str, LinearHead] | None = None,
        *,
        classes: Classes | None = None,
        class_counts: Mapping[str, npt.ArrayLike] | None = None,
        class_means: Mapping[tuple[str, str], npt.ArrayLike] | None = None,
        row_centred: bool = False,
    ) -> Moments:
        """Moments computed elsewhere: of the logits, or of the features for models with a head.

        Parameters
        ----------
        count : int
            Number of samples, at least 1.
        mean : mapping from model name to (n,) array
            E[f_a] of every model; its keys are the names of the models.
        second_moment : mapping from model name, or pair of names, to array
            ``"a"``: E[f_a f_a'] (n_a, n_a), symmetric; ``("a", "b")``: E[f_a f_b'] (n_a, n_b), once for every
            pair in the order of the names.
        class_names, heads, classes
            As in the constructor.
        class_counts : mapping from model name to (n,) integers, optional
            What `class_counts` returns of each model, where there are ``classes``; by labels, of a model with
            the most categories.
        class_means : mapping from pair of names to array, optional
            ``("a", "by")``: means of the columns of ``a``, logits or features, by the classes of ``by``; 0
            for a class without samples.
        row_centred : bool, default False
            Whether these are moments of row-centred logits, as in the constructor; `as_row_centred` makes
            such moments of others.

        Raises
        ------
        TypeError, ValueError
            A block is missing, has the wrong shape, is not finite, not symmetric, or below the mean's square;
            the classes have more samples than there are; means of row-centred logits do not sum to 0.
        """
        sums = sums_of_moments(count, mean, second_moment)
        return cls._of_sums(
            sums, class_names, heads, classes, class_counts, class_means, row_centred=row_centred
        )

    @classmethod
    def from_sums(
        cls,
        count: int,
        mean: Mapping[str, npt.ArrayLike],
        centred: Mapping[str | tuple[str, str], npt.ArrayLike],
        class_names: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
        heads: Mapping[str, LinearHead] | None = None,
        *,
        classes: Classes | None = None,
        class_counts: Mapping[str, npt.ArrayLike] | None = None,
        class_means: Mapping[tuple[str, str], npt.ArrayLike] | None = None,
        row_centred: bool = False,
    ) -> Moments:
        """Take sums computed elsewhere, centred: no digit is lost where means are large.

        Second moments of logits with mean m and deviation s keep the covariance to (m / s)^2 eps only;
        centred sums keep all of it.

        Parameters
        ----------
        count : int
            Number of samples, at least 1.
        mean : mapping from model name to (n,) array
            m_a = E[f_a] of every model; its keys are the names of the models.
        centred : mapping from model name, or pair of names, to array
            Sums over the samples: ``"a"``: of (f_a - m_a)(f_a - m_a)' (n_a, n_a), symmetric; ``("a", "b")``:
            of (f_a - m_a)(f_b - m_b)' (n_a, n_b), once for every pair in the order of the names.
        class_names, heads, classes
            As in the constructor; for models with a head the sums are those of the features.
        class_counts, class_means, row_centred
            As in `from_arrays`.

        Raises
        ------
        TypeError, ValueError
            A block is missing, has the wrong shape, is not finite, not symmetric, or has a negative diagonal;
            the classes have more samples than there are.
        """
        sums = centred_sums(count, mean, centred)
        return cls._of_sums(
            sums, class_names, heads, classes, class_counts, class_means, row_centred=row_centred
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models."""
        return self._models.names

    @property
    def count(self) -> int:
        """Number of samples seen."""
        return 0 if self._sums is None else self._sums.count

    @property
    def sizes(self) -> dict[str, int]:
        """Number of categories of each model; before the first update only of those with a head."""
        return self._models.sizes(self._columns)

    @property
    def class_names(self) -> dict[str, tuple[str, ...]]:
        """Names of the categories of each model that has them."""
        return dict(self._models.class_names)

    @property
    def heads(self) -> dict[str, LinearHead]:
        """Last layer of each model that is given by its features."""
        return dict(self._models.heads)

    @property
    def classes(self) -> Classes | None:
        """What the classes of samples are: "labels" or "decisions"; None: no sums by class are kept."""
        return self._classes

    @property
    def row_centred(self) -> bool:
        """Whether these are moments of logits less their mean over the categories of their model."""
        return self._row_centred

    def update(self, batch: Mapping[str, npt.ArrayLike], labels: npt.ArrayLike | None = None) -> None:
        """Add a batch of samples; on any error nothing is added.

        Parameters
        ----------
        batch : mapping from model name to (k, n) array
            Logits of every model on the same k inputs, float16, float32 or float64; row r of all arrays is
            input r. For a model with a head: its features, (k, d).
        labels : (k,) integers
            The category of every input, -1 for none; needed with ``classes="labels"``, and only then.

        Raises
        ------
        TypeError
            ``batch`` is no mapping, or an array is of another type.
        ValueError
            A model is missing or unknown, numbers of rows differ, the number of categories is not that of
            earlier batches, or an entry is NaN, infinite or beyond 2^500 (its square would overflow); labels
            are missing or not wanted, or one is no category of any model; or a model whose logits are
            row-centred has a single category.
        """
        arrays = self._checked(batch)
        self._append(arrays, self._checked_labels(labels, arrays))

    def __iadd__(self, other: Moments) -> Moments:
        """Add the samples of ``other``, which has the same models, heads and kind of classes."""
        if not isinstance(other, Moments):
            return NotImplemented
        self._models.check_same(other._models)
        if other.classes != self.classes:
            raise ValueError(
                f"cannot add moments: these have classes={self.classes!r} and those {other.classes!r}; make "
                "both with the same"
            )
        if other.row_centred != self.row_centred:
            raise ValueError(
                "cannot add moments of row-centred logits and of logits as they are; add as_row_centred() of "
                "both"
            )
        self._models.check_columns(other._columns, self._columns)
        self._models.class_names |= other._models.class_names
        if other._sums is not None:
            if self._sums is None:
                self._sums = self._no_sums({name: other._sums.sizes[name] for name in self.names})
            self._forget()
            self._sums.merge(other._sums)
        return self

    def __add__(self, other: Moments) -> Moments:
        """Moments of the samples of both."""
        if not isinstance(other, Moments):
            return NotImplemented
        total = self._without_samples()
        total += self
        total += other
        return total

    def copy(self) -> Moments:
        """Moments that further samples of these do not change."""
        twin = self._without_samples()
        if self._sums is not None:
            twin._sums = self._sums.copy()
        return twin

    def as_row_centred(self) -> Moments:
        """Moments of the same logits less their mean over the categories of their model, by algebra.

        With P = I - 1 1' / n: P m, P S P', and heads P W, P b. Where the constant of a row is R times what
        is left, log10 R^2 of 16 digits are lost; `Moments(..., row_centred=True)` loses none. Moments that
        are row-centred are returned as they are; the result is kept until samples are added.

        Raises
        ------
        ValueError
            No sample yet; or a model has a single category.
        """
        if self.row_centred:
            return self
        if self._in_rows is None:
            models = self._models
            check_several(self.sizes)
            twin = Moments(self.names, models.class_names, models.heads, self.classes, row_centred=True)
            twin._sums = centred_sums_of(self._read(), models.heads)
            if twin._sums.classes is not None:
                twin._sums.classes.heads = dict(twin._models.heads)
            self._in_rows = twin
        return self._in_rows

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, atomically: that of a `SplitMoments` with a fit part only.

        Raises
        ------
        ValueError
            No sample yet.
        """
        parts = {"fit": self._read()}
        save_moments(
            path, self.names, self.class_names, self.heads, self.classes, parts, row_centred=self.row_centred
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, classes: bool = True) -> Moments:
        """Read a file of `save`; of a file of `SplitMoments` the fit part.

        Parameters
        ----------
        path : path
            The file.
        classes : bool, default True
            Also read sums by class, if there are any: of a vocabulary they are as large as all else, and only
            `focus` needs them.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError
            The file is truncated, foreign, or of a newer version; the message names it.
        """
        return cls._of_file(MomentFile(path, classes=check_flag(classes, "classes")), "fit")

    def digest(self) -> str:
        """Hash of the samples' sums and the heads: of names only how many models there are."""
        sums = self._read()
        arrays = [np.array([sums.count]), sums.mean, sums.products.to_triangle()]
        for found in () if sums.classes is None else sums.classes.of.values():
            arrays += [found.counts, found.means]
        for name in self.names:
            head = self.heads.get(name)
            arrays += [np.array([sums.sizes[name]])]
            if head is not None:
                arrays += head.arrays()
        return array_digest(arrays)

    def __repr__(self) -> str:
        """Say which models there are, with their numbers of categories and samples."""
        sizes = self.sizes
        models = ", ".join(f"{name}: {sizes[name]}" if name in sizes else name for name in self.names)
        classes = "" if self.classes is None else f", classes={self.classes!r}"
        rows = ", row_centred=True" if self.row_centred else ""
        return f"Moments({{{models}}}, count={self.count}{classes}{rows})"

    def _repr_html_(self) -> str:
        """Show the models, their numbers of categories and some of their names as a table in a notebook."""
        sizes, names = self.sizes, self.class_names
        rows = [
            (
                name,
                str(sizes.get(name, "not known yet")),
                ", ".join(names.get(name, ())[:TERMS]) or "no names",
            )
            for name in self.names[:ROWS]
        ]
        return table_html(repr(self), ("model", "categories", "first of them"), rows, len(self.names))

    @classmethod
    def _of_sums(
        cls,
        sums: JointSums,
        class_names: Any,
        heads: Any,
        classes: Any,
        class_counts: Any,
        class_means: Any,
        *,
        row_centred: bool,
    ) -> Moments:
        moments = cls(list(sums.sizes), class_names, heads, classes, row_centred)
        moments._models.check_columns(sums.sizes, {})
        for name, columns in sums.columns.items() if row_centred else ():
            if name not in moments._models.heads:
                check_centred(sums.mean[columns], name)
        classes_of = moments._no_sums(sums.sizes).classes
        if classes_of is not None:
            sums.classes = class_sums_of(classes_of, sums.count, class_counts, class_means)
        elif class_counts is not None or class_means is not None:
            raise ValueError('class_counts or class_means are given; give classes, "labels" or "decisions"')
        moments._sums = sums
        return moments

    def _without_samples(self) -> Moments:
        models = self._models
        return Moments(self.names, models.class_names, models.heads, self.classes, self.row_centred)

    def _no_sums(self, sizes: Mapping[str, int]) -> JointSums:
        """Return sums of no sample, with these numbers of columns."""
        if self.classes is None:
            return JointSums(sizes)
        columns, models = columns_of(sizes), self._models
        return JointSums(sizes, ClassSums(self.classes, models.sizes(sizes), columns, models.heads))

    @property
    def _columns(self) -> dict[str, int]:
        """Numbers of columns of the data so far."""
        return {} if self._sums is None else self._sums.sizes

    @classmethod
    def _of_file(cls, file: MomentFile, part: str) -> Moments:
        """One part of an opened file."""
        with file.explained():
            moments = cls(file.names, file.class_names, file.heads, file.classes, file.row_centred)
        sums = file.sums(part)
        with file.explained():
            moments._models.check_columns(sums.sizes, {})
        moments._sums = sums
        return moments

    def _checked(self, batch: Mapping[str, npt.ArrayLike]) -> dict[str, Floats]:
        """Return a batch that can be appended without an error."""
        arrays = checked_batch(batch, self.names)
        self._check_columns(arrays)
        return arrays

    def _check_columns(self, arrays: Mapping[str, Floats]) -> None:
        columns = {name: rows.shape[1] for name, rows in arrays.items()}
        self._models.check_columns(columns, self._columns)
        if self.row_centred:
            check_several(self._models.sizes(columns))

    def _checked_labels(self, labels: npt.ArrayLike | None, arrays: Mapping[str, Floats]) -> Int64 | None:
        """Return labels of a checked batch, where samples have them."""
        sizes = self._models.sizes({name: rows.shape[1] for name, rows in arrays.items()})
        return checked_labels(labels, self.classes, len(arrays[self.names[0]]), sizes)

    def _append(self, arrays: Mapping[str, Floats], labels: Int64 | None) -> None:
        """Add a checked batch."""
        if len(arrays[self.names[0]]) == 0:
            return
        if self._sums is None:
            self._sums = self._no_sums({name: rows.shape[1] for name, rows in arrays.items()})
        self._forget()
        if self.row_centred:
            arrays = {
                n: rows if n in self._models.heads else centred_rows(rows) for n, rows in arrays.items()
            }
        self._sums.append(arrays, labels)

    def _forget(self) -> None:
        """Drop what was computed for reading: samples are about to be added."""
        self._closed = None
        self._factors, self._means, self._variances = {}, {}, {}
        self._in_rows = None

    def _read(self, *names: str) -> JointSums:
        """Return the sums of all samples, those that wait included."""
        for name in names:
            if name not in self.names:
                raise ValueError(f"no model {name!r}; the models are {list(self.names)}")
        if self._sums is None:
            raise ValueError("no sample has been added yet; call update() first")
        if self._closed is None:
            self._closed = self._sums.closed()
        return self._closed
