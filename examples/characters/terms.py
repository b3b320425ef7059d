"""The regulariser's term on other coefficients: of focused equations, and of covariances."""

from __future__ import annotations

import torch
from torch import nn

from covlasso.torch import MovingMoments, cov_lasso

Edges = list[tuple[int, int]]


class EdgeTerm(nn.Module):
    """Sum of b_ij^2 over edges (i, j), on moving moments of the logits beside one-hot labels.

    One small problem is solved for each edge: for 64 categories, not for thousands.

    Parameters
    ----------
    edges : list of (target, source)
        Which dependencies go.
    categories : int
        n.
    lam, strength, every, warmup, decay
        As of `covlasso.torch.DependencyRegularizer`.
    """

    def __init__(
        self,
        edges: Edges,
        categories: int,
        *,
        lam: float,
        strength: float,
        every: int,
        warmup: int,
        decay: float,
    ):
        super().__init__()
        self.moments = MovingMoments(2 * categories, decay=decay)
        self.edges, self.categories, self.lam = edges, categories, lam
        self.strength, self.every, self.warmup, self.steps = strength, every, warmup, 0

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Add a batch to the moments and return the term; 0 in steps that are left out."""
        self.steps += 1
        both = torch.cat([logits, nn.functional.one_hot(labels, self.categories).to(logits)], dim=1)
        if self.steps <= self.warmup or self.steps % self.every:
            self.moments.update(both)
            return logits.new_zeros(())
        joint, n = self.moments(both), self.categories
        b = self.coefficients(joint[:n, :n], joint[n:, :n], joint.diagonal()[n:])
        return (self.strength * self.every * b.square().sum()).to(logits.dtype)

    def coefficients(self, gram: torch.Tensor, sums: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        """b_ij of the edges, (n_edges,), from E[f f'], pi_k mu_k and pi_k of the classes k."""
        raise NotImplementedError


class CentredTerm(EdgeTerm):
    """Coefficients of covariances, logits scaled to variance 1."""

    def coefficients(self, gram: torch.Tensor, sums: torch.Tensor, _share: torch.Tensor) -> torch.Tensor:
        """As of `EdgeTerm`."""
        mean = sums.sum(dim=0)
        covariance = gram - torch.outer(mean, mean)
        scale = covariance.diagonal().rsqrt()
        targets, sources = torch.tensor(self.edges).T
        rows, row = targets.unique(return_inverse=True)
        b = cov_lasso(covariance * torch.outer(scale, scale), lam=self.lam, targets=rows.numpy())
        return b[row, sources]


class FocusedTerm(EdgeTerm):
    """Coefficients of `covlasso.solve_moments` with a focus alpha, logits scaled to E[f^2] = 1.

    With mu_k the mean and pi_k the share of class k, target i has::

        G_i = G + alpha (mu_i mu_i' - sum_k pi_k mu_k mu_k')
    """

    focus = 0.3

    def coefficients(self, gram: torch.Tensor, sums: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        """As of `EdgeTerm`."""
        scale = gram.diagonal().rsqrt()
        sums = sums * scale
        mean = sums / torch.where(share > 0.0, share, 1.0)[:, None]
        shared = gram * torch.outer(scale, scale) - self.focus * sums.T @ mean
        found = []
        for target, source in self.edges:
            own = shared + self.focus * torch.outer(mean[target], mean[target])
            found.append(cov_lasso(own, lam=self.lam, targets=[target])[0, source])
        return torch.stack(found)
