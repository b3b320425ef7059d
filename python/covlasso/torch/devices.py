"""Devices and types by their names."""

from __future__ import annotations

import torch

from covlasso._base.ranks import local_rank


def rank_device(device: str | None) -> str:
    """Return the device of this rank: "cuda", or None where there is a GPU, is the GPU of its own number."""
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        device = f"cuda:{local_rank()}"
    if device.startswith("cuda"):
        if not torch.cuda.is_available():
            raise ValueError("there is no GPU that torch can use; take the device cpu")
        torch.cuda.set_device(device)
    return device


def float_type(name: str) -> torch.dtype:
    """Return the torch type of this name."""
    found: torch.dtype = getattr(torch, name)
    return found
