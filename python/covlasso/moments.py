"""Joint first and second moments of the logits of one or more models."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from covlasso import _symmetric
from covlasso._moment_input import (
    check_second_moment,
    checked_class_names,
    checked_finite,
    checked_logits,
    checked_names,
)
from covlasso._storage import load_tensors, save_tensors

Float64 = npt.NDArray[np.float64]


class Moments:
    """Moments of several models' logits on the same inputs, accumulated in float64.

    Kept are the means m_a = E[f_a] and the centred sums S_ab = sum over samples of (f_a - m_a)(f_b - m_b)',
    updated batch by batch with the rule of Chan, Golub and LeVeque (1983): a batch of k samples with mean m'
    adds its own centred sums and count k / (count + k) (m' - m)(m' - m)'. Nothing cancels, so covariances of
    logits with large means are as accurate as second moments. A model with n categories takes n (n + 1) / 2
    numbers, a pair n_a n_b.

    Parameters
    ----------
    names : sequence of str
        Names of the models.
    class_names : mapping from model name to sequence of str, or sequence of str, optional
        Names of the categories: per model, or one list that all models share. They need not be unique.

    Raises
    ------
    TypeError, ValueError
        Names missing, repeated, or not strings.

    Examples
    --------
    >>> import numpy as np
    >>> moments = Moments(["resnet", "vit"])
    >>> moments.update({"resnet": np.eye(3), "vit": np.ones((3, 2))})
    >>> moments.second_moment("resnet", "vit").shape
    (3, 2)
    """

    def __init__(
        self,
        names: Sequence[str],
        class_names: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
    ):
        self._names = checked_names(names)
        self._class_names = checked_class_names(class_names, self._names)
        self._count = 0
        self._mean: dict[str, Float64] = {}
        self._within: dict[str, Float64] = {}  # S_aa, packed symmetric
        self._across: dict[tuple[str, str], Float64] = {}  # S_ab for a before b in names

    @classmethod
    def from_arrays(
        cls,
        count: int,
        mean: Mapping[str, npt.ArrayLike],
        second_moment: Mapping[str | tuple[str, str], npt.ArrayLike],
        class_names: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
    ) -> Moments:
        """Moments computed elsewhere.

        Parameters
        ----------
        count : int
            Number of samples, at least 1.
        mean : mapping from model name to (n,) array
            E[f_a] of every model; its keys are the names of the models.
        second_moment : mapping from model name, or pair of names, to array
            ``"a"``: E[f_a f_a'] (n_a, n_a), symmetric; ``("a", "b")``: E[f_a f_b'] (n_a, n_b), once for every
            pair in the order of the names.
        class_names
            As in the constructor.

        Raises
        ------
        TypeError, ValueError
            A block is missing, has the wrong shape, is not finite, not symmetric, or below the mean's square.
        """
        moments = cls(list(mean), class_names)
        if not isinstance(count, (int, np.integer)) or count < 1:
            raise ValueError(f"count must be an integer of at least 1, got {count!r}")
        for name, values in mean.items():
            moments._mean[name] = checked_finite(values, f"mean[{name!r}]", (None,)).copy()
        moments._check_sizes({name: values.size for name, values in moments._mean.items()})
        for key in [*moments._names, *combinations(moments._names, 2)]:
            if key not in second_moment:
                raise ValueError(
                    f"second_moment has no block {key!r}; give E[f f'] of every model and every pair"
                )
        for name, m in moments._mean.items():
            block = checked_finite(second_moment[name], f"second_moment[{name!r}]", (m.size, m.size))
            check_second_moment(block, m, name)
            moments._within[name] = _symmetric.pack(count * (block - np.outer(m, m)))
        for a, b in combinations(moments._names, 2):
            ma, mb = moments._mean[a], moments._mean[b]
            block = checked_finite(second_moment[a, b], f"second_moment[{(a, b)!r}]", (ma.size, mb.size))
            moments._across[a, b] = count * (block - np.outer(ma, mb))
        moments._count = int(count)
        return moments

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models."""
        return self._names

    @property
    def count(self) -> int:
        """Number of samples seen."""
        return self._count

    @property
    def sizes(self) -> dict[str, int]:
        """Number of categories of each model; empty before the first update."""
        return {name: mean.size for name, mean in self._mean.items()}

    @property
    def class_names(self) -> dict[str, tuple[str, ...]]:
        """Names of the categories of each model that has them."""
        return dict(self._class_names)

    def update(self, batch: Mapping[str, npt.ArrayLike]) -> None:
        """Add a batch of samples; on any error nothing is added.

        Parameters
        ----------
        batch : mapping from model name to (k, n) array
            Logits of every model on the same k inputs, float16, float32 or float64; row r of all arrays is
            input r.

        Raises
        ------
        TypeError
            ``batch`` is no mapping, or an array is of another type.
        ValueError
            A model is missing or unknown, numbers of rows differ, the number of categories is not that of
            earlier batches, or an entry is NaN, infinite or beyond 2^500 (its square would overflow).
        """
        if not isinstance(batch, Mapping):
            raise TypeError(f"batch must map model names to arrays, got {type(batch).__name__}")
        if set(batch) != set(self._names):
            raise ValueError(f"batch has the models {sorted(batch)}, expected {sorted(self._names)}")
        logits = {name: checked_logits(name, batch[name]) for name in self._names}
        lengths = {name: len(rows) for name, rows in logits.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the models differ in their number of rows: {lengths}; row r of all is input r")
        self._check_sizes({name: rows.shape[1] for name, rows in logits.items()})
        added = next(iter(lengths.values()))
        if added == 0:
            return
        if self._count == 0:
            self._start({name: rows.shape[1] for name, rows in logits.items()})
        mean: dict[str, Float64] = {}
        centred: dict[str, Float64] = {}
        for name, rows in logits.items():
            mean[name], centred[name] = _centre(rows)
        self._add(added, mean, centred)

    def __iadd__(self, other: Moments) -> Moments:
        """Add the samples of ``other``, which has the same models."""
        if not isinstance(other, Moments):
            return NotImplemented
        if set(other._names) != set(self._names):
            raise ValueError(f"cannot add moments of {other._names} to moments of {self._names}")
        self._check_sizes(other.sizes)
        self._merge_class_names(other)
        if other._count == 0:
            return self
        if self._count == 0:
            self._start(other.sizes)
        within = {name: other._within[name] for name in self._names}
        across = {pair: other._between(*pair) for pair in self._across}
        nothing = {name: np.empty((1, size)) for name, size in self.sizes.items()}
        self._add(other._count, dict(other._mean), nothing)
        for name, block in within.items():
            self._within[name] += block
        for pair, block in across.items():
            self._across[pair] += block
        return self

    def __add__(self, other: Moments) -> Moments:
        """Moments of the samples of both."""
        if not isinstance(other, Moments):
            return NotImplemented
        total = Moments(self._names, self._class_names)
        total += self
        total += other
        return total

    def second_moment(self, a: str, b: str | None = None) -> Float64:
        """E[f_a f_a'] (n_a, n_a), symmetric to the last bit; with ``b``: E[f_a f_b'] (n_a, n_b).

        Raises
        ------
        ValueError
            Unknown model, or no sample yet.
        """
        if b is None or a == b:
            mean = self.mean(a)
            packed = _symmetric.add_products(self._within[a], mean[np.newaxis], scale=1.0 / self._count)
            return _symmetric.unpack(packed, mean.size)
        second = self.covariance(a, b)
        return _add_outer(second, self.mean(a), self.mean(b))

    def covariance(self, a: str, b: str | None = None) -> Float64:
        """E[(f_a - m_a)(f_b - m_b)'] (n_a, n_b), divided by the count; without ``b``: of ``a`` with itself.

        Raises
        ------
        ValueError
            Unknown model, or no sample yet.
        """
        self._check_asked(a, a if b is None else b)
        if b is None or a == b:
            full = _symmetric.unpack(self._within[a], self._mean[a].size)
        else:
            full = np.array(self._between(a, b), order="C")
        full /= self._count
        return full

    def correlation(self, a: str, b: str | None = None) -> Float64:
        """Covariances over the product of the standard deviations, (n_a, n_b).

        A category with one constant logit has no correlations: its row and column are 0, its diagonal entry
        too.

        Raises
        ------
        ValueError
            Unknown model, or no sample yet.
        """
        result = self.covariance(a, b)
        row, column = self._deviation(a), self._deviation(a if b is None else b)
        for i, scale in enumerate(row):
            result[i] /= scale * column
        if b is None or a == b:
            np.fill_diagonal(result, np.isfinite(row))
        return result

    def mean(self, name: str) -> Float64:
        """E[f] of one model, (n,).

        Raises
        ------
        ValueError
            Unknown model, or no sample yet.
        """
        self._check_asked(name)
        return self._mean[name].copy()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, atomically.

        Tensors, all float64, with i and j the positions of models in ``names``: ``mean.i`` (n,); ``sum.i``:
        lower triangle by rows of the centred sums S_ii (n (n + 1) / 2,); ``sum.i.j``, i < j: S_ij (n_i, n_j).

        Raises
        ------
        ValueError
            No sample yet.
        """
        self._check_asked()
        tensors: dict[str, Float64] = {}
        for i, name in enumerate(self._names):
            tensors[f"mean.{i}"] = self._mean[name]
            tensors[f"sum.{i}"] = _symmetric.to_triangle(self._within[name], self._mean[name].size)
        for (i, a), (j, b) in combinations(enumerate(self._names), 2):
            tensors[f"sum.{i}.{j}"] = self._across[a, b]
        header = {"names": self._names, "count": self._count, "class_names": self._class_names}
        save_tensors(path, "Moments", tensors, header)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Moments:
        """Read a file of `save`.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError
            The file is truncated, foreign, or of a newer version; the message names it.
        """
        stored = load_tensors(path, "Moments")
        names = stored.strings("names")
        try:
            moments = cls(names, stored.field("class_names", dict))
        except (TypeError, ValueError) as cause:
            raise stored.error(str(cause)) from cause
        moments._count = stored.field("count", int)
        for i, name in enumerate(names):
            mean = stored.tensor(f"mean.{i}", np.float64, (None,))
            triangle = stored.tensor(f"sum.{i}", np.float64, (mean.size * (mean.size + 1) // 2,))
            moments._mean[name] = mean
            moments._within[name] = _symmetric.from_triangle(triangle, mean.size)
        for (i, a), (j, b) in combinations(enumerate(names), 2):
            shape = (moments._mean[a].size, moments._mean[b].size)
            moments._across[a, b] = stored.tensor(f"sum.{i}.{j}", np.float64, shape)
        return moments

    def __repr__(self) -> str:
        """Say which models there are, with their numbers of categories and samples."""
        sizes = self.sizes
        models = ", ".join(f"{name}: {sizes[name]}" if sizes else name for name in self._names)
        return f"Moments({{{models}}}, count={self._count})"

    def _start(self, sizes: Mapping[str, int]) -> None:
        """Empty sums for models of these sizes."""
        self._mean = {name: np.zeros(sizes[name]) for name in self._names}
        self._within = {name: _symmetric.zeros(sizes[name]) for name in self._names}
        self._across = {(a, b): np.zeros((sizes[a], sizes[b])) for a, b in combinations(self._names, 2)}

    def _add(self, added: int, mean: Mapping[str, Float64], rows: Mapping[str, Float64]) -> None:
        """Add ``added`` samples with these means, centred, in all rows but the last, set to the shift."""
        total = self._count + added
        for name in self._names:
            shift = mean[name] - self._mean[name]
            rows[name][-1] = np.sqrt(self._count * (added / total)) * shift
            self._within[name] = _symmetric.add_products(self._within[name], rows[name])
            self._mean[name] = self._mean[name] + shift * (added / total)
        for a, b in self._across:
            self._across[a, b] = _add_cross(self._across[a, b], rows[a], rows[b])
        self._count = total

    def _between(self, a: str, b: str) -> Float64:
        """S_ab for two different models in either order."""
        return self._across[a, b] if (a, b) in self._across else self._across[b, a].T

    def _deviation(self, name: str) -> Float64:
        """Return the standard deviations, infinite where 0, so that dividing by them gives 0."""
        n = self._mean[name].size
        triangle = _symmetric.to_triangle(self._within[name], n)
        ends = np.cumsum(np.arange(1, n + 1)) - 1  # where the rows of the lower triangle end: its diagonal
        deviation: Float64 = np.sqrt(triangle[ends] / self._count)
        deviation[deviation == 0.0] = np.inf
        return deviation

    def _check_asked(self, *names: str) -> None:
        for name in names:
            if name not in self._names:
                raise ValueError(f"no model {name!r}; the models are {list(self._names)}")
        if self._count == 0:
            raise ValueError("no sample has been added yet; call update() first")

    def _check_sizes(self, sizes: Mapping[str, int]) -> None:
        """Sizes of new data against those of earlier data and against the class names."""
        for name, n in sizes.items():
            if not 1 <= n <= _symmetric.MAX_SIZE:
                raise ValueError(
                    f"model {name!r} has {n} categories; 1 to {_symmetric.MAX_SIZE} are possible"
                )
            if self._count and n != self._mean[name].size:
                raise ValueError(f"model {name!r} has {n} categories here and {self._mean[name].size} before")
            if name in self._class_names and n != len(self._class_names[name]):
                raise ValueError(
                    f"model {name!r} has {n} categories and {len(self._class_names[name])} class_names"
                )

    def _merge_class_names(self, other: Moments) -> None:
        for name, labels in other._class_names.items():
            if self._class_names.setdefault(name, labels) != labels:
                raise ValueError(f"cannot add moments: the class_names of model {name!r} differ")


def _centre(logits: Float64) -> tuple[Float64, Float64]:
    """Mean of the rows, and the rows less their mean with one more row to fill.

    The first row is subtracted before the mean is taken, so that constant categories have no variance at all.
    """
    rows = np.empty((len(logits) + 1, logits.shape[1]))
    centred = rows[:-1]
    np.subtract(logits, logits[0], out=centred)
    offset = centred.mean(axis=0)
    centred -= offset
    return logits[0] + offset, rows


def _add_cross(total: Float64, rows_a: Float64, rows_b: Float64) -> Float64:
    """``total + rows_a' rows_b`` in place: BLAS sees the C-ordered sum as its transpose."""
    from scipy.linalg.blas import dgemm

    result: Float64 = dgemm(1.0, rows_b.T, rows_a.T, 1.0, total.T, trans_b=True, overwrite_c=True).T
    return result


def _add_outer(total: Float64, a: Float64, b: Float64) -> Float64:
    return _add_cross(total, a[np.newaxis], b[np.newaxis])
