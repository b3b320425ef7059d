"""What a report carries: JSON and typed arrays, deflated, as one line of base64; `js/payload.js` reads it."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

_DTYPES = ("float32", "int32", "uint8")
_LENGTH = 4  # bytes of the number that says how long the JSON is


class Payload:
    """Arrays by name, to be packed with the JSON that refers to them.

    They are laid out as deflates better: by planes, the first bytes of all numbers, then the second ones,
    ...; integers as steps from each to the next, where these take less.
    """

    def __init__(self) -> None:
        self._layout: dict[str, dict[str, Any]] = {}
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, name: str, values: npt.ArrayLike, dtype: str) -> None:
        """Append an array, flattened, little-endian."""
        if dtype not in _DTYPES or name in self._layout:
            raise ValueError(f"array {name!r} of {dtype}: one of {_DTYPES} and a new name are expected")
        array = np.ascontiguousarray(values, dtype=np.dtype(dtype).newbyteorder("<")).ravel()
        content, steps = _planes(array), False
        if dtype == "int32" and array.size:
            other = _planes(np.diff(array, prepend=array.dtype.type(0)))
            steps = len(zlib.compress(other, 1)) < len(zlib.compress(content, 1))
            content = other if steps else content
        self._layout[name] = {"dtype": dtype, "offset": self._size, "length": array.size, "steps": steps}
        self._parts.append(content)
        self._size += len(content)

    def pack(self, record: dict[str, Any]) -> str:
        """Base64 of a zlib stream: length of the JSON (uint32), the JSON, the arrays."""
        text = json.dumps({**record, "arrays": self._layout}, allow_nan=False).encode()
        whole = b"".join([len(text).to_bytes(_LENGTH, "little"), text, *self._parts])
        return base64.b64encode(zlib.compress(whole, 6)).decode("ascii")


def _planes(array: npt.NDArray[Any]) -> bytes:
    return array.view(np.uint8).reshape(array.size, array.itemsize).T.tobytes()


def rounded_r2(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """R^2 as of `rounded`; near 1 it is the difference from 1 that is rounded, so that errors keep digits."""
    exact = np.asarray(values, dtype=np.float64)
    near = (1.0 - rounded(1.0 - exact).astype(np.float64)).astype(np.float32)
    return np.where(exact > 0.5, near, rounded(exact))


def rounded(values: npt.ArrayLike, bits: int = 12) -> npt.NDArray[np.float32]:
    """Float32 with ``bits`` bits of mantissa, for what is only drawn: zeros at the end compress well.

    The relative error is at most 2^-(bits + 1); the bits of NaN and infinity stay what they are.
    """
    exact = np.ascontiguousarray(values, dtype=np.float32)
    drop = 23 - bits
    code = exact.view(np.uint32)
    near = ((code + (1 << (drop - 1))) >> drop << drop).view(np.float32)
    return np.where(np.isfinite(exact) & np.isfinite(near), near, exact)
