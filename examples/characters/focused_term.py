"""The regulariser's term on focused coefficients: each target's equation gives its own category a share."""

from __future__ import annotations

import torch
from torch import nn

from covlasso.torch import MovingMoments, cov_lasso

Edges = list[tuple[int, int]]


class FocusedTerm(nn.Module):
    """Sum of b_ij^2 over edges (i, j), b of `covlasso.solve_moments` with a focus, on moving moments.

    With logits scaled to E[f^2] = 1, and mu_k the mean and pi_k the share of class k, target i has::

        G_i = G + alpha (mu_i mu_i' - sum_k pi_k mu_k mu_k')

    Moments of logits beside one-hot labels hold all of it. One small problem is solved for each edge: for
    64 categories, not for thousands.

    Parameters
    ----------
    edges : list of (target, source)
        Which dependencies go.
    categories : int
        n.
    focus, lam, strength, every, warmup, decay
        alpha, and as of `covlasso.torch.DependencyRegularizer`.
    """

    def __init__(
        self,
        edges: Edges,
        categories: int,
        *,
        focus: float,
        lam: float,
        strength: float,
        every: int,
        warmup: int,
        decay: float,
    ):
        super().__init__()
        self.moments = MovingMoments(2 * categories, decay=decay)
        self.edges, self.categories, self.focus, self.lam = edges, categories, focus, lam
        self.strength, self.every, self.warmup, self.steps = strength, every, warmup, 0

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Add a batch to the moments and return the term; 0 in steps that are left out."""
        self.steps += 1
        both = torch.cat([logits, nn.functional.one_hot(labels, self.categories).to(logits)], dim=1)
        if self.steps <= self.warmup or self.steps % self.every:
            self.moments.update(both)
            return logits.new_zeros(())
        b = self.coefficients(self.moments(both))
        return (self.strength * self.every * b.square().sum()).to(logits.dtype)

    def coefficients(self, joint: torch.Tensor) -> torch.Tensor:
        """b_ij of the edges, from the moments of logits and one-hot labels, (n_edges,)."""
        n = self.categories
        scale = joint.diagonal()[:n].rsqrt()
        gram = joint[:n, :n] * torch.outer(scale, scale)
        share = joint.diagonal()[n:]
        sums = joint[n:, :n] * scale  # pi_k mu_k
        mean = sums / torch.where(share > 0.0, share, 1.0)[:, None]
        shared = gram - self.focus * sums.T @ mean
        found = []
        for target, source in self.edges:
            own = shared + self.focus * torch.outer(mean[target], mean[target])
            found.append(cov_lasso(own, lam=self.lam, targets=[target])[0, source])
        return torch.stack(found)
