"""Moments in which a target's own category has a share of the samples: what decides where the category is.

With pi_k the share of the samples in class k, d_k = E[z | k] - E[z] what sets them apart, the covariance C
has a part D = sum_k pi_k d_k d_k' between the classes and a part W = C - D within them. Give category i a
share alpha of the samples of its own equation, all classes spread alike about their means::

    E[z] + alpha d_i                                    the mean,
    C - alpha D + alpha (1 - alpha) d_i d_i'            the covariance,
    (1 - alpha) E[zz'] + alpha (W + mu_i mu_i')         the second moment, mu_i = E[z] + d_i.

One matrix for all targets, and one more row for each: sqrt(alpha (1 - alpha)) d_i, or sqrt(alpha) mu_i.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Float64, Kind
from covlasso.gram import FactoredGram, OwnRows, product
from covlasso.moments.moments import Moments
from covlasso.moments.symmetric import root

Rows = slice | npt.NDArray[np.integer]

_MOST_OWN = 1 << 28  # entries of rows that targets have of their own: 2 GB
_STRIP = 256  # rows of a large matrix treated at a time


class Focus:
    """The focused moments of one direction, target f from source g; samples are classed by the target.

    Parameters
    ----------
    moments : Moments
        With sums by class.
    target, source : str
        Models of f and g.
    kind : {"second_moment", "covariance", "correlation"}
        As of `Moments.gram`. A correlation is scaled by the deviations over all samples.
    alpha : float
        Share of a category in its own equation, 0 < alpha <= 1.
    """

    def __init__(self, moments: Moments, target: str, source: str, kind: Kind, alpha: float):
        self._moments, self._target, self._source = moments, target, source
        self._kind, self._alpha = kind, alpha
        self._share = moments.class_counts(target) / moments.count  # pi_k
        self._known = float(self._share.sum())  # less than 1 where samples have no class

    def of_kind(self, kind: Kind) -> Focus:
        """Return the same focus on another kind of moments."""
        if kind == self._kind:
            return self
        twin = Focus(self._moments, self._target, self._source, kind, self._alpha)
        for shared in ("_apart", "_between"):
            twin.__dict__[shared] = getattr(self, shared)
        return twin

    def gram(self) -> Float64 | FactoredGram:
        """Return the matrix that all targets share, (p, p); a `FactoredGram` where the source has a head."""
        name, alpha = self._source, self._alpha
        apart = self._weighed(name)
        if name in self._moments.heads:
            return FactoredGram(self._scaled_rows(self._factor(name, apart), name))
        shared = self._moments.covariance(name)
        shared -= alpha * product(np.ascontiguousarray(apart.T))
        if self._kind == "second_moment":
            self._add_means(shared, slice(None), name, name)
        elif self._kind == "correlation":
            deviation = self._moments._deviation(name)
            shared /= np.multiply.outer(deviation, deviation)
        return shared

    def cross(self, rows: npt.NDArray[np.integer]) -> Float64:
        """Return the shared part of E[f_i g'], (len(rows), p)."""
        f, g, heads = self._target, self._source, self._moments.heads
        shared = self._moments.covariance(f, g, rows=rows)
        apart_f, apart_g = self._weighed(f), self._weighed(g)
        between = (apart_f.T if f in heads else apart_f.T[rows]) @ apart_g
        if f in heads:
            between = heads[f].times(between, rows)
        if g in heads:
            between = heads[g].of_rows(between)
        shared -= self._alpha * between
        if self._kind == "second_moment":
            self._add_means(shared, rows, f, g)
        elif self._kind == "correlation":
            shared /= np.multiply.outer(self._moments._deviation(f)[rows], self._moments._deviation(g))
        return shared

    def energy(self) -> Float64:
        """Return the shared part of E[f_i^2] of every category, (n,)."""
        return self._energy.copy()

    @cached_property
    def _energy(self) -> Float64:
        name, alpha = self._target, self._alpha
        shared: Float64 = np.maximum(self._moments.energy(name, "covariance") - alpha * self._between, 0.0)
        if self._kind == "second_moment":
            mean, shift = self._moments.mean(name), self._shift(name)
            shared += (1.0 - alpha * self._known) * mean**2 - 2.0 * alpha * shift * mean
        elif self._kind == "correlation":
            shared /= self._moments._deviation(name) ** 2
        return np.maximum(shared, 0.0)

    @cached_property
    def _between(self) -> Float64:
        """D_ii of the target's logits, (n,)."""
        apart = self._weighed(self._target)
        if self._target not in self._moments.heads:
            return np.asarray(np.einsum("ki,ki->i", apart, apart))
        weight = self._moments.heads[self._target].rows()
        return np.asarray(np.einsum("ij,ij->i", weight @ (apart.T @ apart), weight))

    def target_energy(self, targets: npt.NDArray[np.integer]) -> Float64:
        """Return e_i, (targets,): the shared part and the own row's; without samples, of all samples."""
        has = self._share[targets] > 0.0
        energy: Float64 = self._moments.energy(self._target, self._kind)[targets]
        energy[has] = self.energy()[targets[has]] + self._own_response(targets[has]) ** 2
        return energy

    def own(self, targets: npt.NDArray[np.integer], focused: npt.NDArray[np.bool_]) -> OwnRows:
        """Return what each target adds to the shared moments, (targets); with responses between networks.

        One row where it is ``focused``. Elsewhere what the shared matrix lacks of the moments of all samples,
        so that these are what it has: alpha D, as a row for every class that has samples.

        Raises
        ------
        ValueError
            That is more than 2 GB.
        """
        chosen = targets[focused]
        rows, response = self._own_rows(chosen), self._own_response(chosen)
        count, first = np.ones(len(targets), dtype=np.int64), np.zeros(len(targets), dtype=np.int64)
        first[focused] = np.arange(len(chosen))
        if not focused.all():
            here = np.flatnonzero(self._share)
            self._check_size(len(here))
            back = self._back(self._source, here)
            rows = np.concatenate([rows, back])
            count[~focused], first[~focused] = len(here), len(chosen)
        offset = np.concatenate([[0], np.cumsum(count)])
        if self._target == self._source:
            return OwnRows(rows, None, offset, first)
        responses = np.empty(offset[-1])
        responses[offset[:-1][focused]] = response
        if not focused.all():
            entries = offset[:-1][~focused][:, np.newaxis] + np.arange(len(here))
            responses[entries] = self._back(self._target, here, targets[~focused]).T
        return OwnRows(rows, responses, offset, first)

    def means(self, targets: npt.NDArray[np.integer]) -> tuple[Float64, Float64]:
        """How far each target's own means are from those of all samples: of f_i (k,) and of g (k, p)."""
        return self._alpha * self._apart_own(targets), self._alpha * self._apart_logits(self._source, targets)

    # ---- what a target adds ----

    @property
    def _weight(self) -> float:
        """Weight of a target's row, by the formulas above."""
        centred = self._kind != "second_moment"
        return float(np.sqrt(self._alpha * (1.0 - self._alpha) if centred else self._alpha))

    def _own_rows(self, targets: npt.NDArray[np.integer]) -> Float64:
        name = self._source
        rows = self._apart_logits(name, targets)
        if self._kind == "second_moment":
            rows += self._moments.mean(name)
        elif self._kind == "correlation":
            rows /= self._moments._deviation(name)
        return self._weight * rows

    def _own_response(self, targets: npt.NDArray[np.integer]) -> Float64:
        name = self._target
        own = self._apart_own(targets)
        if self._kind == "second_moment":
            own += self._moments.mean(name)[targets]
        elif self._kind == "correlation":
            own /= self._moments._deviation(name)[targets]
        return self._weight * own

    def _back(self, name: str, classes: npt.NDArray[np.integer], columns: Rows = slice(None)) -> Float64:
        """Rows whose products are what the shared moments lack: of the logits ``columns`` of one model."""
        rows = self._apart_logits(name, classes, columns)
        if self._kind == "second_moment":
            rows += self._moments.mean(name)[columns]
        elif self._kind == "correlation":
            rows /= self._moments._deviation(name)[columns]
        rows *= np.sqrt(self._alpha * self._share[classes])[:, np.newaxis]
        return rows

    def _check_size(self, classes: int) -> None:
        if classes * len(self._moments.mean(self._source)) > _MOST_OWN:
            raise ValueError(
                "some targets have no sample of their class, and beside focused ones each of them takes the "
                f"rows of all {classes} classes with samples, more than 2 GB; treat those without samples "
                "apart (targets=)"
            )

    # ---- what sets the classes apart ----

    @cached_property
    def _apart(self) -> dict[str, Float64]:
        """d_k in the columns of each model (features where it has a head), 0 for classes without samples."""
        apart = {}
        for name in dict.fromkeys((self._target, self._source)):
            means, overall = self._moments.class_columns(name, self._target)
            apart[name] = means - overall
        return apart

    def _weighed(self, name: str) -> Float64:
        """sqrt(pi_k) d_k in the columns of one model: products of these are D."""
        return np.sqrt(self._share)[:, np.newaxis] * self._apart[name]

    def _apart_logits(
        self, name: str, classes: npt.NDArray[np.integer], columns: Rows = slice(None)
    ) -> Float64:
        """d_k of some classes, of the logits ``columns`` of one model."""
        rows = self._apart[name][classes]
        if name in self._moments.heads:
            return self._moments.heads[name].of_rows(rows, columns)
        return np.ascontiguousarray(rows[:, columns])

    def _apart_own(self, targets: npt.NDArray[np.integer]) -> Float64:
        """d_i of the target's own logit i, (targets,)."""
        name = self._target
        if name not in self._moments.heads:
            return np.asarray(self._apart[name][targets, targets])
        weight = self._moments.heads[name].rows(targets)
        return np.asarray(np.einsum("ij,ij->i", weight, self._apart[name][targets]))

    def _shift(self, name: str) -> Float64:
        """sum_k pi_k d_k of the logits of one model: 0 where every sample has a class."""
        shift = self._share @ self._apart[name]
        return self._moments.heads[name].times(shift) if name in self._moments.heads else shift

    # ---- from centred to what is asked for ----

    def _add_means(self, shared: Float64, rows: Rows, f: str, g: str) -> None:
        """Make C - alpha D the second moment, less alpha sum_k pi_k (m + d_k)(m + d_k)'."""
        mean_f, mean_g = self._moments.mean(f)[rows], self._moments.mean(g)
        shift_f, shift_g = self._shift(f)[rows], self._shift(g)
        kept = 1.0 - self._alpha * self._known
        for start in range(0, len(mean_f), _STRIP):
            strip = slice(start, start + _STRIP)
            shared[strip] += kept * np.multiply.outer(mean_f[strip], mean_g)
            lost = np.multiply.outer(shift_f[strip], mean_g) + np.multiply.outer(mean_f[strip], shift_g)
            shared[strip] -= self._alpha * lost

    def _factor(self, name: str, apart: Float64) -> Float64:
        """F with F F' the shared matrix of a model with a head: by the moments of its features, and of 1."""
        head, d = self._moments.heads[name], apart.shape[1]
        sums = self._moments._read(name)
        columns = sums.columns[name]
        inner = sums.products.part(columns, columns) / sums.count - self._alpha * (apart.T @ apart)
        if self._kind != "second_moment":
            return head.times(root(_symmetric(inner)))
        shift = self._alpha * (self._share @ self._apart[name])
        with_one = np.block([[inner, -shift[:, np.newaxis]], [-shift, 1.0 - self._alpha * self._known]])
        lower = root(_symmetric(with_one))
        return head.times(lower[:d]) + np.multiply.outer(self._moments.mean(name), lower[d])

    def _scaled_rows(self, factor: Float64, name: str) -> Float64:
        if self._kind == "correlation":
            factor /= self._moments._deviation(name)[:, np.newaxis]
        return np.ascontiguousarray(factor)


def _symmetric(matrix: Float64) -> Float64:
    """Mean of a matrix and its transpose; a diagonal entry that rounding took below 0 is 0."""
    result: Float64 = (matrix + matrix.T) / 2.0
    np.fill_diagonal(result, np.maximum(np.diagonal(result), 0.0))
    return result
