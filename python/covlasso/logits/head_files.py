"""The linear last layer of a model in files: weight and bias, as `open_logits` opens arrays."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from covlasso._base.arrays import Array
from covlasso.logits.files import open_logits
from covlasso.logits.logit_file import LogitFile
from covlasso.moments import LinearHead

_ROWS = 4096  # read at a time


def read_head(weight: str | os.PathLike[str], bias: str | os.PathLike[str] | None = None) -> LinearHead:
    """Read a layer W h + b.

    Parameters
    ----------
    weight : str or path
        W, (categories, features), as `open_logits` takes it: .npy, .npz, .safetensors (FILE:KEY), ...
    bias : str or path, optional
        b, (categories,) or (categories, 1); none means 0.

    Returns
    -------
    LinearHead
        In the precision of the file; bfloat16 as float32.

    Raises
    ------
    FileNotFoundError, ValueError
        A file is missing, damaged, or of another shape.
    """
    matrix = _whole(open_logits(weight))
    if bias is None:
        return LinearHead(matrix)
    values = _vector(bias)
    if len(values) != len(matrix):
        raise ValueError(
            f"{bias} has {len(values)} entries and {weight} {len(matrix)} rows; both count categories"
        )
    return LinearHead(matrix, values)


def check_states(states: LogitFile, head: LinearHead) -> None:
    """Refuse hidden states that are not what a head takes.

    Raises
    ------
    ValueError
        Their number of columns is another; the message says what it may be.
    """
    d = states.shape[1]
    if d == head.features:
        return
    hint = f"{head.features} columns are expected"
    if d == head.categories:
        hint = "these are as many columns as categories: logits need no --head, and a head is not transposed"
    raise ValueError(
        f"{states.where} has {d} columns and the head is ({head.categories}, {head.features}), "
        f"(categories, features); {hint}"
    )


def _whole(file: LogitFile) -> Array:
    return np.concatenate(list(file.blocks(_ROWS)))


def _vector(place: str | os.PathLike[str]) -> Array:
    """Read one number per category: a .npy vector, or what `open_logits` takes with one row or column."""
    path = os.fspath(place)
    if path.lower().endswith(".npy"):
        try:
            values = np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as cause:
            raise ValueError(f"{path} is not a readable .npy file: {cause}") from cause
    elif ".safetensors" in path.lower():
        values = _of_safetensors(path)
    else:
        values = _whole(open_logits(path))
    if values.dtype not in (np.float16, np.float32, np.float64):
        raise ValueError(f"{path} is {values.dtype}; float16, float32 and float64 are taken")
    if values.size != max(values.shape, default=0):
        raise ValueError(f"{path} has shape {values.shape}; one number per category is expected")
    return np.ascontiguousarray(values.reshape(-1))


def _of_safetensors(place: str) -> Array:
    """Read a tensor FILE:KEY, or the only one of a file; bfloat16 is taken by way of float32."""
    from safetensors import SafetensorError, safe_open

    file, colon, key = place.rpartition(":")
    file, wanted = (file, key) if colon and not Path(place).exists() else (place, None)
    if not Path(file).exists():
        raise FileNotFoundError(2, "there is no such file", file)
    try:
        with safe_open(file, framework="numpy") as opened:
            keys = list(opened.keys())
            if wanted is None and len(keys) == 1:
                wanted = keys[0]
            if wanted not in keys:
                raise ValueError(f"{file}: give FILE:KEY with one of {', '.join(sorted(keys))}")
            values: Array = opened.get_tensor(wanted)
            return values
    except (SafetensorError, TypeError) as cause:
        raise ValueError(f"{place} cannot be read as numbers of numpy: {cause}") from cause
