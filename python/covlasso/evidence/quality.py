"""How well equations hold on one set of samples, from its moments in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from covlasso._base.arrays import Float64, Kind
from covlasso.dependencies import Origin
from covlasso.evidence.prediction import Prediction
from covlasso.moments import Moments
from covlasso.solver import Blocks, check_sizes, in_gauge


@dataclass(frozen=True, eq=False)
class Quality:
    """How well dependencies hold on one set of samples, one entry per target, from its moments.

    With the residual r = f_i - a - b'g, where a is the intercept (0 unless means were taken off):

    Attributes
    ----------
    count : int
        Number of samples.
    error : array
        E[r^2].
    r2 : array
        1 - E[r^2] / E[f_i^2]: *not* centred, as the paper's problem; NaN for a logit that is always 0.
    r2_centred : array
        1 - E[r^2] / Var(f_i): the usual R^2, against the mean on these samples; NaN for a constant logit.
    correlation : array
        Pearson's correlation of predicted and true logit, both centred: it forgives a wrong scale and offset,
        which R^2 does not. NaN where one of them is constant.
    """

    count: int
    error: Float64
    r2: Float64
    r2_centred: Float64
    correlation: Float64

    def of_kind(self, kind: Kind) -> Float64:
        """R^2 as `Dependencies.r2` of this kind of moments has it: centred where logits were."""
        return self.r2 if kind == "second_moment" else self.r2_centred


class Means(NamedTuple):
    """Mean logits of all categories of both models; of a head they take a product with its weight."""

    target: Float64
    source: Float64


def means_of(moments: Moments, origin: Origin) -> Means:
    """Return the means on moments, in the gauge of the dependencies."""
    moments = in_gauge(moments, origin)
    target = moments.mean(origin.target_model)
    within = origin.source_model == origin.target_model
    return Means(target, target if within else moments.mean(origin.source_model))


def quality(
    prediction: Prediction, moments: Moments, blocks: Blocks | None = None, means: Means | None = None
) -> Quality:
    """Measure on moments: E[r^2] = Var(r) + E[r]^2, from covariances, so that large means do not cancel.

    ``blocks``, ``means``: the covariances of these targets, and `means_of` the moments, where they are at
    hand already.
    """
    moments = in_gauge(moments, prediction.origin)
    check_sizes(moments, prediction.origin, prediction.targets, prediction.coef.shape[1])
    origin, coef, targets = prediction.origin, prediction.coef, prediction.targets
    if blocks is None:
        blocks = Blocks.of(moments, origin, targets, "covariance")
    predicted, shared, variance = blocks.quadratic(coef), blocks.linear(coef), blocks.energy
    means = means or means_of(moments, origin)
    mean = means.target[targets]
    bias = mean - prediction.intercept - coef @ means.source
    error = np.maximum(predicted - 2.0 * shared + variance, 0.0) + bias**2
    with np.errstate(divide="ignore", invalid="ignore"):
        return Quality(
            count=moments.count,
            error=error,
            r2=1.0 - error / (variance + mean**2),
            r2_centred=1.0 - error / variance,
            correlation=shared / np.sqrt(predicted * variance),
        )
