"""What `Moments` accepts: logits, and moments computed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Float64, Floats
from covlasso._base.checks import LARGEST, check_finite, first_bad
from covlasso.moments.heads import FLOATS
from covlasso.moments.sums import JointSums
from covlasso.moments.symmetric import SymmetricSum


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
    bad = first_bad(logits, LARGEST)
    if bad is not None:
        row, column = bad
        raise ValueError(
            f"logits of model {name!r} have {logits[bad]} at row {row}, column {column}; "
            "every logit must be finite and at most 2^500: drop or repair that input"
        )
    return logits


def _checked_finite(value: npt.ArrayLike, where: str, shape: tuple[int | None, ...]) -> Float64:
    array: Float64 = np.ascontiguousarray(value, dtype=np.float64)
    if array.ndim != len(shape) or any(w not in (None, h) for w, h in zip(shape, array.shape, strict=True)):
        raise ValueError(f"{where} has shape {array.shape}, expected {shape}")
    check_finite(array, where)
    return array


def _check_second_moment(block: Float64, mean: Float64, name: str) -> None:
    if not np.array_equal(block, block.T):
        i, j = np.argwhere(block != block.T)[0]
        raise ValueError(f"second_moment[{name!r}] is not symmetric at ({i}, {j}); give (S + S.T) / 2")
    below = np.diagonal(block) < mean**2 * (1.0 - 1e-5)
    if below.any():
        i = int(np.argmax(below))
        raise ValueError(
            f"second_moment[{name!r}] is below the square of the mean at ({i}, {i}); not moments of one set"
        )


def sums_of_arrays(
    count: int,
    mean: Mapping[str, npt.ArrayLike],
    second_moment: Mapping[str | tuple[str, str], npt.ArrayLike],
) -> JointSums:
    """Return sums of ``count`` samples from E[f_a] and E[f_a f_b'], as `Moments.from_arrays` takes them."""
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"count must be an integer of at least 1, got {count!r}")
    for key in [*mean, *combinations(mean, 2)]:
        if key not in second_moment:
            raise ValueError(
                f"second_moment has no block {key!r}; give E[f f'] of every model and every pair"
            )
    means = {name: _checked_finite(m, f"mean[{name!r}]", (None,)) for name, m in mean.items()}
    sums = JointSums({name: m.size for name, m in means.items()})
    sums.mean = np.concatenate(list(means.values()))
    products = np.zeros((sums.mean.size, sums.mean.size))  # above the diagonal nothing is read
    for name, m in means.items():
        block = _checked_finite(second_moment[name], f"second_moment[{name!r}]", (m.size, m.size))
        _check_second_moment(block, m, name)
        products[sums.columns[name], sums.columns[name]] = block - np.outer(m, m)
    for a, b in combinations(means, 2):
        shape = (means[a].size, means[b].size)
        block = _checked_finite(second_moment[a, b], f"second_moment[{(a, b)!r}]", shape)
        products[sums.columns[b], sums.columns[a]] = (block - np.outer(means[a], means[b])).T
    sums.products = SymmetricSum.from_dense(count * products)
    sums.added = int(count)
    return sums
