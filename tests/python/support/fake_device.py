"""A CUDA device in host memory: what a test needs to follow arrays of a device to the core without one."""

import ctypes
import functools

import numpy as np

from covlasso import _core
from covlasso._base import device_arrays, devices
from covlasso.solver import solution_path

REAL_PATHS = _core.Paths
NO_CODE = "this build of covlasso has no CUDA code; build it with -C cmake.define.COVLASSO_CUDA=ON"
NO_DEVICE = "no CUDA device is found; see that nvidia-smi lists one that CUDA_VISIBLE_DEVICES does not hide"


class Matrix:
    """Stands for _core.DeviceMatrix."""

    def __init__(self, machine, pointer, rows, cols, stride, is_float64, device, owner):
        self.machine, self.device, self.owner = machine, device, owner
        number = ctypes.c_double if is_float64 else ctypes.c_float
        memory = (number * ((rows - 1) * stride + cols)).from_address(pointer)
        flat = np.frombuffer(memory, dtype=number)
        self.view = np.lib.stride_tricks.as_strided(
            flat, (rows, cols), (stride * flat.itemsize, flat.itemsize)
        )

    def to_host(self, stream):
        self.machine.waited.append(stream)
        return self.view.copy()


class Machine:
    """So many devices, and the arrays on them.

    Attributes
    ----------
    calls : list of dict
        ``gram``, ``cross``, ``energy``, ``weights``, ``devices`` and ``stream`` of every _core.Paths.
    waited : list of int
        Streams that copies to the host waited for.
    """

    def __init__(self, count):
        self.count, self.calls, self.waited, self.home = count, [], [], {}

    def install(self, monkeypatch):
        monkeypatch.setattr(devices, "reason_of_the_core", lambda: "" if self.count else NO_DEVICE)
        monkeypatch.setattr(devices, "cuda_device_count", lambda: self.count)
        monkeypatch.setattr(device_arrays, "cuda_pointer_device", self.home.__getitem__)
        monkeypatch.setattr(device_arrays, "DeviceMatrix", functools.partial(Matrix, self))
        monkeypatch.setattr(solution_path, "Paths", self._paths)
        return self

    def array(self, values, device=0, **changes):
        """The values on a device, as another library shows them."""
        return Array(self, values, device, changes)

    def _paths(self, gram, cross, energy, *rest, devices, stream, **options):
        *_, weights = rest
        call = {"gram": gram, "cross": cross, "energy": energy, "weights": weights}
        self.calls.append({**call, "devices": devices, "stream": stream})
        on_host = [value.view if isinstance(value, Matrix) else value for value in (gram, cross, energy)]
        if isinstance(energy, Matrix):
            on_host[2] = np.ascontiguousarray(on_host[2][0])
        return REAL_PATHS(*on_host, *rest, devices=[], stream=0, **options)


class Array:
    """An array with `__cuda_array_interface__`, version 3, whose entries `changes` replace."""

    def __init__(self, machine, values, device, changes):
        self.values, self.changes = values, changes
        machine.home[values.ctypes.data] = device

    @property
    def __cuda_array_interface__(self):
        interface = self.values.__array_interface__
        kept = {name: interface[name] for name in ("shape", "typestr", "data", "strides")}
        return {**kept, "version": 3, "stream": 1, **self.changes}


class Packed:
    """An array with DLPack alone."""

    def __init__(self, values, kind, machine=None):
        self.values, self.kind = values, kind
        if machine is not None:
            machine.home[values.ctypes.data] = 0

    def __dlpack_device__(self):
        return self.kind, 0

    def __dlpack__(self, **options):
        self.options = options
        return self.values.__dlpack__()
