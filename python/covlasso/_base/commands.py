"""What decides about the result of a command, so that only the same command goes on with what is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np

from covlasso._base.arrays import Array


def digest(texts: Iterable[str]) -> str:
    """Hash of some strings, in their order."""
    total = blake2b(digest_size=16)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        total.update(len(data).to_bytes(8, "little") + data)
    return total.hexdigest()


def array_digest(arrays: Iterable[Array]) -> str:
    """Hash of some arrays, in their order, with dtypes and shapes."""
    total = blake2b(digest_size=16)
    for array in arrays:
        total.update(f"{array.dtype.str} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return total.hexdigest()


def difference(was: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """Return the first field that differs, and both its values; fields of fields are joined by points."""
    for field in {**now, **was}:
        old, new = was.get(field), now.get(field)
        inner = difference(old, new) if isinstance(old, dict) and isinstance(new, dict) else None
        if inner is not None:
            return f"{field}.{inner[0]}", *inner[1:]
        if old != new:
            return field, old, new
    return None


def short(value: Any) -> str:
    """Return a value of a command as a message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
