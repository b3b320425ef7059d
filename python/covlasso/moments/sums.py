"""Number, mean and centred sums of products of the columns of several models, accumulated in float64."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

import numpy as np

from covlasso._base.arrays import Array, Float64, Int64
from covlasso.moments.class_sums import ClassSums
from covlasso.moments.symmetric import SymmetricSum

BLOCK = 1024  # samples multiplied at a time


class JointSums:
    """Mean m and centred sums S = sum over samples of (z - m)(z - m)' of the columns z of all models.

    Samples wait until there are BLOCK of them and are then added by the rule of Chan, Golub and LeVeque
    (1983): k samples with mean m' add their own centred sums and count k / (count + k) (m' - m)(m' - m)'.
    Nothing cancels, so covariances of columns with large means are as accurate as second moments. How the
    samples were cut into batches plays no part: the same samples in the same order give the same bits.

    Parameters
    ----------
    sizes : mapping from model name to int
        Number of columns of every model; their order is that of the columns.
    classes : ClassSums, optional
        Sums by class of the same columns, to be kept beside; samples have a label where these are by labels.
    """

    def __init__(self, sizes: Mapping[str, int], classes: ClassSums | None = None):
        self.sizes = dict(sizes)
        self.columns = columns_of(sizes)
        n = sum(sizes.values())
        self.added = 0  # samples in the sums
        self.mean = np.zeros(n)
        self.products = SymmetricSum(n)
        self.classes = classes
        self._waiting = np.empty((0, n))  # samples, in the first rows, and one more row to fill
        self._labels = np.empty(BLOCK, dtype=np.int64)  # of the samples that wait, where they have labels
        self._n_waiting = 0

    @classmethod
    def of(
        cls,
        sizes: Mapping[str, int],
        count: int,
        mean: Float64,
        products: SymmetricSum,
        classes: ClassSums | None = None,
    ) -> JointSums:
        """Take sums that are known: of ``count`` samples, their mean and their centred products."""
        sums = cls(sizes, classes)
        sums.added, sums.mean, sums.products = count, mean, products
        return sums

    @property
    def count(self) -> int:
        """Number of samples."""
        return self.added + self._n_waiting

    @property
    def waiting(self) -> Float64:
        """Samples that wait for their block to fill, (fewer than BLOCK, columns)."""
        return self._waiting[: self._n_waiting]

    @property
    def waiting_labels(self) -> Int64 | None:
        """Labels of these, where samples have them."""
        labelled = self.classes is not None and self.classes.kind == "labels"
        return self._labels[: self._n_waiting] if labelled else None

    def append(self, batch: Mapping[str, Array], labels: Int64 | None = None) -> None:
        """Add samples: (k, n) finite numbers of every model, and (k,) labels where samples have them."""
        length = len(next(iter(batch.values())))
        start = 0
        while start < length:
            stop = min(length, start + BLOCK - self._n_waiting)
            if labels is not None:
                self._labels[self._n_waiting : self._n_waiting + stop - start] = labels[start:stop]
            self._wait({name: rows[start:stop] for name, rows in batch.items()}, stop - start)
            if self._n_waiting == BLOCK:
                self._add_block()
            start = stop

    def close(self) -> None:
        """Add the samples that wait, without waiting for more, and make the products ready to be read."""
        if self._n_waiting:
            self._add_block()
        self.products.mirror()

    def closed(self) -> JointSums:
        """Return closed sums of the same samples: a copy if some wait, else these."""
        if self._n_waiting:
            return self.copy()
        self.close()
        return self

    def copy(self) -> JointSums:
        """Return a closed copy."""
        twin = JointSums.__new__(JointSums)
        twin.sizes, twin.columns, twin.added = self.sizes, self.columns, self.added
        twin.mean, twin.products = self.mean.copy(), self.products.copy()
        twin.classes = None if self.classes is None else self.classes.copy()
        twin._labels = self._labels.copy()
        twin._waiting, twin._n_waiting = self._waiting[: self._n_waiting + 1].copy(), self._n_waiting
        twin.close()
        twin._waiting = twin._waiting[:0].copy()
        return twin

    def merge(self, other: JointSums) -> None:
        """Add the samples of ``other``; both are closed first, ``other`` as a copy."""
        self.close()
        other = other.copy() if other is self else other.closed()
        if list(other.sizes) != list(self.sizes):
            other = other._reordered(self.sizes)
        shift = np.empty((1, len(self.mean)))
        self._shift_to(other.added, other.mean, shift)
        self.products.add_products(shift)
        self.products.add(other.products)
        self.products.mirror()
        if self.classes is not None and other.classes is not None:
            self.classes.merge(other.classes)

    def _wait(self, batch: Mapping[str, Array], added: int) -> None:
        if len(self._waiting) == 0:
            self._waiting = np.empty((BLOCK + 1, len(self.mean)))
        here = slice(self._n_waiting, self._n_waiting + added)
        for name, columns in self.columns.items():
            self._waiting[here, columns] = batch[name]
        self._n_waiting += added

    def _add_block(self) -> None:
        """Add the samples that wait, centred, and with them one more row: the shift of the mean."""
        rows = self._waiting[: self._n_waiting + 1]
        assigned = self.classes.assign(rows[:-1], self.waiting_labels) if self.classes is not None else {}
        mean = _centre(rows[:-1])
        if self.classes is not None:
            self.classes.add(assigned, rows[:-1], mean)
        self._shift_to(self._n_waiting, mean, rows[-1:])
        self.products.add_products(rows)
        self._n_waiting = 0

    def _shift_to(self, added: int, mean: Float64, row: Float64) -> None:
        """Count ``added`` samples with this mean, and set ``row`` to what the shift adds to the products."""
        total = self.added + added
        shift = mean - self.mean
        row[0] = np.sqrt(self.added * (added / total)) * shift
        self.mean += shift * (added / total)
        self.added = total

    def _reordered(self, sizes: Mapping[str, int]) -> JointSums:
        """Return closed sums with the models in another order."""
        order = np.concatenate([np.arange(self.mean.size)[self.columns[name]] for name in sizes])
        whole = slice(0, self.mean.size)
        products = SymmetricSum.from_dense(self.products.part(order, whole)[:, order])
        turned = {name: self.sizes[name] for name in sizes}
        classes = None if self.classes is None else self.classes.reordered(columns_of(turned), order)
        return JointSums.of(turned, self.added, self.mean[order], products, classes)


def columns_of(sizes: Mapping[str, int]) -> dict[str, slice]:
    """Columns of every model, where they lie side by side."""
    stops = accumulate(sizes.values())
    return {name: slice(stop - n, stop) for (name, n), stop in zip(sizes.items(), stops, strict=True)}


def _centre(rows: Float64) -> Float64:
    """Subtract the mean of the rows in place, and return it; of equal entries the mean is exact."""
    from scipy.linalg.blas import dgemv

    first = rows[0].copy()
    mean: Float64 = dgemv(1.0 / len(rows), rows.T, np.ones(len(rows)))
    suspects = np.flatnonzero((rows[len(rows) // 2] == first) & (rows[-1] == first))
    constant = suspects[(rows[:, suspects] == first[suspects]).all(axis=0)]
    mean[constant] = first[constant]
    rows -= mean
    return mean
