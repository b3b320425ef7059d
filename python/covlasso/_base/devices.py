"""Where targets are solved: what ``device=`` may say, and what this build and this machine have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from covlasso._core import cuda_built, cuda_device_count

if TYPE_CHECKING:
    pass

Asked: TypeAlias = tuple[int | None, ...]
"""Numbers of CUDA devices; none: the CPU; one None: "cuda", which is where the arrays are."""

_EXPECTED = '"cpu", "cuda", "cuda:N" or a sequence of different "cuda:N" is expected'


def cuda_available() -> bool:
    """Tell whether ``device="cuda"`` works here: CUDA code in this build, a driver, and a device.

    Examples
    --------
    >>> import covlasso
    >>> device = "cuda" if covlasso.cuda_available() else "cpu"
    """
    return cuda_built() and cuda_device_count() > 0


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
    if not cuda_built():
        raise RuntimeError(
            f"{what}, but this build of covlasso has no CUDA code; build it where nvcc is, by python -m pip "
            'install . -C cmake.define.COVLASSO_CUDA=ON, or use device="cpu" and arrays in host memory'
        )
    if cuda_device_count() == 0:
        raise RuntimeError(
            f"{what}, but no CUDA device is found; see that nvidia-smi lists one that CUDA_VISIBLE_DEVICES "
            'does not hide, or use device="cpu" and arrays in host memory'
        )
