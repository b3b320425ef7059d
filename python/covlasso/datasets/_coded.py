"""Means and logits in a few bits each, by the factor of their second moment.

With L' the transposed factor of E[z z'] (`_factor.factor`), a row z has coordinates y, z = L y, in which
E[y y'] is the identity. Two kinds of rows are kept as small integers:

- *Class means.* The mean of c samples has a sampling error of about 1 / sqrt(c) in every coordinate, so
  sqrt(c) y is rounded to multiples of `MEAN_STEP`: a thirtieth of that error, whatever the logit. Then the
  moment within the classes, I - sum_k pi_k y_k y_k', moves by a few ten-thousandths and stays positive.
- *Logits.* Column k of a row is what the columns before it predict by least squares, and a rest. The rests
  are rounded to multiples of `LOGIT_STEP`, column by column, each against the *restored* columns before it:
  so no restored logit is off by more than half a step, however many there are.

Integers are mapped to 0, 1, 2, ... (0, -1, 1, -2, 2, ...) and kept column by column as planes of bytes.
Restored numbers are equal on all machines but for the rounding of one product.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from covlasso.datasets._factor import Planes

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
_Float = TypeVar("_Float", np.float32, np.float64)

MEAN_STEP = 2.0**-3  # of sqrt(c) y
LOGIT_STEP = 2.0**-2

_BLOCK = 64  # columns predicted by one product
_STRIP = 512


def encode_means(means: Floats, counts: Counts, transposed: Floats) -> Planes:
    """Class means (k, n) of ``counts`` (k,) samples, as planes (1 or 2, n - 1, k); column 0 is 1 in all."""
    from scipy.linalg import solve_triangular

    coordinates = solve_triangular(transposed, means.T, trans="T")
    return _planes(np.rint(coordinates[1:] * np.sqrt(counts) / MEAN_STEP))


def decode_means(planes: Planes, counts: Counts, transposed: Floats) -> Floats:
    """Class means (k, n) that `encode_means` kept."""
    coordinates = np.ones((len(transposed), len(counts)))
    coordinates[1:] = _integers(planes) * (MEAN_STEP / np.sqrt(counts))
    return _times(coordinates, transposed)


def encode_logits(rows: Floats, transposed: Floats) -> Planes:
    """Rows (k, n), as planes (1 or 2, n - 1, k); column 0 is 1 in all."""
    predictor = transposed / np.diagonal(transposed)[:, np.newaxis]
    rests = np.empty((rows.shape[1], len(rows)))
    rests[0] = 1.0
    for first in range(1, len(rests), _BLOCK):
        block = slice(first, min(first + _BLOCK, len(rests)))
        rest = rows[:, block].T - predictor[:first, block].T @ rests[:first]
        for j in range(block.stop - first):
            rests[first + j] = np.rint(rest[j] / LOGIT_STEP) * LOGIT_STEP
            rest[j + 1 :] -= np.outer(predictor[first + j, first + j + 1 : block.stop], rests[first + j])
    return _planes(rests[1:] / LOGIT_STEP)


def decode_logits(planes: Planes, transposed: Floats) -> npt.NDArray[np.float32]:
    """Rows (k, n) that `encode_logits` kept, in float32."""
    scale = np.diagonal(transposed)[:, np.newaxis]
    rests = np.ones((len(transposed), planes.shape[2]), dtype=np.float32)
    rests[1:] = _integers(planes) * np.float32(LOGIT_STEP)
    return _times(rests, (transposed / scale).astype(np.float32))


def _times(columns: npt.NDArray[_Float], upper: npt.NDArray[_Float]) -> npt.NDArray[_Float]:
    """Multiply columns' upper, (k, n): rows of ``upper`` are zero before the diagonal."""
    rows = np.zeros((columns.shape[1], len(upper)), dtype=columns.dtype)
    for first in range(0, len(upper), _STRIP):
        strip = slice(first, first + _STRIP)
        rows[:, first:] += columns[strip].T @ upper[strip, first:]
    return rows


def _planes(integers: Floats) -> Planes:
    code = np.where(integers >= 0, 2 * integers, -2 * integers - 1).astype(np.int64)
    largest = int(code.max(initial=0))
    if largest >= 1 << 16:
        raise ValueError(f"rows: an integer of size {np.abs(integers).max():g} does not fit 16 bits")
    shifts = (0, 8) if largest >= 1 << 8 else (0,)
    return np.ascontiguousarray(np.stack([(code >> shift & 0xFF).astype(np.uint8) for shift in shifts]))


def _integers(planes: Planes) -> npt.NDArray[np.int32]:
    code = planes[0].astype(np.int32)
    for plane, more in enumerate(planes[1:], start=1):
        code |= more.astype(np.int32) << 8 * plane
    integers: npt.NDArray[np.int32] = (code >> 1) ^ -(code & 1)
    return integers
