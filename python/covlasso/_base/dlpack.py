"""What a DLPack capsule says of an array: the first fields of the C structure in it."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple


class Described(NamedTuple):
    """Where an array is; strides in bytes, None for rows in order without gaps."""

    pointer: int
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None
    typestr: str


class _Tensor(ctypes.Structure):
    """DLTensor of https://dmlc.github.io/dlpack/latest/c_api.html."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),  # in elements; or NULL
        ("byte_offset", ctypes.c_uint64),
    )


_KINDS = {0: "i", 1: "u", 2: "f", 5: "c"}  # codes of data types; others are none of numpy's

_pointer_in = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_in.restype = ctypes.c_void_p
_pointer_in.argtypes = (ctypes.py_object, ctypes.c_char_p)


def describe(capsule: Any) -> Described:
    """Read an unversioned capsule, and leave it as it is: whoever keeps it keeps the array.

    Raises
    ------
    ValueError
        It is no such capsule.
    TypeError
        The array has a data type that numpy has not.
    """
    tensor = _Tensor.from_address(_pointer_in(capsule, b"dltensor"))
    if tensor.lanes != 1 or tensor.code not in _KINDS:
        raise TypeError(f"DLPack type {tensor.code} of {tensor.bits} bits and {tensor.lanes} lanes")
    size = tensor.bits // 8
    shape = tuple(tensor.shape[: tensor.ndim])
    strides = tuple(size * stride for stride in tensor.strides[: tensor.ndim]) if tensor.strides else None
    return Described((tensor.data or 0) + tensor.byte_offset, shape, strides, f"{_KINDS[tensor.code]}{size}")
