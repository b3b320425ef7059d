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
        self._returned: torch.Tensor | None = None  # by the layer, in the type in which it computes
        self._head: LinearHead | None = None
        self._placed: dict[torch.device, tuple[torch.Tensor, torch.Tensor]] = {}  # its W and b
        self._hook = layer.register_forward_hook(self._keep) if layer is not None else None

    def __call__(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (k, n), and the rows (k, n) or (k, d) to accumulate."""
        self._features = self._returned = None
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
        """Weights of the last layer, where its input is accumulated: those of the first batch."""
        if self._head is None and self.layer is not None:
            self._head = linear_head(self.layer)
        return self._head

    def departures(self, logits: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Of which samples (k,) the logits are not W h + b within the rounding of the type of the layer.

        With h and W rounded to that type, what a layer adds is the rounding of its result,
        u (|W h + b| + |b|), and that of its sums, sqrt(d) |w| |h| in the unit of the type of the sums, which
        is float32 at least. A GPU may round sums of pieces, of size |w| |h| / sqrt(d), to half precision. As
        u hides much there, logits in half precision also have to be what the layer returned, bit for bit.
        """
        head = self.head()
        if head is None:
            return torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
        n, d = head.categories, head.features
        if self._returned is None or features.shape != (len(logits), d) or logits.shape[1] != n:
            return torch.ones(len(logits), dtype=torch.bool, device=logits.device)
        computed = self._returned.dtype
        h, w, b = (x.to(computed).double() for x in (features, *self._weights(head, logits.device)))
        expected = h @ w.T + b
        size = torch.outer(h.norm(dim=1), w.norm(dim=1)) + b.abs()
        u = torch.finfo(computed).eps
        bound = u * (expected.abs() + b.abs()) + (8.0 + math.sqrt(d)) * _unit_of_sums(self._returned) * size
        half = computed in (torch.float16, torch.bfloat16)
        if half and logits.device.type == "cuda":
            bound += 4.0 * u / math.sqrt(d) * size
        fits = (logits.double() - expected).abs() <= bound
        if half:
            fits &= logits.to(computed) == self._returned
        return ~fits.all(dim=1)

    def take_out(self, head: LinearHead) -> None:
        """Compare the logits from here on with this layer, whatever becomes of the model's own."""
        self._head = head
        self._placed.clear()

    def use_logits(self) -> None:
        """Accumulate the logits after all."""
        self.close()
        self.layer = self._head = None

    def close(self) -> None:
        """Leave the model as it was."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def _keep(self, _module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        self._features = inputs[0]
        self._returned = output.clone()  # the model may write into it

    def _weights(self, head: LinearHead, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        if device not in self._placed:
            weight = torch.tensor(head.weight, device=device)
            bias = weight.new_zeros(len(weight)) if head.bias is None else weight.new_tensor(head.bias)
            self._placed[device] = weight, bias
        return self._placed[device]


def _unit_of_sums(returned: torch.Tensor) -> float:
    """Return the unit of rounding of sums in a layer that returns this."""
    unit: float = min(torch.finfo(returned.dtype).eps, torch.finfo(torch.float32).eps)
    if returned.device.type == "cuda" and torch.backends.cuda.matmul.allow_tf32:
        unit = max(unit, 2.0**-10)
    return unit
