"""What is accumulated of a model: its logits, or the input of the linear layer that makes them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from covlasso.moments import LinearHead
from covlasso.torch.extraction.after_head import AfterHead
from covlasso.torch.extraction.batches import Inputs

_FEW = 2**22  # weights of a layer all of whose outputs are computed again for every batch
_STRIP = 512  # outputs of a larger layer that are, other ones for every batch
_STEPS = 4.0  # roundings between the output of a layer and logits that are scaled or capped
_ROWS = 128  # samples that are compared at a time where that takes memory


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
    after : AfterHead, optional
        What the model makes of the output of the layer; nothing by default.
    """

    def __init__(
        self,
        name: str,
        model: nn.Module,
        layer: nn.Linear | None,
        required: bool = False,
        after: AfterHead | None = None,
    ):
        self.name, self.model, self.layer, self.required = name, model, layer, required
        self.after = after or AfterHead()
        self._features: torch.Tensor | None = None
        self._returned: torch.Tensor | None = None  # by the layer, in the type in which it computes
        self._copy: torch.Tensor | None = None  # memory for it
        self._head: LinearHead | None = None
        self._placed: dict[torch.device, tuple[torch.Tensor, torch.Tensor]] = {}  # its W and b
        self._looked = 0  # batches whose logits were compared
        self._hook = layer.register_forward_hook(self._keep) if layer is not None else None

    def __call__(self, inputs: torch.Tensor | Inputs) -> tuple[torch.Tensor, torch.Tensor]:
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
            self._head = self.after.with_scale(self.layer)
        return self._head

    def departures(self, logits: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Of which samples (k,) the logits are not W h + b within the rounding of the type of the layer.

        With h and W rounded to that type, what a layer adds is the rounding of its result,
        u (|W h + b| + |b|), and that of its sums, sqrt(d) |w| |h| in the unit of the type of the sums, which
        is float32 at least. A GPU may round sums of pieces, of size |w| |h| / sqrt(d), to half precision. As
        u hides much there, logits in half precision also have to be what the layer returned, bit for bit. In
        float64 W h + b is rounded here, too: by d |w| |h| at most.

        Of a large layer a strip of W h + b is computed for each batch, the next one for the next, and all
        logits have to be what the layer returned, or what the model is known to make of it.
        """
        head = self.head()
        if head is None:
            return torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
        n, d = head.categories, head.features
        if self._returned is None or features.shape != (len(logits), d) or logits.shape[1] != n:
            return torch.ones(len(logits), dtype=torch.bool, device=logits.device)
        computed = self._returned.dtype
        strip = self._next_strip(head)
        weight, bias = self._weights(head, logits.device)
        scale = self.after.scale  # which is in the weights, and not in those of the layer
        h, w, b = (x.to(computed).double() for x in (features, weight[strip] / scale, bias[strip] / scale))
        expected = h @ w.T + b
        size = torch.outer(h.norm(dim=1), w.norm(dim=1)) + b.abs()
        u = torch.finfo(computed).eps
        sums = d if computed == torch.float64 else math.sqrt(d)
        bound = u * (expected.abs() + b.abs()) + (8.0 + sums) * _unit_of_sums(self._returned) * size
        half = computed in (torch.float16, torch.bfloat16)
        if half and logits.device.type == "cuda":
            bound += 4.0 * u / math.sqrt(d) * size
        if not self.after.is_identity:
            bound += _STEPS * u * expected.abs()
        gap = (logits[:, strip].double() - self.after(expected)).abs()
        fits = (gap <= abs(scale) * bound).all(dim=1)
        if half or strip != slice(0, n):
            fits &= self._as_returned(logits, self._returned)
        return ~fits

    def take_out(self, head: LinearHead) -> None:
        """Compare the logits from here on with this layer, whatever becomes of the model's own."""
        self._head = head
        self._placed.clear()

    def use_logits(self) -> None:
        """Accumulate the logits after all."""
        self.close()
        self.layer = self._head = self._returned = self._copy = None

    def close(self) -> None:
        """Leave the model as it was."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def _keep(self, _module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
        self._features = inputs[0]
        self._returned = self._copied(output)  # the model may write into it

    def _copied(self, output: torch.Tensor) -> torch.Tensor:
        """Copy what the layer returned into the memory of an earlier batch: on a CPU new memory is slow."""
        old = self._copy
        kind = (output.dtype, output.device, output.shape[1:])
        if old is None or (old.dtype, old.device, old.shape[1:]) != kind or len(old) < len(output):
            old = self._copy = torch.empty_like(output)
        return old[: len(output)].copy_(output)

    def _next_strip(self, head: LinearHead) -> slice:
        """Return which outputs of the layer are computed again for this batch."""
        if head.weight.size <= _FEW:
            return slice(0, head.categories)
        start = (self._looked * _STRIP) % head.categories
        self._looked += 1
        return slice(start, min(start + _STRIP, head.categories))

    def _as_returned(self, logits: torch.Tensor, returned: torch.Tensor) -> torch.Tensor:
        """Which samples have logits that are what the model is known to make of the layer's output."""
        if self.after.is_identity:
            return (logits.to(returned.dtype) == returned).all(dim=1)
        u = torch.finfo(returned.dtype).eps
        pieces = []
        wide = torch.promote_types(returned.dtype, torch.float32)
        for found, given in zip(logits.split(_ROWS), returned.split(_ROWS), strict=True):
            scaled = given.to(wide) * self.after.scale
            gap = (found.to(wide) - self.after.capped(scaled)).abs()
            pieces.append((gap <= _STEPS * u * scaled.abs()).all(dim=1))
        return torch.cat(pieces)

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
