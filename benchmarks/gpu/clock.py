"""What a CUDA device measures of itself, through torch or CuPy: times by events, the rate of copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

_COPIES = 16  # in one measurement


class Clock(Protocol):
    """Arrays and events of a library that knows the device."""

    name: str
    l2_bytes: int

    def put(self, array: np.ndarray) -> Any:
        """Copy an array to the device."""

    def copy(self, target: Any, source: Any) -> None:
        """Copy between arrays of the device."""

    def seconds(self, work: Callable[[], Any]) -> tuple[float, Any]:
        """Time between an event before and one behind the work, and what it returned."""


class Torch:
    """By torch."""

    def __init__(self) -> None:
        import torch

        self._torch = torch
        device = torch.cuda.get_device_properties(0)
        self.name, self.l2_bytes = device.name, device.L2_cache_size

    def put(self, array: np.ndarray) -> Any:
        return self._torch.from_numpy(array).cuda()

    def copy(self, target: Any, source: Any) -> None:
        target.copy_(source)

    def seconds(self, work: Callable[[], Any]) -> tuple[float, Any]:
        start, end = (self._torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        result = work()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3, result


class CuPy:
    """By CuPy."""

    def __init__(self) -> None:
        import cupy

        self._cupy = cupy
        self.name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
        self.l2_bytes = cupy.cuda.Device(0).attributes["L2CacheSize"]

    def put(self, array: np.ndarray) -> Any:
        return self._cupy.asarray(array)

    def copy(self, target: Any, source: Any) -> None:
        self._cupy.copyto(target, source)

    def seconds(self, work: Callable[[], Any]) -> tuple[float, Any]:
        start, end = self._cupy.cuda.Event(), self._cupy.cuda.Event()
        start.record()
        result = work()
        end.record()
        end.synchronize()
        return self._cupy.cuda.get_elapsed_time(start, end) / 1e3, result


def find_clock() -> Clock:
    """Torch where it is there and has the device, else CuPy."""
    try:
        import torch

        if torch.cuda.is_available():
            return Torch()
    except ImportError:
        pass
    try:
        return CuPy()
    except ImportError as cause:
        raise SystemExit(
            "neither torch with CUDA nor cupy is installed: times are taken by their events"
        ) from cause


def copy_rate(clock: Clock, size: int) -> float:
    """Bytes a second, read and written ones, of copies of `size` bytes: the median of nine measurements."""
    source, target = (clock.put(np.zeros(size, dtype=np.uint8)) for _ in range(2))

    def copies() -> None:
        for _ in range(_COPIES):
            clock.copy(target, source)

    clock.seconds(copies)
    return 2 * _COPIES * size / float(np.median([clock.seconds(copies)[0] for _ in range(9)]))


def memory_rate(clock: Clock) -> float:
    """That of copies far larger than the L2 cache."""
    return copy_rate(clock, 1 << 30)


def l2_rate(clock: Clock) -> float:
    """That of copies of which both sides stay in the L2 cache."""
    return copy_rate(clock, clock.l2_bytes // 4)
