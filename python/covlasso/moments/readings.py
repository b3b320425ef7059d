"""What is read off joint sums: means, moments and energies of the logits of one model, or of two."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Float64, Int64, Kind
from covlasso._base.checks import check_kind
from covlasso.gram import FactoredGram, product
from covlasso.moments.class_sums import ClassSums
from covlasso.moments.models import Models
from covlasso.moments.sums import JointSums
from covlasso.moments.symmetric import root

Rows = slice | npt.ArrayLike
Index = slice | npt.NDArray[np.integer]

_STRIP = 256  # rows of a large matrix treated at a time


class Readings(ABC):
    """The logits of models with a head are W h + b of the features h whose sums are kept."""

    _models: Models
    _factors: dict[str, Float64]
    """[F m] with F F' = cov(f) and m = E[f], of models with a head: one array for all kinds of moments."""
    _means: dict[str, Float64]
    _variances: dict[str, Float64]

    @abstractmethod
    def _read(self, *names: str) -> JointSums:
        """Return the sums of all samples; these models are there."""

    def second_moment(self, a: str, b: str | None = None, *, rows: Rows | None = None) -> Float64:
        """E[f_a f_a'] (n_a, n_a), symmetric to the last bit; with ``b``: E[f_a f_b'] (n_a, n_b).

        Parameters
        ----------
        a, b : str
            Models.
        rows : slice or sequence of int, optional
            Only the rows of these categories of ``a``, in this order.

        Raises
        ------
        ValueError
            Unknown model, or no sample yet.
        IndexError
            A row is not there.
        """
        result = self.covariance(a, b, rows=rows)
        column = self.mean(a if b is None else b)
        row = self.mean(a)[_index(rows)]
        for start in range(0, len(row), _STRIP):
            strip = slice(start, start + _STRIP)
            result[strip] += np.multiply.outer(row[strip], column)
        return result

    def covariance(self, a: str, b: str | None = None, *, rows: Rows | None = None) -> Float64:
        """E[(f_a - m_a)(f_b - m_b)'] (n_a, n_b), divided by the count; without ``b``: of ``a`` with itself.

        Parameters and errors are those of `second_moment`.
        """
        b = a if b is None else b
        sums = self._read(a, b)
        if a == b and a in self._models.heads:
            factor = self._root(a)
            return product(factor) if rows is None else factor[_index(rows)] @ factor.T
        columns = sums.columns[a]
        if a in self._models.heads:
            sums_ab = sums.products.part(columns, sums.columns[b])
            result = self._models.heads[a].times(sums_ab, _index(rows))
        else:
            wanted = columns if rows is None else np.arange(columns.start, columns.stop)[_index(rows)]
            result = sums.products.part(wanted, sums.columns[b])
        if b in self._models.heads:
            result = self._models.heads[b].of_rows(result)
        result /= sums.count
        return result

    def correlation(self, a: str, b: str | None = None, *, rows: Rows | None = None) -> Float64:
        """Covariances over the product of the standard deviations, (n_a, n_b).

        A category with one constant logit has no correlations: its row and column are 0, its diagonal entry
        too. Parameters and errors are those of `second_moment`.
        """
        result = self.covariance(a, b, rows=rows)
        deviation = self._deviation(a)
        column = self._deviation(a if b is None else b)
        for i, scale in enumerate(deviation[_index(rows)]):
            result[i] /= scale * column
        if b is None or a == b:
            place = np.arange(len(deviation))[_index(rows)]
            result[np.arange(len(place)), place] = np.isfinite(deviation[place])
        return result

    def mean(self, name: str) -> Float64:
        """E[f] of one model, (n,).

        Raises
        ------
        ValueError
            Unknown model, or no sample yet.
        """
        sums = self._read(name)
        mean = sums.mean[sums.columns[name]]
        if name not in self._models.heads:
            return mean.copy()
        if name not in self._means:
            self._means[name] = self._models.heads[name](mean)
        return self._means[name].copy()

    def class_counts(self, by: str) -> Int64:
        """Return how many samples have each category of a model as their class.

        Parameters
        ----------
        by : str
            The model: its decisions, or the labels that are its categories; see `classes`.

        Returns
        -------
        (n_by,) int64 array

        Raises
        ------
        ValueError
            Unknown model, no sample yet, or no classes are kept.
        """
        return self._read_classes(by).counts(by)

    def class_means(self, name: str, by: str) -> Float64:
        """E[f | class k] of every class k: the mean logits of one model over the samples of each class.

        Parameters
        ----------
        name : str
            The model whose logits f are averaged.
        by : str
            The model whose categories are the classes.

        Returns
        -------
        (n_by, n_name) float64 array
            0 in the rows of classes without samples.

        Raises
        ------
        ValueError
            As of `class_counts`.
        """
        means = self._class_columns(name, by)
        if name in self._models.heads:
            means = np.ascontiguousarray(self._models.heads[name].logits(means).T)
            means[self.class_counts(by) == 0] = 0.0
        return means

    def class_columns(self, name: str, by: str) -> tuple[Float64, Float64]:
        """E[h | class k] of every class k, and E[h]: h the features of a model with a head, else its logits.

        As `class_means`, without the n_by x n_name numbers that a wide head makes of them.

        Parameters
        ----------
        name, by : str
            As there.

        Returns
        -------
        (n_by, d) and (d,) float64 array
            E[h] in the rows of classes without samples.

        Raises
        ------
        ValueError
            As of `class_counts`.
        """
        sums = self._read(name)
        means, overall = self._class_columns(name, by), sums.mean[sums.columns[name]]
        means[self.class_counts(by) == 0] = overall
        return means, overall.copy()

    def energy(self, name: str, kind: Kind = "second_moment") -> Float64:
        """E[f_i^2] of every category i of one model, (n,): the diagonal of `gram`.

        Parameters
        ----------
        name : str
            The model.
        kind : {"second_moment", "covariance", "correlation"}
            As in `gram`: "covariance" gives the variances.

        Raises
        ------
        ValueError
            Unknown model or kind, or no sample yet.
        """
        check_kind(kind)
        variance = self._variance(name)
        if kind == "correlation":
            return (variance > 0.0).astype(np.float64)
        result: Float64 = variance + np.square(self.mean(name)) if kind == "second_moment" else variance
        return result

    def gram(self, name: str, kind: Kind = "second_moment") -> Float64 | FactoredGram:
        """Return what `covlasso.path` takes as the Gram of one model.

        Parameters
        ----------
        name : str
            The model.
        kind : {"second_moment", "covariance", "correlation"}
            E[f f'] as in the paper, or centred, or centred and scaled to unit variance.

        Returns
        -------
        (n, n) array, or FactoredGram
            The matrix; for a model with a head F with F F' equal to it, F of shape (n, at most d + 1).

        Raises
        ------
        ValueError
            Unknown model or kind, or no sample yet.
        """
        check_kind(kind)
        if name not in self._models.heads:
            matrix: Float64 = getattr(self, kind)(name)
            return matrix
        if kind == "second_moment":
            return FactoredGram(self._factor(name))
        factor = self._root(name)
        if kind == "correlation":
            factor = factor / self._deviation(name)[:, np.newaxis]
            del self._factors[name]  # who solves with this one does not need another as large
        return FactoredGram(factor)

    def _read_classes(self, *names: str) -> ClassSums:
        """Return the sums by class of all samples."""
        classes = self._read(*names).classes
        if classes is None:
            raise ValueError(
                'these moments know no classes; make them with classes="labels" or classes="decisions" '
                "(--classes on the command line)"
            )
        return classes

    def _class_columns(self, name: str, by: str) -> Float64:
        """Class means in the columns of ``name``, features where it has a head: (n_by, d or n)."""
        return self._read_classes(name, by).means(name, by)

    def _root(self, name: str) -> Float64:
        """F with F F' = cov(f) = W cov(h) W'; of full column rank, also where cov(h) is singular."""
        return self._factor(name)[:, :-1]

    def _factor(self, name: str) -> Float64:
        """[F m] of `_root` and `mean`, whose product with itself are the second moments."""
        if name not in self._factors:
            sums = self._read(name)
            columns = sums.columns[name]
            lower = root(sums.products.part(columns, columns) / sums.count)
            mean = self.mean(name)
            factor = np.empty((len(mean), lower.shape[1] + 1))
            self._models.heads[name].times(lower, out=factor[:, :-1])
            factor[:, -1] = mean
            self._factors[name] = factor
        return self._factors[name]

    def _variance(self, name: str) -> Float64:
        sums = self._read(name)
        if name in self._models.heads:
            if name not in self._variances:
                factor = self._root(name)
                self._variances[name] = np.einsum("ir,ir->i", factor, factor)
            return self._variances[name].copy()
        return sums.products.diagonal()[sums.columns[name]] / sums.count

    def _deviation(self, name: str) -> Float64:
        """Return the standard deviations, infinite where 0, so that dividing by them gives 0."""
        deviation: Float64 = np.sqrt(self._variance(name))
        deviation[deviation == 0.0] = np.inf
        return deviation


def _index(rows: Rows | None) -> Index:
    """Return what selects ``rows`` of a matrix."""
    if rows is None or isinstance(rows, slice):
        return rows or slice(None)
    index = np.asarray(rows)
    if index.size == 0:
        index = index.astype(np.intp)
    if index.ndim != 1 or index.dtype.kind not in "iu":
        raise TypeError(f"rows is {index.dtype} {index.shape}; a slice or a vector of integers is expected")
    return index
