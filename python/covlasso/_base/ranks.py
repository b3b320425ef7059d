"""The ranks of one command: those that torchrun (or SLURM) started, or this process alone, without torch."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import numpy as np

from covlasso._base.arrays import Array
from covlasso._base.errors import one_line

TIMEOUT = timedelta(hours=2)  # how long a rank waits for a slower one; a rank that died is noticed at once
_ARRAY = "__array__"  # key that stands for an array in the JSON of a message


class GroupError(RuntimeError):
    """Another rank ended or did not answer."""


class Group:
    """A process among those that work on one command.

    Attributes
    ----------
    rank : int
        Number of this process, from 0.
    size : int
        Number of processes.
    """

    def __init__(self, rank: int = 0, size: int = 1, device: str = "cpu"):
        self.rank, self.size = rank, size
        self._device = device  # where nccl wants its messages

    def gather(self, value: Any) -> list[Any] | None:
        """Values of all ranks, in their order, on rank 0; None elsewhere.

        Parameters
        ----------
        value
            Numbers, strings, None and numpy arrays in dicts (with strings as keys) and lists.

        Raises
        ------
        GroupError
            Another rank ended or did not answer.
        """
        values = list(self.each(value))
        return values if self.rank == 0 else None

    def each(self, value: Any) -> Iterator[Any]:
        """Like `gather`, one value after the other: only one of another rank is in memory at a time."""
        if self.rank == 0:
            yield value
            for rank in range(1, self.size):
                yield self._receive(rank)
        else:
            self._send(value)

    def barrier(self) -> None:
        """Wait for all ranks.

        Raises
        ------
        GroupError
            Another rank ended or did not answer.
        """
        if self.size > 1:
            import torch.distributed as dist

            with _explained():
                dist.barrier()

    def _send(self, value: Any) -> None:
        arrays: list[Array] = []
        text = json.dumps(_without_arrays(value, arrays)).encode()
        with _explained():
            self._send_bytes(np.array([len(text)]))
            self._send_bytes(np.frombuffer(text, dtype=np.uint8))
            for array in arrays:
                self._send_bytes(array)

    def _receive(self, rank: int) -> Any:
        with _explained():
            length = int(self._receive_bytes(np.empty(1, dtype=np.int64), rank)[0])
            text = self._receive_bytes(np.empty(length, dtype=np.uint8), rank).tobytes()
            return self._with_arrays(json.loads(text), rank)

    def _with_arrays(self, value: Any, rank: int) -> Any:
        """Inverse of `_without_arrays`: the arrays follow in the order of the text."""
        if isinstance(value, dict):
            if _ARRAY in value:
                dtype, shape = value[_ARRAY]
                return self._receive_bytes(np.empty(shape, dtype=dtype), rank)
            return {key: self._with_arrays(item, rank) for key, item in value.items()}
        if isinstance(value, list):
            return [self._with_arrays(item, rank) for item in value]
        return value

    def _send_bytes(self, array: Array) -> None:
        import torch
        import torch.distributed as dist

        if array.size:
            raw = np.array(array, order="C").reshape(-1).view(np.uint8)
            dist.send(torch.from_numpy(raw).to(self._device), 0)

    def _receive_bytes(self, array: Array, rank: int) -> Array:
        import torch
        import torch.distributed as dist

        if array.size:
            host = torch.from_numpy(array.reshape(-1).view(np.uint8))  # shares its memory with array
            message = host.to(self._device)
            dist.recv(message, rank)
            if message is not host:
                host.copy_(message)
        return array


@contextmanager
def process_group(device: str = "cpu", timeout: timedelta = TIMEOUT) -> Iterator[Group]:
    """Join the ranks of torchrun, or of any launcher that sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.

    Without RANK and WORLD_SIZE in the environment, or with one rank, this process is rank 0 of 1 and torch is
    not imported. A group that the caller has made with ``torch.distributed`` is used and left as it is.

    Parameters
    ----------
    device : str, default "cpu"
        Where the messages are: gloo carries them between CPUs, nccl between GPUs ("cuda:1", say).
    timeout : timedelta, default two hours
        How long one rank waits for another.

    Raises
    ------
    ValueError
        The environment is incomplete or contradicts itself.
    ImportError
        There are several ranks and torch is not installed.
    GroupError
        The other ranks cannot be reached.
    """
    if "torch.distributed" in sys.modules:
        import torch.distributed as dist

        if dist.is_available() and dist.is_initialized():
            on_gpu = dist.get_backend() == "nccl"
            yield Group(dist.get_rank(), dist.get_world_size(), device if on_gpu else "cpu")
            return
    rank, size = _environment()
    if size == 1:
        yield Group()
        return
    try:
        import torch.distributed as dist
    except ImportError as cause:
        raise ImportError(f"WORLD_SIZE is {size}: several ranks need torch: pip install torch") from cause
    on_gpu = device.startswith("cuda")
    with _explained():
        dist.init_process_group("nccl" if on_gpu else "gloo", timeout=timeout, rank=rank, world_size=size)
    try:
        yield Group(rank, size, device if on_gpu else "cpu")
    finally:
        dist.destroy_process_group()


def local_rank() -> int:
    """Return the number of this process on its machine, by which it takes its GPU."""
    return int(os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", "0")))


def own_device(device: str, group: Group) -> str:
    """Return the GPU of this rank for "cuda", where there are several ranks; other names as they are."""
    return f"cuda:{local_rank()}" if device == "cuda" and group.size > 1 else device


def _environment() -> tuple[int, int]:
    """Rank and number of ranks; (0, 1) where no launcher says otherwise."""
    if "RANK" not in os.environ and "WORLD_SIZE" not in os.environ:
        return 0, 1
    found = {}
    for name in ("RANK", "WORLD_SIZE"):
        text = os.environ.get(name, "")
        if not text.isdecimal():
            raise ValueError(
                f"environment variable {name} is {text!r}, a number is expected; "
                "start the command with torchrun, or unset RANK and WORLD_SIZE"
            )
        found[name] = int(text)
    if not found["RANK"] < found["WORLD_SIZE"]:
        raise ValueError(
            f"environment variable RANK is {found['RANK']}, it must be below WORLD_SIZE {found['WORLD_SIZE']}"
        )
    missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if found["WORLD_SIZE"] > 1 and missing:
        raise ValueError(
            f"WORLD_SIZE is {found['WORLD_SIZE']} and {' and '.join(missing)} missing from the environment; "
            "start the command with torchrun, or set the address and a port of rank 0"
        )
    return found["RANK"], found["WORLD_SIZE"]


def _without_arrays(value: Any, arrays: list[Array]) -> Any:
    """Copy ``value`` with its arrays moved to the list, for JSON."""
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("an array of Python objects cannot be sent to another rank")
        arrays.append(value)
        return {_ARRAY: [value.dtype.str, list(value.shape)]}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _without_arrays(item, arrays) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_arrays(item, arrays) for item in value]
    return value


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what torch says of a broken connection into one sentence."""
    try:
        yield
    except RuntimeError as cause:
        raise GroupError(
            "another rank ended or did not answer; see its message. The same command goes on from the saved "
            f"states ({one_line(cause)})"
        ) from cause
