"""A language model as a classifier of positions: blocks of tokens in, a row of logits for each sample out."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True, eq=False)
class TokenBlocks:
    """Blocks of tokens side by side, and which of their positions are samples.

    Attributes
    ----------
    ids : (B, L) int64 Tensor
        Tokens, padded at the end.
    mask : (B, L) int64 Tensor, optional
        0 where padding is; none where all blocks are equally long.
    rows : (k,) int64 Tensor
        Places of the samples in ``ids.flatten()``.
    """

    ids: torch.Tensor
    mask: torch.Tensor | None
    rows: torch.Tensor

    def __len__(self) -> int:
        """Return the number k of samples."""
        return len(self.rows)

    def to(self, device: torch.device) -> TokenBlocks:
        """Return the same on a device."""
        mask = None if self.mask is None else self.mask.to(device, non_blocking=True)
        return TokenBlocks(
            self.ids.to(device, non_blocking=True), mask, self.rows.to(device, non_blocking=True)
        )


class PositionLogits(nn.Module):
    """Runs a model on `TokenBlocks` and gives (k, p) logits, of its samples alone.

    The output embeddings get the hidden states of the samples only, so padding and context cost no product
    with W, and whatever the model does to its logits afterwards it does to these rows.

    Parameters
    ----------
    name : str
        Name of the model, for messages.
    model : PreTrainedModel
        With ``get_output_embeddings()``.

    Raises
    ------
    ValueError
        The model has no linear output embeddings.
    """

    def __init__(self, name: str, model: nn.Module):
        super().__init__()
        self.model = model
        self._name = name
        self._blocks: TokenBlocks | None = None
        taken = inspect.signature(model.forward).parameters
        self._options: dict[str, Any] = {"use_cache": False} if "use_cache" in taken else {}
        self._hook = self.head.register_forward_pre_hook(self._gather)

    @property
    def head(self) -> nn.Linear:
        """The output embeddings."""
        return output_embeddings(self._name, self.model)

    def close(self) -> None:
        """Leave the model as it was."""
        self._hook.remove()

    def forward(self, blocks: TokenBlocks) -> Any:
        """Return what the model returns, with a row of logits per sample."""
        self._blocks = blocks
        try:
            return self.model(input_ids=blocks.ids, attention_mask=blocks.mask, **self._options)
        finally:
            self._blocks = None

    def _gather(self, _head: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if self._blocks is None:  # somebody else runs the model
            return None
        states, *rest = inputs
        if tuple(states.shape[:-1]) != tuple(self._blocks.ids.shape):
            raise TypeError(
                f"model {self._name!r} gives its output embeddings hidden states of shape "
                f"{tuple(states.shape)} for {tuple(self._blocks.ids.shape)} tokens; one per token is expected"
            )
        return (states.flatten(0, 1)[self._blocks.rows], *rest)


def output_embeddings(name: str, model: nn.Module) -> nn.Linear:
    """Return the layer that makes the logits."""
    head = getattr(model, "get_output_embeddings", lambda: None)()
    if not isinstance(head, nn.Linear):
        found = "nothing" if head is None else type(head).__name__
        raise ValueError(
            f"model {name!r}, {type(model).__name__}, has no linear output embeddings: "
            f"get_output_embeddings() gives {found}; a causal or masked language model is expected"
        )
    return head
