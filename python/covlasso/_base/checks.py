"""The ground floor of checks: one error each, which names the argument, the place and the remedy."""

from __future__ import annotations

import math
import numbers
import operator
import sys
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
import scipy.sparse

from covlasso._base.arrays import Array, Float64, Int64, Kind, Method

LARGEST = 2.0**500
"""Largest size of a logit: squares, and sums of 2^23 of them, stay within float64."""
UNKNOWN = -1
"""Label of a sample whose category is not known."""
_LARGEST_COUNT = 2**31 - 1  # the core numbers sources in 32 bits
_EXPONENT = 0x7C00  # exponent bits of float16
_LARGEST_HALF = 65504.0


# ---- arrays ----


def check_matrix(value: Any, name: str) -> None:
    """Refuse all but a float32 or float64 matrix with contiguous rows, which the core reads in place."""
    remedy = f"give np.ascontiguousarray({name}, dtype=np.float64)"
    if scipy.sparse.issparse(value):
        raise TypeError(
            f"{name} is a sparse {type(value).__name__}, and a dense array is read; give {name}.toarray(), "
            f"which takes {8e-9 * math.prod(value.shape):.2g} GB"
        )
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a MaskedArray, and every entry must be there; fill what is masked "
            f"({name}.filled(...)), or give {name}.data where nothing is"
        )
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a numpy array, got {type(value).__name__}; {remedy}")
    check_dtype(value.dtype, name, remedy)
    if value.ndim == 2 and value.shape[0] == value.shape[1] and value.flags.f_contiguous:
        remedy += f", or {name}.T, which costs nothing, if it is symmetric"
    check_rows(value.shape, value.strides, value.itemsize, value.flags.aligned, name, remedy)


def check_dtype(dtype: np.dtype[Any], name: str, remedy: str) -> None:
    """Refuse all but float32 and float64 in the byte order of this machine."""
    if dtype not in (np.float32, np.float64):
        raise TypeError(f"{name} is {dtype}; float32 and float64 are read in place, so {remedy}")


def check_rows(
    shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int, aligned: bool, name: str, remedy: str
) -> None:
    """Refuse all but two dimensions with contiguous rows that do not overlap; strides in bytes."""
    if len(shape) != 2:
        raise ValueError(f"{name} has shape {shape}; two dimensions are expected")
    rows, columns = shape
    row, column = strides
    contiguous = columns <= 1 or column == itemsize
    whole = rows <= 1 or (row >= columns * itemsize and row % itemsize == 0)
    if rows and columns and not aligned:
        raise ValueError(f"{name} is not aligned in memory to its numbers of {itemsize} bytes; give a copy")
    if rows and columns and not (contiguous and whole):
        raise ValueError(f"the rows of {name} are not contiguous in memory (strides {strides}); {remedy}")


def check_vector(value: Any, name: str, length: int) -> Float64:
    """Return ``length`` real numbers as float64."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} is {array.dtype}; real numbers are expected")
    check_length(array.shape, name, length)
    return np.ascontiguousarray(array, dtype=np.float64)


def check_length(shape: tuple[int, ...], name: str, length: int) -> None:
    """Refuse all shapes but (length,)."""
    if shape != (length,):
        raise ValueError(f"{name} has shape {shape}; ({length},) is expected")


def first_bad(values: Array, largest: float = math.inf) -> tuple[int, ...] | None:
    """Return the place of the first entry that is not finite, or beyond ``largest`` in size."""
    if values.size == 0 or _all_within(values, largest):
        return None
    wide = np.abs(values.astype(np.float64))
    bad = ~(np.isfinite(wide) & (wide <= largest))
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))


def host_logits(value: Any, subject: str) -> Array:
    """Return logits as a numpy array of floating numbers, a view where they are one.

    Tensors of torch are taken off their graph and copied from their device; bfloat16, which numpy does not
    know, becomes float32 and loses nothing.

    Parameters
    ----------
    value : array or tensor
        Logits.
    subject : str
        What they are, in messages.

    Raises
    ------
    TypeError
        They are no floating numbers.
    ValueError
        An entry is masked.
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach()
        value = (value.float() if value.dtype == torch.bfloat16 else value).cpu().numpy()
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        place = ", ".join(str(i[0]) for i in np.nonzero(np.ma.getmaskarray(value)))
        raise ValueError(f"{subject}[{place}] is masked; every logit must be there: drop that sample")
    array = np.asarray(value)
    if array.dtype.kind != "f":
        whole = "; give .astype(np.float64) if they are logits"
        remedies = {"V": "; save bfloat16 as float32", "i": whole, "u": whole}
        raise TypeError(
            f"{subject} are {array.dtype}; floating numbers are taken{remedies.get(array.dtype.kind, '')}"
        )
    return array


def check_logits(logits: Array, subject: str, first_row: int = 0) -> None:
    """Refuse logits whose squares float64 cannot add up; ``subject``: what has them, with its verb."""
    place = first_bad(logits, LARGEST)
    if place is not None:
        row, column = place
        raise ValueError(
            f"{subject} {logits[place]} at row {first_row + row}, column {column}; "
            "every logit must be finite and at most 2^500: drop or repair that input"
        )


def check_finite(values: Array, name: str) -> None:
    """Refuse an array with an entry that is not finite."""
    place = first_bad(values)
    if place is not None:
        where = ", ".join(map(str, place))
        raise ValueError(f"{name}[{where}] is {values[place]}; every entry must be finite")


def check_labels(labels: Any, count: int, categories: Mapping[str, int]) -> Int64:
    """Return the labels of ``count`` rows as int64.

    Parameters
    ----------
    labels : (count,) integers
        `UNKNOWN` where the category is not known.
    count : int
        Number of rows of logits.
    categories : mapping from str to int
        Number of categories of whatever has them, by its name in messages.

    Raises
    ------
    TypeError, ValueError
        Another type or shape, or a label that is no category.
    """
    array = np.asarray(labels)
    if array.dtype.kind not in "iu":
        raise TypeError(f"labels is {array.dtype}; integers are expected ({UNKNOWN}: not known)")
    if array.shape != (count,):
        raise ValueError(f"labels has shape {array.shape}; ({count},) is expected, one per row of logits")
    for name, n in categories.items():
        bad = (array < UNKNOWN) | (array >= n)
        if bad.any():
            row = int(np.argmax(bad))
            raise ValueError(
                f"labels[{row}] is {array[row]}; {name} has the categories 0 to {n - 1}, and {UNKNOWN} says "
                "that it is not known"
            )
    return array.astype(np.int64)


def _all_within(values: Array, largest: float) -> bool:
    """Whether `first_bad` would find nothing, in one or two passes without a copy."""
    if values.dtype == np.float16 and largest >= _LARGEST_HALF:
        # numpy compares these slowly; infinity and NaN have all exponent bits set
        return int((values.view(np.uint16) & _EXPONENT).max()) < _EXPONENT
    top = max(float(values.max()), -float(values.min()))
    return math.isfinite(top) and top <= largest


# ---- options ----


def check_names(names: Sequence[str] | None, length: int, argument: str) -> tuple[str, ...] | None:
    """``length`` strings."""
    if names is None:
        return None
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{argument} must be a sequence of strings")
    if len(names) != length:
        raise ValueError(f"{argument} has {len(names)} entries; {length} are expected, one per category")
    return tuple(str(name) for name in names)


def check_number(value: Any, name: str) -> float:
    """Return a finite real number of at least 0."""
    if not isinstance(value, numbers.Real) or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} is {value}; a finite number of at least 0 is expected")
    return float(value)


def check_count(value: Any, name: str, least: int = 1) -> int:
    """Return an integer of at least ``least``."""
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if isinstance(value, (bool, np.bool_)) or count < least:
        raise ValueError(f"{name} is {value}; an integer of at least {least} is expected")
    if count > _LARGEST_COUNT:
        raise ValueError(f"{name} is {value}; at most {_LARGEST_COUNT} is possible")
    return count


def check_lambda(value: Any, name: str, n_targets: int) -> Float64:
    """One lambda per target from one number or one per target; finite and at least 0."""
    if np.ndim(value) == 0:
        return np.full(n_targets, check_number(value, name))
    lam = check_vector(value, name, n_targets)
    bad = ~(np.isfinite(lam) & (lam >= 0))
    if bad.any():
        place = int(np.argmax(bad))
        raise ValueError(f"{name}[{place}] is {lam[place]}; a finite number of at least 0 is expected")
    return lam


def check_flag(value: Any, name: str) -> bool:
    """Return True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_kind(kind: Any) -> Kind:
    """Return one of the three kinds of moments."""
    if kind not in get_args(Kind):
        raise ValueError(f"kind is {kind!r}; one of {', '.join(get_args(Kind))} is expected")
    return kind  # type: ignore[no-any-return]


def check_method(method: Any) -> Method:
    """Return one of the two ways to choose terms."""
    if method not in get_args(Method):
        raise ValueError(f"method is {method!r}; one of {', '.join(get_args(Method))} is expected")
    return method  # type: ignore[no-any-return]
