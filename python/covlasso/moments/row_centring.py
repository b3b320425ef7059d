"""Logits less their mean over the categories of their model: the gauge in which a constant per row is 0.

Softmax and argmax do not see a constant that all logits of a sample share; second moments do. With
P = I - 1 1' / n for a model of n categories, f becomes P f: its mean P m, its centred sums P S P', between
two models P_a S_ab P_b', and a head W h + b becomes P W h + P b.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

import numpy as np

from covlasso._base.arrays import Float64, Floats
from covlasso.moments.class_sums import ClassMeans, ClassSums
from covlasso.moments.heads import LinearHead, RowCentredHead
from covlasso.moments.sums import JointSums
from covlasso.moments.symmetric import SymmetricSum

_CENTRED = 1e-9  # of their size: sums over the categories that are rounding


def centred_rows(rows: Floats) -> Float64:
    """Logits (k, n) less the mean of each row, in float64."""
    double = rows.astype(np.float64)
    double -= double.mean(axis=1, keepdims=True)
    return double


def centred_head(head: LinearHead) -> LinearHead:
    """Head of the logits less their mean; one that is centred already as it is."""
    if isinstance(head, RowCentredHead) or (head.weight.dtype == np.float64 and _is_centred(head.weight)):
        return head
    return RowCentredHead(head)


def centred_sums_of(sums: JointSums, heads: Container[str]) -> JointSums:
    """Return sums of the row-centred logits from those of the logits; of features they are what they were.

    Where the constant per row is R times what is left, this loses log10 R^2 of the 16 digits, and to centre
    the logits themselves loses none. Of logits in float32 it is below their own rounding for any R.
    """
    chosen = {name: columns for name, columns in sums.columns.items() if name not in heads}
    n = sum(sums.sizes.values())
    products = sums.products.part(slice(0, n), slice(0, n))
    mean = sums.mean.copy()
    for columns in chosen.values():
        products[:, columns] -= products[:, columns].mean(axis=1, keepdims=True)
        mean[columns] -= mean[columns].mean()
    for columns in chosen.values():
        products[columns] -= products[columns].mean(axis=0)
    np.fill_diagonal(products, np.maximum(products.diagonal(), 0.0))
    classes = None if sums.classes is None else _centred_classes(sums.classes, chosen)
    return JointSums.of(sums.sizes, sums.count, mean, SymmetricSum.from_dense(products), classes)


def check_several(sizes: Mapping[str, int]) -> None:
    """Refuse a model of a single category: less its mean nothing is left.

    Raises
    ------
    ValueError
        The model.
    """
    for name, categories in sizes.items():
        if categories == 1:
            raise ValueError(
                f"model {name!r} has a single category, whose logit less the mean of its row is 0; take "
                "logits as they are, without row_centred (--row-centred)"
            )


def check_centred(mean: Float64, name: str) -> None:
    """Refuse means of a model whose logits are said to be row-centred, and are not.

    Raises
    ------
    ValueError
        They do not sum to zero.
    """
    if not _is_centred(mean):
        raise ValueError(
            f"mean[{name!r}] sums to {mean.sum():.3g}, and those of row-centred logits sum to 0; leave "
            "row_centred out, and call as_row_centred() on the result"
        )


def _centred_classes(classes: ClassSums, columns: Mapping[str, slice]) -> ClassSums:
    known = {}
    for by, found in classes.of.items():
        means = found.means.copy()
        for here in columns.values():
            means[:, here] -= means[:, here].mean(axis=1, keepdims=True)
        known[by] = ClassMeans(found.counts.copy(), means)
    return ClassSums(classes.kind, classes.categories, classes.columns, classes.heads, known)


def _is_centred(values: Floats) -> bool:
    total, size = np.abs(values.sum(axis=0)), np.abs(values).sum(axis=0)
    return bool((total <= _CENTRED * size).all())
