"""What `Moments` accepts: names, logits, and moments computed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso.heads import FLOATS, LinearHead

Float64 = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]

_LARGEST = 2.0**500  # squares and sums of 2^23 squares stay within float64
_EXPONENT = 0x7C00  # exponent bits of float16


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    checked = (names,) if isinstance(names, str) else tuple(names)
    if isinstance(names, str) or not all(isinstance(name, str) for name in checked):
        raise TypeError(f"names must be a sequence of strings, got {names!r}")
    if not checked or len(set(checked)) < len(checked):
        raise ValueError(f"names must be at least one name, each once, got {list(checked)}")
    return checked


def checked_class_names(
    class_names: Mapping[str, Sequence[str]] | Sequence[str] | None, names: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    if class_names is None:
        return {}
    if not isinstance(class_names, Mapping):
        class_names = dict.fromkeys(names, class_names)
    for name, labels in class_names.items():
        if name not in names:
            raise ValueError(f"class_names names a model {name!r}; the models are {list(names)}")
        if isinstance(labels, str) or not all(isinstance(label, str) for label in labels):
            raise TypeError(f"class_names of model {name!r} must be a sequence of strings")
    return {name: tuple(labels) for name, labels in class_names.items()}


def checked_heads(heads: Mapping[str, LinearHead] | None, names: Sequence[str]) -> dict[str, LinearHead]:
    for name, head in (heads or {}).items():
        if name not in names:
            raise ValueError(f"heads names a model {name!r}; the models are {list(names)}")
        if not isinstance(head, LinearHead):
            raise TypeError(f"the head of model {name!r} is {type(head).__name__}; a LinearHead is expected")
    return dict(heads or {})


def checked_batch(batch: Mapping[str, npt.ArrayLike], names: Sequence[str]) -> dict[str, Floats]:
    """Return one (k, n) array per model, with k rows each; every entry is finite and its square too."""
    if not isinstance(batch, Mapping):
        raise TypeError(f"batch must map model names to arrays, got {type(batch).__name__}")
    if set(batch) != set(names):
        raise ValueError(f"batch has the models {sorted(batch)}, expected {sorted(names)}")
    arrays = {name: _checked_logits(name, batch[name]) for name in names}
    lengths = {name: len(rows) for name, rows in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the models differ in their number of rows: {lengths}; row r of all is input r")
    return arrays


def _checked_logits(name: str, value: npt.ArrayLike) -> Floats:
    logits = np.asarray(value)
    if logits.dtype not in FLOATS:
        raise TypeError(
            f"logits of model {name!r} are {logits.dtype}; float16, float32 and float64 are taken"
        )
    if logits.ndim != 2:
        raise ValueError(
            f"logits of model {name!r} have shape {logits.shape}; (batch, categories) is expected"
        )
    bad = first_bad(logits)
    if bad is not None:
        row, column = bad
        raise ValueError(
            f"logits of model {name!r} have {logits[bad]} at row {row}, column {column}; "
            "every logit must be finite and at most 2^500: drop or repair that input"
        )
    return logits


def first_bad(logits: Floats) -> tuple[int, int] | None:
    """Return the place of the first entry that is not finite or beyond 2^500."""
    if logits.size == 0 or _all_small(logits):
        return None
    row, column = np.argwhere(~(np.abs(logits.astype(np.float64)) <= _LARGEST))[0]
    return int(row), int(column)


def _all_small(logits: Floats) -> bool:
    """Whether every entry is finite and at most 2^500, in one or two passes without a copy."""
    if logits.dtype == np.float16:  # numpy compares these slowly; infinity and NaN have all exponent bits set
        return int((logits.view(np.uint16) & _EXPONENT).max()) < _EXPONENT
    return bool(max(float(logits.max()), -float(logits.min())) <= _LARGEST)


def checked_finite(value: npt.ArrayLike, where: str, shape: tuple[int | None, ...]) -> Float64:
    array: Float64 = np.ascontiguousarray(value, dtype=np.float64)
    if array.ndim != len(shape) or any(w not in (None, h) for w, h in zip(shape, array.shape, strict=True)):
        raise ValueError(f"{where} has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        place: Any = np.argwhere(~np.isfinite(array))[0].tolist()
        raise ValueError(f"{where} has {array[tuple(place)]} at {place}; every entry must be finite")
    return array


def check_second_moment(block: Float64, mean: Float64, name: str) -> None:
    if not np.array_equal(block, block.T):
        i, j = np.argwhere(block != block.T)[0]
        raise ValueError(f"second_moment[{name!r}] is not symmetric at ({i}, {j}); give (S + S.T) / 2")
    below = np.diagonal(block) < mean**2 * (1.0 - 1e-5)
    if below.any():
        i = int(np.argmax(below))
        raise ValueError(
            f"second_moment[{name!r}] is below the square of the mean at ({i}, {i}); not moments of one set"
        )
