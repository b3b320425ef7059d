"""Where targets are solved: what ``device=`` may say, and what this build and this machine have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from covlasso._core import cuda_device_count
from covlasso._core import cuda_unavailable_reason as reason_of_the_core

Asked: TypeAlias = tuple[int | None, ...]
"""Numbers of CUDA devices; none: the CPU; one None: "cuda", which is where the arrays are."""

_EXPECTED = '"cpu", "cuda", "cuda:N" or a sequence of different "cuda:N" is expected'


def cuda_available() -> bool:
    """Tell whether ``device="cuda"`` works here: CUDA code in this build, a driver, and a device.

    Where it does not, `cuda_unavailable_reason` says which of them is missing.

    Examples
    --------
    >>> import covlasso
    >>> device = "cuda" if covlasso.cuda_available() else "cpu"
    """
    return not cuda_unavailable_reason()


def cuda_unavailable_reason() -> str:
    """Tell why ``device="cuda"`` does not work here, and what to do; empty where it works.

    Examples
    --------
    >>> import covlasso
    >>> covlasso.cuda_available() == (not covlasso.cuda_unavailable_reason())
    True
    """
    return reason_of_the_core()


def check_device(device: str | Sequence[str]) -> Asked:
    """Numbers of the devices asked for, each of which is there.

    Raises
    ------
    TypeError, ValueError
        It is no device.
    RuntimeError
        This build has no CUDA code, the machine no device, or none of that number.
    """
    if isinstance(device, str) and device == "cpu":
        return ()
    names = [device] if isinstance(device, str) else device
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"device is {device!r}; {_EXPECTED}")
    found = [re.fullmatch("cuda(?::([0-9]+))?", name) for name in names]
    asked = [None if match is None or match[1] is None else int(match[1]) for match in found]
    vague = None in asked and len(asked) > 1
    if not names or None in found or vague or len(set(asked)) < len(asked):
        raise ValueError(f"device is {device!r}; {_EXPECTED}")
    require_cuda(f"device is {device!r}")
    count = cuda_device_count()
    for number in asked:
        if number is not None and number >= count:
            there = "only cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
            raise RuntimeError(f"device is {device!r}, but this machine has {there}")
    return tuple(asked)


def require_cuda(what: str) -> None:
    """Raise a RuntimeError where there is no CUDA device for ``what``, which says why and what to do."""
    obstacle = cuda_unavailable_reason()
    if obstacle:
        raise RuntimeError(f'{what}, but {obstacle}, or use device="cpu" and arrays in host memory')
