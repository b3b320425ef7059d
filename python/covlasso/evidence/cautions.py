"""What makes an R^2 say little, in sentences that name the remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from covlasso._base.arrays import Float64
from covlasso._base.digits import percent_text, r2_text
from covlasso.dependencies import Dependencies, Origin
from covlasso.evidence.evaluation import Evaluation
from covlasso.moments import Moments
from covlasso.solver import in_gauge

MOST = 0.5
"""Share of the energy from which the mean, or one direction, is said to hold most of it."""
NEARLY = 0.9
"""Share of R^2 that random terms reach when they do nearly as well."""

_STEPS = 100  # of the power iteration, at most
_CONVERGED = 1e-4  # relative change of the eigenvalue
_STRIP = 1024  # rows of a covariance at a time


@dataclass(frozen=True)
class Common:
    """The direction that the logits of a model share most.

    Attributes
    ----------
    share : float
        Largest eigenvalue of their covariance over its trace.
    constant : float
        Squared cosine of its eigenvector with (1, ..., 1): 1 where it is a constant per row.
    """

    share: float
    constant: float


def cautions(
    deps: Dependencies, moments: Moments | None = None, measured: Evaluation | None = None
) -> list[str]:
    """Say what the R^2 of dependencies must not be quoted without.

    Parameters
    ----------
    deps : Dependencies
        Looked at are medians over its targets.
    moments : Moments, optional
        Those that it was found on: whether one direction holds most of the variance.
    measured : Evaluation, optional
        Figures on other samples, in the place of those on the fit samples.

    Returns
    -------
    list of str
        No, one or several sentences: the mean, or one direction of the targets' logits, holds most of their
        energy; random terms reach 90 % of R^2.
    """
    found = [_of_the_mean(deps)]
    if moments is not None and deps.origin is not None:
        found.append(
            _of_one_direction(
                common_direction(in_gauge(moments, deps.origin), deps.origin.target_model), deps.origin
            )
        )
    found.append(_of_random_terms(deps, measured))
    return [sentence for sentence in found if sentence]


def common_direction(moments: Moments, model: str) -> Common | None:
    """Find the direction in which most of the variance of a model's logits is; None: in no single one.

    The largest eigenvalue is at most the Frobenius norm: one pass over C tells where there is none. Else
    power iteration finds it within a few steps, as it is larger than all others together. Of a model with a
    head C = F F', and F'F is small.
    """
    if model in moments.heads:
        return _of_factor(moments.gram(model, "covariance").factor)  # type: ignore[union-attr]
    trace = float(moments.energy(model, "covariance").sum())
    strips = _strips(moments, model)
    norm = np.sqrt(sum(float(np.vdot(strip, strip)) for _, strip in strips()))
    if not norm > MOST * trace:
        return None
    vector = np.ones(moments.sizes[model])
    value = 0.0
    for _ in range(_STEPS):
        image = np.concatenate([strip @ vector for _, strip in strips()])
        before, value = value, float(np.linalg.norm(image) / np.linalg.norm(vector))
        if value == 0.0:  # rows that sum to zero: begin elsewhere
            vector = np.cos(np.arange(len(vector)))
            continue
        vector = image / np.linalg.norm(image)
        if abs(value - before) <= _CONVERGED * value:
            break
    found = Common(value / trace, float(vector.sum() ** 2 / len(vector)))
    return found if found.share > MOST else None


def _of_factor(factor: Float64) -> Common | None:
    """Find the same direction of F F'."""
    gram = factor.T @ factor
    values, vectors = np.linalg.eigh(gram)
    trace = float(np.trace(gram))
    if not values[-1] > MOST * trace:
        return None
    direction = factor @ vectors[:, -1]
    return Common(float(values[-1]) / trace, float(direction.sum() ** 2 / (values[-1] * len(direction))))


def _strips(moments: Moments, model: str) -> Callable[[], Iterator[tuple[slice, Float64]]]:
    """Rows of the covariance of a model, a strip at a time."""

    def strips() -> Iterator[tuple[slice, Float64]]:
        for start in range(0, moments.sizes[model], _STRIP):
            rows = slice(start, min(start + _STRIP, moments.sizes[model]))
            yield rows, moments.covariance(model, rows=rows)

    return strips


def _of_the_mean(deps: Dependencies) -> str | None:
    """Say that the mean logits hold most of the energy."""
    if deps.mean is None or deps.variance is None or (deps.origin and deps.origin.kind != "second_moment"):
        return None
    level, whole = float(np.sum(deps.mean**2)), float(np.sum(deps.mean**2 + deps.variance))
    if not level > MOST * whole:
        return None
    return (
        f"{percent_text(level / whole, ' %')} of the energy of these logits is in their means, which any few "
        "terms give: R^2 about the mean tells more, and --kind covariance takes the means off."
    )


def _of_one_direction(common: Common | None, origin: Origin) -> str | None:
    """Say that one direction holds most of the variance."""
    if common is None:
        return None
    said = f"{percent_text(common.share, ' %')} of the variance of {origin.target_model} is in one direction"
    if common.constant > MOST and not origin.row_centred:
        return (
            f"{said}, nearly a constant per row, which softmax and decisions do not see and any terms give: "
            "--row-centred takes it off."
        )
    return f"{said}, so that any terms give a high R^2: quote it beside that of random terms."


def _of_random_terms(deps: Dependencies, measured: Evaluation | None) -> str | None:
    """Say that as many terms at random do nearly as well."""
    kind = "second_moment" if deps.origin is None else deps.origin.kind
    r2, drawn, where = deps.r2, deps.random_r2, "in sample"
    if measured is not None and measured.random is not None and measured.held_out is not None:
        held_out = measured.random.held_out
        assert held_out is not None  # noqa: S101  # measured where the equations are
        r2, drawn, where = measured.held_out.of_kind(kind), held_out.of_kind(kind), "held out"
    if drawn is None or not np.isfinite(r2).any() or not np.isfinite(drawn).any():
        return None
    ours, theirs = float(np.nanmedian(r2)), float(np.nanmedian(drawn))
    if not (ours > 0.0 and theirs >= NEARLY * ours):
        return None
    return (
        f"As many terms at random reach R^2 {r2_text(theirs)} where these reach {r2_text(ours)} ({where}, "
        "medians): R^2 is no evidence for these terms."
    )
