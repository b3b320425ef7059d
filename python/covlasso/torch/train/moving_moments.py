"""Second moments of logits during training: a running average, differentiable in the present batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.autograd.function import once_differentiable

from covlasso._base.checks import check_count
from covlasso._base.errors import one_line
from covlasso._base.ranks import GroupError


class NotFiniteError(ValueError):
    """A batch has a logit that is not finite; all ranks raise it together, and none has added the batch."""


class MovingMoments(nn.Module):
    """Running average of E[f f'] over training batches, in float64.

    With S_t = Z'Z / k the second moment of batch t, k rows of logits Z, and a decay d::

        M_t = d M_(t-1) + (1 - d) S_t,     w_t = d w_(t-1) + (1 - d),     G_t = M_t / w_t

    starting from 0. Dividing by w_t removes the bias towards 0, as in Adam (Kingma and Ba, 2015, section 3):
    the first batch gives its own moments.

    *Gradient.* A loss L of G_t gets dL/dG at the running average, and passes it to the batch as if G_t were
    S_t: logits get (Z (D + D')) / k with D = dL/dG_t. This is stochastic compositional gradient descent
    (Wang, Fang and Liu, *Mathematical Programming* 161, 2017): the inner function is averaged, its gradient
    is the batch's. The exact derivative would be smaller by (1 - d) / w_t, and so would depend on the decay.

    *Evaluation mode* gives G as it is, without a gradient, and changes nothing.

    *Several ranks.* Where ``torch.distributed`` runs, the sums of the batches are added over all ranks, so
    that all hold the same average of all samples, to the last bit; every rank has to call the module in every
    step, so give all ranks equally many batches (``drop_last=True``, or a `DistributedSampler`).
    Gradients are those to be averaged over the ranks, which ``DistributedDataParallel`` does.

    Parameters
    ----------
    categories : int
        n, the number of logits.
    decay : float, default 0.99
        d, from 0 to below 1: about 1 / (1 - d) batches count. 0 takes the present batch alone.
    process_group : ProcessGroup, optional
        Ranks to add over; by default all.

    Attributes
    ----------
    sums : (n, n) float64 buffer
        M.
    weight : () float64 buffer
        w, 0 before the first batch.

    Raises
    ------
    TypeError, ValueError
        An argument is wrong.

    Notes
    -----
    The buffers stay float64 under ``half()`` and ``to(dtype)``: rounded moments are not positive
    semi-definite.
    """

    sums: torch.Tensor
    weight: torch.Tensor

    def __init__(self, categories: int, *, decay: float = 0.99, process_group: Any = None):
        super().__init__()
        self.categories = check_count(categories, "categories")
        if isinstance(decay, bool) or not isinstance(decay, (int, float)) or not 0.0 <= decay < 1.0:
            raise ValueError(f"decay is {decay!r}; a number from 0 to below 1 is expected")
        self.decay = float(decay)
        self.process_group = process_group
        self.register_buffer("sums", torch.zeros(categories, categories, dtype=torch.float64))
        self.register_buffer("weight", torch.zeros((), dtype=torch.float64))

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Average that the batch is part of.

        Parameters
        ----------
        logits : (k, n) tensor
            Of any floating type.

        Returns
        -------
        (n, n) float64 tensor

        Raises
        ------
        TypeError, ValueError
            Not such a tensor; in evaluation mode: no batch yet.
        NotFiniteError
            A logit is not finite: a ValueError on all ranks alike, and nothing is added.
        GroupError
            Another rank ended, or has no batch for this step.
        """
        if not self.training:
            self._check(logits)
            return self.second_moment()
        count = self.update(logits)
        z = logits.double()
        passed: torch.Tensor = _PassToBatch.apply(z, self.second_moment(), self._ranks() / count)
        return passed

    def second_moment(self) -> torch.Tensor:
        """G, the average so far, (n, n) float64; a copy without gradient.

        Raises
        ------
        ValueError
            No batch yet.
        """
        if not self.weight:
            raise ValueError("no batch has been seen yet; call the module in training mode first")
        return self.sums / self.weight

    @torch.no_grad()
    def update(self, logits: torch.Tensor) -> float:
        """Add a batch to the average, and nothing else: what `forward` costs without its result.

        Parameters
        ----------
        logits : (k, n) tensor
            As of `forward`.

        Returns
        -------
        float
            Number of rows of all ranks.

        Raises
        ------
        TypeError, ValueError, NotFiniteError, GroupError
            As `forward`.
        """
        self._check(logits)
        z = logits.detach().double()
        ranks = self._ranks()
        energy = z.square().sum(dim=0)
        rows = torch.tensor(float(len(z)), dtype=torch.float64, device=z.device)
        if ranks > 1:
            self._add_over_ranks(energy)
            self._add_over_ranks(rows)
        count = float(rows)
        if count == 0:
            raise ValueError("logits has no rows; leave the batch out")
        if not energy.isfinite().all():  # of all ranks, so that all of them stop
            raise NotFiniteError("logits has an entry that is not finite; leave the batch out")
        share = (1.0 - self.decay) / count
        if ranks > 1:
            moment = z.T @ z
            self._add_over_ranks(moment)
            self.sums.mul_(self.decay).add_(moment, alpha=share)
        else:
            self.sums.addmm_(z.T, z, beta=self.decay, alpha=share)  # no second n x n matrix
        self.weight.mul_(self.decay).add_(1.0 - self.decay)
        return count

    def _add_over_ranks(self, part: torch.Tensor) -> None:
        try:
            dist.all_reduce(part, group=self.process_group)
        except RuntimeError as cause:
            raise GroupError(
                "another rank ended or did not answer: every rank has to call this module in every step; "
                f"give all ranks equally many batches, as with drop_last=True ({one_line(cause)})"
            ) from cause

    def _ranks(self) -> int:
        running = dist.is_available() and dist.is_initialized()
        return dist.get_world_size(self.process_group) if running else 1

    def _check(self, logits: Any) -> None:
        if not isinstance(logits, torch.Tensor) or not logits.is_floating_point():
            found = logits.dtype if isinstance(logits, torch.Tensor) else type(logits).__name__
            raise TypeError(f"logits is {found}; a floating tensor is expected")
        if logits.ndim != 2 or logits.shape[1] != self.categories:
            raise ValueError(
                f"logits has shape {tuple(logits.shape)}; (batch, {self.categories}) is expected"
            )
        if logits.device != self.sums.device:
            raise ValueError(
                f"logits is on {logits.device} and the moments on {self.sums.device}; move the module there"
            )

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> MovingMoments:
        """Follow the model to its device, but not to a narrower type."""
        kept = dict(self._buffers)
        super()._apply(fn, recurse)
        for name, old in kept.items():
            new = self._buffers[name]
            if old is not None and new is not None and new.dtype != old.dtype:
                self._buffers[name] = old.to(new.device)
        return self

    def extra_repr(self) -> str:
        """Say what the average is of."""
        return f"{self.categories}, decay={self.decay}"


class _PassToBatch(torch.autograd.Function):
    """The value of ``average``, the gradient of ``factor`` z'z."""

    @staticmethod
    def forward(ctx: Any, z: torch.Tensor, average: torch.Tensor, factor: float) -> torch.Tensor:
        ctx.save_for_backward(z)
        ctx.factor = factor
        return average.view_as(average)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (z,) = ctx.saved_tensors
        return (z @ (upstream + upstream.T)).mul_(ctx.factor), None, None
