"""What is accumulated of a model: its logits, or the input of the linear layer that makes them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from covlasso.moments import LinearHead
from covlasso.torch.layers import linear_head


class Tap:
    """Runs one model and gives its logits and the rows to accumulate.

    Parameters
    ----------
    name : str
        Name of the model.
    model : Module
        The model.
    layer : Linear, optional
        The last layer: its input is accumulated. None: the logits are.
    required : bool, default False
        Whether it is an error where the logits are not those of that layer.
    """

    def __init__(self, name: str, model: nn.Module, layer: nn.Linear | None, required: bool = False):
        self.name, self.model, self.layer, self.required = name, model, layer, required
        self._features: torch.Tensor | None = None
        self._hook = layer.register_forward_pre_hook(self._keep) if layer is not None else None

    def __call__(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (k, n), and the rows (k, n) or (k, d) to accumulate."""
        self._features = None
        logits = self.model(inputs)
        logits = getattr(logits, "logits", logits)  # outputs of the transformers package
        if not isinstance(logits, torch.Tensor) or logits.ndim != 2 or len(logits) != len(inputs):
            found = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
            raise TypeError(
                f"model {self.name!r} returns {found} for {len(inputs)} inputs; a tensor "
                f"({len(inputs)}, categories) is expected"
            )
        if self.layer is None:
            return logits, logits
        features, self._features = self._features, None
        return logits, logits if features is None else features

    def head(self) -> LinearHead | None:
        """Weights of the last layer, where its input is accumulated."""
        return None if self.layer is None else linear_head(self.layer)

    def fits(self, logits: torch.Tensor, features: torch.Tensor) -> bool:
        """Whether the logits are W h + b within the precision in which the model computes."""
        if self.layer is None:
            return True
        weight = self.layer.weight.double()
        if features.ndim != 2 or features.shape[1] != weight.shape[1] or logits.shape[1] != weight.shape[0]:
            return False
        inputs = features.double()
        bias = 0.0 if self.layer.bias is None else self.layer.bias.double()
        scale = inputs.abs() @ weight.abs().T + abs(bias)
        d = weight.shape[1]
        bound = (8.0 + math.sqrt(d)) * _precision(logits, features) * scale
        return bool(((logits.double() - (inputs @ weight.T + bias)).abs() <= bound).all())

    def use_logits(self) -> None:
        """Accumulate the logits after all."""
        self.close()
        self.layer = None

    def close(self) -> None:
        """Leave the model as it was."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def _keep(self, _module: nn.Module, inputs: tuple[Any, ...]) -> None:
        self._features = inputs[0]


def _precision(logits: torch.Tensor, features: torch.Tensor) -> float:
    """Return the unit of rounding of the product of features and weights."""
    precision: float = max(torch.finfo(tensor.dtype).eps for tensor in (logits, features))
    if logits.device.type == "cuda" and torch.backends.cuda.matmul.allow_tf32:
        precision = max(precision, 2.0**-10)
    return precision
