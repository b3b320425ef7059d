"""A term of the training loss that takes chosen dependencies out of a classifier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

import torch
from torch import nn

from covlasso._base.checks import check_count, check_names, check_number
from covlasso.graph import Edge, edge_numbers
from covlasso.torch.train.differentiable import cov_lasso
from covlasso.torch.train.moving_moments import MovingMoments, NotFiniteError

Penalty = Literal["squared", "absolute"]

_MOST_SKIPPED = 100  # batches that are not finite, one after the other


class DependencyRegularizer(nn.Module):
    """Drives chosen neural dependencies towards zero while a classifier is trained.

    Feng et al. (CVPR 2023, arXiv 2211.12339) improve robustness by a regulariser derived from dependencies.
    The idea is theirs, the formula here is ours. With G the running second moments of the logits
    (`MovingMoments`), R_ij = G_ij / sqrt(G_ii G_jj), and the CovLasso of every target i of an edge::

        b_i = argmin over b with b_i = 0 of   b'R b - 2 R_i b + l2 |b|^2 + lambda |b|_1
        loss = strength * sum over the chosen edges (i, j) of b_ij^2          ("absolute": of |b_ij|)

    so b_ij is the coefficient of logits scaled to E[f^2] = 1, and b_ij^2 the share of f_i's energy that the
    term in f_j carries: no logit escapes by its scale. The gradient goes through b (`cov_lasso`) and R to the
    logits of the present batch. An edge that the Lasso left out has coefficient 0 exactly and gets no
    gradient: a dependency that is gone costs nothing, and is pushed again only when it comes back.

    Use it as ``loss = criterion(logits, y) + regularizer(logits)``, in any training loop, under autocast (the
    moments are float64) and under ``DistributedDataParallel`` (all ranks solve the same problem, on the
    samples of all of them; every rank calls it in every step). Keep it outside the wrapped model, and its
    ``state_dict`` beside the model's.

    A batch with a logit that is not finite on any rank is left out on all of them: the term is 0, and moments
    and steps stay as they were. So a ``GradScaler`` skips the step and goes on, as without the term.
    `skipped` counts these batches. After a hundred in a row there is an error, as the model has diverged.

    Parameters
    ----------
    edges : sequence of (target, source)
        Which dependencies go, by category numbers or names; nothing else is penalised. `strongest_edges` and
        `spurious_edges` take them from any `Dependencies` within the model, focused ones too: those choose
        the edges, while the coefficients that are driven to zero are those of all samples. The model may
        express what it lost through other categories, and keep what made the tie: see docs/experiments.md.
    categories : int or sequence of str
        Number of logits, or all class names (needed for edges by name).
    strength : float, default 1
        Weight in the loss. More takes the edges out faster and costs more accuracy where the data themselves
        hold these categories together; 0 turns the term off.
    lam : float, default 0.3
        lambda of the CovLasso in the paper's scale (no 1/2), for logits scaled to E[f^2] = 1, so from 0 to 2
        for any model. Larger: only strong dependencies count as such, the others are left alone. At 0.3 a
        category of ImageNet networks has about 20 terms.
    penalty : {"squared", "absolute"}, default "squared"
        "squared" pushes strong edges most and slackens near zero; "absolute" pushes all alike until
        they are out.
    every : int, default 1
        Compute the term in one of so many steps, times ``every``: the same push on average at less cost (lazy
        regularisation, Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020,
        section 3.1). The moments still see every batch.
    warmup : int, default 100
        Steps without the term at the start, while the moments are of too few samples to say what depends on
        what.
    decay : float, default 0.99
        Memory of the moments, see `MovingMoments`. Larger: steadier coefficients that follow the model later.
    l2 : float, default 0
        Ridge term of the CovLasso, in the paper's scale (no 1/2): spreads a dependency over
        sources that are almost copies of each other, so that an edge does not come and go.
    process_group : ProcessGroup, optional
        Ranks whose samples count together; by default all.

    Attributes
    ----------
    moments : MovingMoments
        Running moments.
    edges : (n_edges, 2) int64 buffer
        Category numbers (target, source).
    steps : () int64 buffer
        Training steps seen.
    skipped : int
        Batches that were left out since the module was made.

    Raises
    ------
    TypeError, ValueError
        An argument is wrong; the message names it.

    Examples
    --------
    >>> regularizer = DependencyRegularizer([("husky", "snow")], ["husky", "snow", "sofa"], warmup=0)
    >>> logits = torch.tensor([[1.0, 0.9, 0.0], [0.5, 0.6, 0.3], [0.2, 0.1, 1.0]], requires_grad=True)
    >>> loss = regularizer(logits)
    >>> loss.backward()
    >>> round(loss.item(), 3), regularizer.coefficients().numpy().round(3)
    (0.704, array([0.839]))
    """

    edges: torch.Tensor
    steps: torch.Tensor

    def __init__(
        self,
        edges: Iterable[Edge],
        categories: int | Sequence[str],
        *,
        strength: float = 1.0,
        lam: float = 0.3,
        penalty: Penalty = "squared",
        every: int = 1,
        warmup: int = 100,
        decay: float = 0.99,
        l2: float = 0.0,
        process_group: Any = None,
    ):
        super().__init__()
        names = None if isinstance(categories, int) else categories
        n = check_count(categories if names is None else len(names), "categories")
        check_names(names, n, "categories")
        if penalty not in get_args(Penalty):
            raise ValueError(f"penalty is {penalty!r}; {' or '.join(get_args(Penalty))} is expected")
        self.strength = check_number(strength, "strength")
        self.lam = check_number(lam, "lam")
        self.l2 = check_number(l2, "l2")
        self.penalty = penalty
        self.every = check_count(every, "every")
        self.warmup = check_count(warmup, "warmup") if warmup else 0
        self.moments = MovingMoments(n, decay=decay, process_group=process_group)
        self.register_buffer("edges", torch.from_numpy(edge_numbers(edges, n, names)))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.skipped = self._skipped_in_a_row = 0

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Add a batch to the moments and return the term.

        Parameters
        ----------
        logits : (k, n) tensor
            Of any floating type, with the graph of the model behind it.

        Returns
        -------
        () tensor
            At least float32. 0 without a graph in steps that are left out, and for a batch that is not
            finite. In evaluation mode: the term at the running moments, with no gradient.

        Raises
        ------
        TypeError, ValueError, GroupError
            As `MovingMoments`, but for a batch that is not finite: after a hundred of them in a row.
        """
        try:
            term = self._term(logits)
        except NotFiniteError as cause:
            term = self._left_out(logits, cause)
        return term.to(torch.promote_types(logits.dtype, torch.float32))

    def _term(self, logits: torch.Tensor) -> torch.Tensor:
        """Add the batch, and return the term where it is due."""
        factor, step, due = self.strength, int(self.steps) + 1, True
        if self.training:
            due = step > self.warmup and step % self.every == 0 and self.strength != 0.0
            factor *= self.every
        if due:
            b = self._coefficients(self.moments(logits))
            term = factor * (b.square() if self.penalty == "squared" else b.abs()).sum()
        else:
            self.moments.update(logits)
            term = torch.zeros((), device=logits.device)
        if self.training:
            self.steps.fill_(step)
            self._skipped_in_a_row = 0
        return term

    def _left_out(self, logits: torch.Tensor, cause: NotFiniteError) -> torch.Tensor:
        """Count a batch that is not finite, and return the term without it."""
        self.skipped += 1
        self._skipped_in_a_row += 1
        if self._skipped_in_a_row >= _MOST_SKIPPED:
            raise ValueError(
                f"each of the last {_MOST_SKIPPED} batches has a logit that is not finite: the model has "
                "diverged, or masks logits by infinities; take a smaller step, or mask after this term"
            ) from cause
        return torch.zeros((), device=logits.device)

    @torch.no_grad()
    def coefficients(self) -> torch.Tensor:
        """Coefficients b_ij of the edges at the running moments, (n_edges,) float64: watch these.

        Raises
        ------
        ValueError
            No batch yet.
        """
        return self._coefficients(self.moments.second_moment())

    def _coefficients(self, gram: torch.Tensor) -> torch.Tensor:
        """b_ij of logits scaled to E[f^2] = 1; a logit that is always 0 stays 0."""
        energy = gram.diagonal()
        used = energy > 0.0
        scale = torch.where(used, torch.where(used, energy, 1.0).rsqrt(), 0.0)
        targets, row = self.edges[:, 0].unique(return_inverse=True)
        b = cov_lasso(
            torch.outer(scale, scale) * gram, lam=self.lam, targets=targets.cpu().numpy(), l2=self.l2
        )
        return b[row, self.edges[:, 1]]

    def extra_repr(self) -> str:
        """Say what it does."""
        return (
            f"{len(self.edges)} edges, strength={self.strength}, lam={self.lam}, penalty={self.penalty}, "
            f"every={self.every}, warmup={self.warmup}, l2={self.l2}"
        )
