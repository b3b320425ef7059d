"""Tensors as arrays in the memory of the host."""

from __future__ import annotations

import torch

from covlasso._base.arrays import Array


def host_array(tensor: torch.Tensor) -> Array:
    """Return the numbers on the host; bfloat16, which numpy lacks, becomes float32 without loss."""
    host = tensor.detach().cpu()
    array: Array = (host.float() if host.dtype == torch.bfloat16 else host).numpy()
    return array
