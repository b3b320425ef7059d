"""What a model makes of the output of its last layer: nothing, a scale, a soft cap."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from covlasso.moments import LinearHead
from covlasso.torch.arrays import host_array


@dataclass(frozen=True)
class AfterHead:
    """Logits y = c tanh(s x / c) of the output x of a last layer; y = s x without a cap.

    Language models have it: Cohere's ``logit_scale`` is s, ``logits_scaling`` of Granite 1 / s, and
    ``final_logit_softcapping`` of Gemma c. A scale belongs to the layer, W h + b is s (W h + b) then; moments
    of a model with a cap are those of its logits before the cap, which keeps their order.

    Attributes
    ----------
    scale : float, default 1
        s, a finite number other than 0.
    softcap : float, optional
        c > 0; none by default.

    Raises
    ------
    ValueError
        A number is out of its range.
    """

    scale: float = 1.0
    softcap: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not math.isfinite(self.scale) or self.scale == 0.0:
            raise ValueError(f"scale is {self.scale!r}; a finite number other than 0 is expected")
        if self.softcap is not None and not 0.0 < self.softcap < math.inf:
            raise ValueError(f"softcap is {self.softcap!r}; a finite number above 0 is expected")

    @property
    def is_identity(self) -> bool:
        """Whether logits are what the layer gives."""
        return self.scale == 1.0 and self.softcap is None

    def __call__(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the logits of such outputs of the layer, in the type of these."""
        return self.capped(outputs if self.scale == 1.0 else outputs * self.scale)

    def capped(self, scaled: torch.Tensor) -> torch.Tensor:
        """Return the logits of outputs that are scaled already."""
        return scaled if self.softcap is None else self.softcap * torch.tanh(scaled / self.softcap)

    def with_scale(self, layer: torch.nn.Linear) -> LinearHead:
        """Return the weights of a layer, the scale in them, on the host."""
        weight, bias = host_array(layer.weight), None if layer.bias is None else host_array(layer.bias)
        if self.scale != 1.0:
            weight = weight * weight.dtype.type(self.scale)
            bias = None if bias is None else bias * bias.dtype.type(self.scale)
        return LinearHead(weight, bias)
