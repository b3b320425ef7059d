"""What `Moments` accepts: logits, and moments computed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Float64, Floats, Int64
from covlasso._base.checks import check_finite, check_labels, check_logits, host_logits
from covlasso.moments.class_sums import Classes, ClassMeans, ClassSums
from covlasso.moments.heads import FLOATS
from covlasso.moments.sums import JointSums, columns_of
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


def checked_labels(
    labels: npt.ArrayLike | None, classes: Classes | None, count: int, sizes: Mapping[str, int]
) -> Int64 | None:
    """Return the labels of ``count`` samples where classes are by labels; elsewhere there must be none."""
    if classes != "labels":
        if labels is not None:
            raise ValueError(
                f"labels are given, and these moments have classes={classes!r}; make them with "
                'classes="labels", or leave the labels out'
            )
        return None
    if labels is None:
        raise ValueError('labels are missing: these moments have classes="labels"; give one per row')
    largest = max(sizes, key=lambda name: sizes[name])
    return check_labels(labels, count, {f"model {largest!r}": sizes[largest]})


def _checked_logits(name: str, value: npt.ArrayLike) -> Floats:
    logits = host_logits(value, f"logits of model {name!r}")
    if logits.dtype not in FLOATS:
        raise TypeError(
            f"logits of model {name!r} are {logits.dtype}; float16, float32 and float64 are taken"
        )
    if logits.ndim != 2:
        raise ValueError(
            f"logits of model {name!r} have shape {logits.shape}; (batch, categories) is expected"
        )
    check_logits(logits, f"logits of model {name!r} have")
    return logits


def _checked_finite(value: npt.ArrayLike, where: str, shape: tuple[int | None, ...]) -> Float64:
    array: Float64 = np.ascontiguousarray(value, dtype=np.float64)
    if array.ndim != len(shape) or any(w not in (None, h) for w, h in zip(shape, array.shape, strict=True)):
        raise ValueError(f"{where} has shape {array.shape}, expected {shape}")
    check_finite(array, where)
    return array


def sums_of_moments(
    count: int,
    mean: Mapping[str, npt.ArrayLike],
    second_moment: Mapping[str | tuple[str, str], npt.ArrayLike],
) -> JointSums:
    """Return sums of ``count`` samples from E[f_a] and E[f_a f_b'], as `Moments.from_arrays` takes them."""
    means, blocks = _checked_blocks(count, mean, second_moment, "second_moment")
    for name, m in means.items():
        below = np.diagonal(blocks[name]) < m**2 * (1.0 - 1e-5)
        if below.any():
            i = int(np.argmax(below))
            raise ValueError(
                f"second_moment[{name!r}] is below the square of the mean at ({i}, {i}); not moments of one "
                "set of samples"
            )
    centred = {}
    for key, block in blocks.items():
        a, b = (key, key) if isinstance(key, str) else key
        centred[key] = count * (block - np.outer(means[a], means[b]))
    return _joint(count, means, centred)


def centred_sums(
    count: int,
    mean: Mapping[str, npt.ArrayLike],
    centred: Mapping[str | tuple[str, str], npt.ArrayLike],
) -> JointSums:
    """Return sums of ``count`` samples that are centred already, as `Moments.from_sums` takes them."""
    means, blocks = _checked_blocks(count, mean, centred, "centred")
    for name in means:
        negative = np.diagonal(blocks[name]) < 0.0
        if negative.any():
            i = int(np.argmax(negative))
            raise ValueError(
                f"centred[{name!r}] is {blocks[name][i, i]} at ({i}, {i}); a sum of squares is never negative"
            )
    return _joint(count, means, blocks)


def class_sums_of(
    empty: ClassSums,
    count: int,
    counts: Mapping[str, npt.ArrayLike] | None,
    means: Mapping[tuple[str, str], npt.ArrayLike] | None,
) -> ClassSums:
    """Return sums by class of ``count`` samples, like ``empty``, as `Moments.from_arrays` takes them."""
    if counts is None or means is None:
        raise ValueError(f"class_counts and class_means are needed with classes={empty.kind!r}")
    sizes = empty.categories
    largest = max(sizes, key=lambda name: sizes[name])
    for by in [largest] if empty.kind == "labels" else sizes:
        if by not in counts:
            raise ValueError(f"class_counts has no entry {by!r}")
        each = np.asarray(counts[by])
        parts = []
        for name, columns in empty.columns.items():
            if (name, by) not in means:
                raise ValueError(f"class_means has no block {(name, by)!r}; give one of every model")
            where = f"class_means[{(name, by)!r}]"
            parts.append(_checked_finite(means[name, by], where, (sizes[by], columns.stop - columns.start)))
        found = ClassMeans(each, np.hstack(parts))
        check_class_means(found, sizes[by], count, f"class_counts[{by!r}]", f"class_means of {by!r}")
        empty.put(by, ClassMeans(each.astype(np.int64), found.means))
    for by in counts:
        if by not in sizes or not np.array_equal(counts[by], empty.counts(by)):
            raise ValueError(f"class_counts[{by!r}] is not of these models, or not of the same labels")
    for name, by in means:
        if name not in sizes or by not in sizes or not np.array_equal(means[name, by], empty.means(name, by)):
            raise ValueError(f"class_means[{(name, by)!r}] is not of these models, or not of the same labels")
    return empty


def check_class_means(found: ClassMeans, classes: int, count: int, counts: str, means: str) -> None:
    """Refuse numbers of samples and means, with these names, that ``count`` samples cannot have."""
    each = found.counts
    if each.dtype.kind not in "iu":
        raise TypeError(f"{counts} is {each.dtype}; integers are expected")
    if each.shape != (classes,):
        raise ValueError(f"{counts} has shape {each.shape}, expected {(classes,)}")
    if (each < 0).any():
        place = int(np.argmax(each < 0))
        raise ValueError(f"{counts} is {each[place]} at {place}; at least 0 is expected")
    if each.sum() > count:
        raise ValueError(f"{counts} has {each.sum()} samples in all, and there are {count}")
    check_finite(found.means, means)
    strange = (each == 0) & found.means.any(axis=1)
    if strange.any():
        place = int(np.argmax(strange))
        raise ValueError(f"{means} has a mean of class {place}, which has no sample; 0 is expected there")


def _checked_blocks(
    count: int,
    mean: Mapping[str, npt.ArrayLike],
    blocks: Mapping[str | tuple[str, str], npt.ArrayLike],
    argument: str,
) -> tuple[dict[str, Float64], dict[str | tuple[str, str], Float64]]:
    """Return means and blocks of all models and all pairs: finite, of their shapes, symmetric."""
    if not isinstance(count, (int, np.integer)) or count < 1:
        raise ValueError(f"count must be an integer of at least 1, got {count!r}")
    keys: list[str | tuple[str, str]] = [*mean, *combinations(mean, 2)]
    for key in keys:
        if key not in blocks:
            raise ValueError(f"{argument} has no block {key!r}; give one of every model and of every pair")
    means = {name: _checked_finite(m, f"mean[{name!r}]", (None,)) for name, m in mean.items()}
    checked: dict[str | tuple[str, str], Float64] = {}
    for key in keys:
        a, b = (key, key) if isinstance(key, str) else key
        block = _checked_finite(blocks[key], f"{argument}[{key!r}]", (means[a].size, means[b].size))
        if a == b and not np.array_equal(block, block.T):
            i, j = np.argwhere(block != block.T)[0]
            raise ValueError(f"{argument}[{key!r}] is not symmetric at ({i}, {j}); give (S + S.T) / 2")
        checked[key] = block
    return means, checked


def _joint(
    count: int, means: Mapping[str, Float64], centred: Mapping[str | tuple[str, str], Float64]
) -> JointSums:
    """Put means and centred sums of several models together."""
    sizes = {name: m.size for name, m in means.items()}
    columns = columns_of(sizes)
    mean = np.concatenate(list(means.values()))
    products = np.zeros((mean.size, mean.size))  # above the diagonal nothing is read
    for key, block in centred.items():
        a, b = (key, key) if isinstance(key, str) else key
        products[columns[b], columns[a]] = block.T
    return JointSums.of(sizes, int(count), mean, SymmetricSum.from_dense(products))
