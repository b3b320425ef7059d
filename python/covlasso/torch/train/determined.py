"""Whether coefficients have a derivative with a right digit: not where terms nearly depend on each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn.functional import embedding_bag

_SHARE = 0.1  # what a coefficient may be off by, of the largest one of its target
_STEPS = 4  # of the inverse iteration; where it matters, the smallest eigenvalue is far from the others
_NEAR = 0.2  # distance of a term from the span of those before it, of its size
_TOGETHER = 4096  # sources whose factors are in memory at a time


@dataclass(frozen=True, eq=False)
class Solved:
    """Solutions b of all targets, and what they solve: H b_A = c_A - lambda/2 s on the terms A."""

    gram: torch.Tensor  # (p, p)
    cross: torch.Tensor  # c, (n_targets, p), float64
    level: torch.Tensor  # lambda/2, (n_targets,)
    l2: float
    source: torch.Tensor  # (n_targets, k); 0 where there is no term
    coef: torch.Tensor  # (n_targets, k); 0 where there is no term
    barred: torch.Tensor  # (n_targets, p): sources that may be no terms
    positive: bool
    targets: torch.Tensor  # numbers of the targets

    def check(self, factor: torch.Tensor) -> None:
        """Refuse a target whose derivative would have no digit that is right.

        Entries of ``gram`` are known to a rounding of their type. By it H^-1 changes by this rounding times
        the inverse of the smallest eigenvalue of H, scaled to a unit diagonal; and a source beside the terms,
        whose gradient is lambda to within rounding or the certificate, may have the coefficient of terms that
        it nearly depends on.

        Parameters
        ----------
        factor : (n_targets, k, k) tensor
            Cholesky factors of H, 1 on the diagonal where there is no term.

        Raises
        ------
        ValueError
            The target, and what to do.
        """
        remedy = "take l2 > 0 or a larger lam"
        if self.gram.dtype == torch.float32:
            remedy += ", or moments in float64"
        undecided = self._inverse_growth(factor) * self._rounding > _SHARE
        undecided |= self._off(factor) > _SHARE * self._largest
        if bool(undecided.any()):
            target = int(self.targets[undecided][0])
            raise ValueError(
                f"the terms of target {target} nearly depend on each other, so its coefficients have no "
                f"derivative with a right digit; {remedy}"
            )
        for t, j in self._tied():
            possible = self._possible(t, j, factor) > _SHARE * self._largest[t]
            if bool(possible.any()):
                target, beside = (int(x[possible][0]) for x in (self.targets[t], j))
                raise ValueError(
                    f"source {beside} nearly depends on the terms of target {target}, so it is not decided "
                    f"which of them have coefficients, and there is no derivative; {remedy}"
                )

    @property
    def _rounding(self) -> float:
        return float(torch.finfo(self.gram.dtype).eps)

    @cached_property
    def _active(self) -> torch.Tensor:
        return self.coef != 0.0

    @cached_property
    def _largest(self) -> torch.Tensor:
        return self.coef.abs().amax(dim=1)

    @cached_property
    def _gradient(self) -> torch.Tensor:
        """Half the gradient of every source, c - G b, (n_targets, p)."""
        product = embedding_bag(self.source, self.gram.double(), per_sample_weights=self.coef, mode="sum")
        return self.cross - product

    @cached_property
    def _size(self) -> torch.Tensor:
        """Root mean square of every source, (p,)."""
        return self.gram.diagonal().double().sqrt()

    @cached_property
    def _terms(self) -> torch.Tensor:
        """Sum of the sizes of the terms of every target; with its own size a bound of G b and of c."""
        return (self._size[self.source] * self.coef.abs()).sum(dim=1)

    def _inverse_growth(self, factor: torch.Tensor) -> torch.Tensor:
        """Return the largest eigenvalue of the inverse of H, scaled to a unit diagonal: inverse iteration.

        Only where a pivot says that a term nearly depends on those before it; else 1.
        """
        size = factor.square().sum(dim=2).sqrt()  # of the diagonal of H
        pivot = factor.diagonal(dim1=1, dim2=2) / size
        least, place = pivot.min(dim=1)
        growth = torch.ones_like(least)
        near = (least < _NEAR).nonzero()[:, 0]
        if len(near):
            size, factor = size[near], factor[near]
            w = torch.zeros_like(size).scatter_(1, place[near, None], 1.0)
            for _ in range(_STEPS):
                w = size * _solved(factor, size * w)
                growth[near] = w.norm(dim=1)
                w = w / growth[near, None]
        return growth

    def _off(self, factor: torch.Tensor) -> torch.Tensor:
        """How far the coefficients are from solving their equations."""
        left = self._gradient.gather(1, self.source) - self.level[:, None] * self.coef.sign()
        left = left - self.l2 * self.coef
        return _solved(factor, torch.where(self._active, left, 0.0)).abs().amax(dim=1)

    def _tied(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Positions of targets, and sources beside their terms whose gradient may be lambda."""
        gradient = self._gradient if self.positive else self._gradient.abs()
        most = self._rounding * (self.cross.abs().amax(dim=1) + self._terms * self._size.max())
        near = (gradient > (self.level - most)[:, None]).nonzero()
        for part in near.split(_TOGETHER):
            t, j = part[:, 0], part[:, 1]
            beside = ~self.barred[t, j] & ~((self.source[t] == j[:, None]) & self._active[t]).any(dim=1)
            kept = beside & (self._largest[t] > 0.0)
            yield t[kept], j[kept]

    def _possible(self, place: torch.Tensor, source: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        """Return the coefficients that sources could have beside the terms: excess over Schur complement."""
        gradient = self._gradient[place, source]
        known = self.cross[place, source].abs() + self._terms[place] * self._size[source]
        half = gradient if self.positive else gradient.abs()
        excess = half - self.level[place] + self._rounding * known
        row = torch.where(self._active[place], self.gram[source[:, None], self.source[place]].double(), 0.0)
        own = self._size[source].square()
        left = own + self.l2 - (row * _solved(factor[place], row)).sum(dim=1)
        return excess / left.clamp(min=self._rounding * own)


def _solved(factor: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    return torch.cholesky_solve(right[:, :, None], factor)[:, :, 0]
