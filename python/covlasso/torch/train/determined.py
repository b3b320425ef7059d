"""Whether coefficients have a derivative with a right digit: not where terms nearly depend on each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch

_SHARE = 0.1  # what a coefficient may be off by, of the largest one of its target
_STEPS = 4  # of the inverse iteration; where it matters, the smallest eigenvalue is far from the others
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
        undecided = self._inverse_growth(factor) * torch.finfo(self.gram.dtype).eps > _SHARE
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

    @cached_property
    def _active(self) -> torch.Tensor:
        return self.coef != 0.0

    @cached_property
    def _largest(self) -> torch.Tensor:
        return self.coef.abs().amax(dim=1)

    @cached_property
    def _dense(self) -> torch.Tensor:
        """Coefficients of all sources, (n_targets, p)."""
        return torch.zeros_like(self.cross).scatter_add_(1, self.source, self.coef)

    @cached_property
    def _gradient(self) -> torch.Tensor:
        """C - G b of every target, (n_targets, p)."""
        return self.cross - self._dense @ self.gram.double()

    @cached_property
    def _excess(self) -> torch.Tensor:
        """By how much half the gradient of every source may exceed lambda/2, rounding included."""
        gradient = self._gradient if self.positive else self._gradient.abs()
        size = self.gram.diagonal().double().sqrt()
        terms = (size[self.source] * self.coef.abs()).sum(dim=1)
        rounding = torch.finfo(self.gram.dtype).eps * (self.cross.abs() + terms[:, None] * size)
        return gradient - self.level[:, None] + rounding

    def _inverse_growth(self, factor: torch.Tensor) -> torch.Tensor:
        """Return the largest eigenvalue of the inverse of H, scaled to a unit diagonal: inverse iteration."""
        size = factor.square().sum(dim=2).sqrt()  # of the diagonal of H
        pivot = factor.diagonal(dim1=1, dim2=2) / size
        w = torch.zeros_like(size).scatter_(1, pivot.argmin(dim=1, keepdim=True), 1.0)
        growth = torch.ones_like(w[:, 0])
        for _ in range(_STEPS):
            w = size * _solved(factor, size * w)
            growth = w.norm(dim=1)
            w = w / growth[:, None]
        return growth

    def _off(self, factor: torch.Tensor) -> torch.Tensor:
        """How far the coefficients are from solving their equations."""
        left = self._gradient.gather(1, self.source) - self.level[:, None] * self.coef.sign()
        left = left - self.l2 * self.coef
        return _solved(factor, torch.where(self._active, left, 0.0)).abs().amax(dim=1)

    def _tied(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Positions of targets, and sources beside their terms whose gradient may be lambda."""
        candidate = (self._excess > 0.0) & ~self.barred & (self._dense == 0.0)
        candidate &= (self._largest > 0.0)[:, None]
        for part in candidate.nonzero().split(_TOGETHER):
            yield part[:, 0], part[:, 1]

    def _possible(self, place: torch.Tensor, source: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        """Return the coefficients that sources could have beside the terms: excess over Schur complement."""
        terms = self.source[place]
        row = torch.where(self._active[place], self.gram[source[:, None], terms].double(), 0.0)
        own = self.gram.diagonal()[source].double()
        left = own + self.l2 - (row * _solved(factor[place], row)).sum(dim=1)
        least = torch.finfo(self.gram.dtype).eps * own
        return self._excess[place, source] / left.clamp(min=least)


def _solved(factor: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    return torch.cholesky_solve(right[:, :, None], factor)[:, :, 0]
