"""Arrays of other libraries, read where they are: in the memory of a CUDA device or of the host.

An array says itself where it is, by `__cuda_array_interface__` or DLPack: nothing here imports its library.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from covlasso._base.arrays import Array
from covlasso._base.checks import check_dtype, check_rows
from covlasso._base.devices import Asked, require_cuda
from covlasso._core import DeviceMatrix, cuda_pointer_device

_HOST, _CUDA = (1, 3), (2, 13)  # device types of DLPack: memory, page-locked; device, managed
_LEGACY = 1  # the default stream, in both protocols


@dataclass(frozen=True, eq=False)
class DeviceArray:
    """A vector, or a matrix with contiguous rows, of float32 or float64 in the memory of a CUDA device.

    Attributes
    ----------
    pointer : int
        Address of the first number.
    shape : tuple of int
        (n,) or (n, p).
    stride : int
        From one number of a vector, or one row, to the next, in numbers.
    dtype : np.dtype
        Of the numbers.
    stream : int
        cudaStream_t after whose work they are there; 0 is the default stream.
    owner : object
        What keeps them.
    """

    pointer: int
    shape: tuple[int, ...]
    stride: int
    dtype: np.dtype[Any]
    stream: int
    owner: object

    @cached_property
    def device(self) -> int:
        """Number of the device."""
        return cuda_pointer_device(self.pointer)

    @cached_property
    def core(self) -> DeviceMatrix:
        """What the core reads; a vector without gaps is a row, another one a column."""
        rows, columns = self.shape if len(self.shape) == 2 else (*self.shape, 1)
        stride = self.stride
        if len(self.shape) == 1 and stride == 1:
            rows, columns, stride = 1, rows, rows
        is_float64 = self.dtype == np.float64
        return DeviceMatrix(self.pointer, rows, columns, stride, is_float64, self.device, self.owner)

    def to_host(self) -> Array:
        """Copy the numbers to the memory of the host, once they are there."""
        return self.core.to_host(self.stream).reshape(self.shape)

    def diagonal(self) -> Array:
        """Copy the diagonal of a square matrix to the memory of the host."""
        return replace(self, shape=self.shape[:1], stride=self.stride + 1).to_host()

    def wait(self) -> None:
        """Return once the numbers are there."""
        replace(self, shape=(1,), stride=1).to_host()


def in_place(value: Any, name: str) -> Any:
    """Give the memory of an array of another library: `DeviceArray` or numpy array; other values unchanged.

    Raises
    ------
    TypeError, ValueError
        It does not give its memory, or in a form that is not read in place; the message names the remedy.
    RuntimeError
        It is in the memory of a device, and there is none that this build can use.
    """
    if isinstance(value, np.ndarray):
        return value
    try:
        interface = getattr(value, "__cuda_array_interface__", None)
        kind = value.__dlpack_device__()[0] if hasattr(value, "__dlpack_device__") else None
        if interface is None and kind in _HOST:
            return np.from_dlpack(value)
    except (AttributeError, BufferError, RuntimeError, TypeError, ValueError) as cause:
        raise TypeError(f"{name} does not give its memory: {cause}") from cause
    if interface is not None:
        require_cuda(f"{name} is in the memory of a CUDA device")
        return _from_interface(interface, value, name)
    if kind in _CUDA:
        require_cuda(f"{name} is in the memory of a CUDA device")
        return _from_capsule(value, name)
    if kind is not None:
        raise TypeError(
            f"{name} is in the memory of a device of DLPack type {kind}, which is not read; give a copy in "
            "host memory"
        )
    return value


def ready(arrays: Mapping[str, DeviceArray]) -> int:
    """Stream after whose work all arrays are there; what is not of the first one's stream is waited for."""
    stream = next((array.stream for array in arrays.values()), 0)
    for array in arrays.values():
        if array.stream != stream:
            array.wait()
    return stream


def _from_interface(interface: Mapping[str, Any], value: Any, name: str) -> DeviceArray:
    """Read https://numba.readthedocs.io/en/stable/cuda/cuda_array_interface.html, versions 0 to 3."""
    if interface.get("mask") is not None:
        raise TypeError(f"{name} has a mask; give an array without")
    described = (
        interface["data"][0] or 0,
        tuple(interface["shape"]),
        interface.get("strides"),
        interface["typestr"],
    )
    return _checked(described, _stream(interface, value, name), value, name)


def _from_capsule(value: Any, name: str) -> DeviceArray:
    from covlasso._base import dlpack

    try:
        capsule = value.__dlpack__(stream=_LEGACY)  # which then waits until the numbers are there
        described = dlpack.describe(capsule)
    except (BufferError, RuntimeError, TypeError, ValueError) as cause:
        raise TypeError(f"{name} does not give its memory: {cause}") from cause
    return _checked(described, 0, capsule, name)


def _checked(described: tuple[Any, ...], stream: int, owner: object, name: str) -> DeviceArray:
    """Refuse what the core does not read in place; strides in bytes, None for rows in order without gaps."""
    pointer, shape, strides, typestr = described
    dtype = np.dtype(typestr)
    check_dtype(dtype, name, f"convert {name} to float64")
    if len(shape) not in (1, 2):
        raise ValueError(f"{name} has shape {shape}; one or two dimensions are expected")
    size = dtype.itemsize
    rows, columns = (*shape, 1)[:2]  # a vector is read as one column
    steps = (size * columns, size) if strides is None else (*strides, size)[:2]
    remedy = f"give a contiguous copy ({name}.contiguous() in torch, cupy.ascontiguousarray({name}))"
    check_rows((rows, columns), steps, size, pointer % size == 0, name, remedy)
    return DeviceArray(pointer, shape, steps[0] // size if rows > 1 else columns, dtype, stream, owner)


def _stream(interface: Mapping[str, Any], value: Any, name: str) -> int:
    """Return the stream after whose work the numbers are there, as a cudaStream_t."""
    stream = interface.get("stream")
    if stream == 0:
        raise ValueError(f"the stream of {name} is 0, which __cuda_array_interface__ leaves undefined; use 1")
    if stream is not None:
        return 0 if stream == _LEGACY else int(stream)
    # Who gives no stream works on the current one of its library, which is there if its array is.
    torch, cupy = sys.modules.get("torch"), sys.modules.get("cupy")
    if torch is not None and isinstance(value, torch.Tensor):
        return int(torch.cuda.current_stream(value.device).cuda_stream)
    if cupy is not None and isinstance(value, cupy.ndarray):
        return int(cupy.cuda.get_current_stream().ptr)
    return 0


def place(asked: Asked, arrays: Mapping[str, DeviceArray]) -> list[int]:
    """Numbers of the devices that solve, the first of which holds the arrays; none: the CPU.

    Parameters
    ----------
    asked : tuple
        From `check_device`.
    arrays : mapping
        The arguments of `covlasso.path` that lie in the memory of a device, by name.

    Raises
    ------
    ValueError
        They lie elsewhere.
    """
    if not arrays:
        return [number or 0 for number in asked]
    first, home = next((name, array.device) for name, array in arrays.items())
    for name, array in arrays.items():
        if array.device != home:
            raise ValueError(
                f"{name} is in the memory of cuda:{array.device} and {first} in that of cuda:{home}; "
                "give both in the memory of one device"
            )
    if asked == (None,):
        return [home]
    if not asked:
        raise ValueError(
            f'{first} is in the memory of cuda:{home}, but device is "cpu"; give device="cuda", or a copy in '
            "host memory"
        )
    if asked[0] != home:
        raise ValueError(
            f"{first} is in the memory of cuda:{home}, but the first device is cuda:{asked[0]}; begin with "
            f"cuda:{home}, or give {first} in the memory of cuda:{asked[0]}"
        )
    return [number or 0 for number in asked]
