"""One set of dependencies in a report, with the moments that it was found on and those to check it on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from covlasso._pairs import Halves
from covlasso._prediction import origin_of, prediction_of
from covlasso._quadratic import linear, quadratic
from covlasso.dependencies import Dependencies
from covlasso.moments import Kind, Moments
from covlasso.origin import Origin
from covlasso.report._types import Float64, Int32

_SAME = 1e-6  # relative difference of energies within which moments are taken for those of the solution


class Parts(NamedTuple):
    """Moments of the samples that dependencies were found on, and of others."""

    fit: Moments
    held_out: Moments | None


def parts_of(moments: Moments | Halves) -> Parts:
    """Both parts; here moments that were not split are those that the dependencies were found on."""
    if isinstance(moments, Moments):
        return Parts(moments, None)
    if not isinstance(getattr(moments, "fit", None), Moments):
        raise TypeError(f"moments must be Moments or SplitMoments, got {type(moments).__name__}")
    return Parts(moments.fit, moments.held_out)


@dataclass(frozen=True, eq=False)
class Blocks:
    """The moments that one direction needs: G, rows c_i and energies e_i of the targets, and means.

    Within one network ``cross`` is None, and ``rows`` are where the targets stand in ``gram``.
    """

    gram: Any  # an array or a FactoredGram
    cross: Float64 | None
    energy: Float64
    rows: Int32
    target_mean: Float64
    source_mean: Float64

    @classmethod
    def of(cls, moments: Moments, origin: Origin, targets: Int32, kind: Kind) -> Blocks:
        """Take them from ``moments``; between two networks only the rows of the targets."""
        target, source = origin.target_model, origin.source_model
        intra = target == source
        return cls(
            gram=moments.gram(source, kind),
            cross=None if intra else getattr(moments, kind)(target, source, rows=targets),
            energy=moments.energy(target, kind)[targets],
            rows=targets if intra else np.arange(len(targets), dtype=np.int32),
            target_mean=moments.mean(target)[targets],
            source_mean=moments.mean(source),
        )


@dataclass(frozen=True, eq=False)
class Entry:
    """Dependencies as the report shows them: without moments, what they say themselves."""

    deps: Dependencies
    origin: Origin

    @property
    def title(self) -> str:
        """Which network is explained by which, in words."""
        if self.deps.origin is None:
            return "within one network" if self.deps.intra else "between two networks"
        return self.origin.title


@dataclass(frozen=True, eq=False)
class Measured(Entry):
    """Dependencies with the moments that they were found on."""

    parts: Parts

    @property
    def title(self) -> str:
        """Which network is explained by which: the moments have their names."""
        return self.origin.title

    def fit(self) -> Blocks:
        """Moments that the dependencies were found on, of their kind."""
        return Blocks.of(self.parts.fit, self.origin, self.deps.targets, self.origin.moment)

    def held_out(self) -> Blocks | None:
        """Moments of other samples: of the logits as they are, or less their means if those were taken."""
        if self.parts.held_out is None:
            return None
        kind: Kind = "second_moment" if self.origin.moment == "second_moment" else "covariance"
        return Blocks.of(self.parts.held_out, self.origin, self.deps.targets, kind)

    def held_out_r2(self, deps: Dependencies, blocks: Blocks) -> Float64:
        """R^2 of ``deps``, which have the targets of this entry, on other samples; NaN without energy.

        It is centred if the dependencies are of covariances or correlations; means and deviations are those
        of the fit part.
        """
        same = replace(deps, targets=self.deps.targets, origin=self.origin)
        found = prediction_of(same, self.parts.fit, None, None, None)
        error = quadratic(found.coef, blocks.gram) + blocks.energy
        error -= 2.0 * linear(found.coef, blocks.gram, blocks.cross, blocks.rows)
        if self.origin.moment != "second_moment":
            error += (blocks.target_mean - found.intercept - found.coef @ blocks.source_mean) ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(1.0 - error / blocks.energy)


def match(deps: Dependencies, candidates: Sequence[Parts]) -> Entry:
    """Entry with the first of ``candidates`` that holds its models.

    Raises
    ------
    ValueError
        The models are unknown or in none of the candidates, or the energies of the dependencies are not
        those of the moments.
    """
    if not candidates:
        return Entry(deps, origin_of(deps, None, None, None))
    origin = origin_of(deps, candidates[0].fit, None, None)
    models = {origin.target_model, origin.source_model}
    for parts in candidates:
        if models <= set(parts.fit.names):
            _check_same(deps, origin, parts.fit)
            return Measured(deps, origin, parts)
    known = sorted({name for parts in candidates for name in parts.fit.names})
    raise ValueError(
        f"the dependencies are of {' and '.join(sorted(models))}, but the moments are of {', '.join(known)}; "
        "give the moments they were found from"
    )


def _check_same(deps: Dependencies, origin: Origin, fit: Moments) -> None:
    """Refuse moments whose sizes or energies are not those of the dependencies."""
    n, p = fit.sizes[origin.target_model], fit.sizes[origin.source_model]
    largest = int(deps.targets.max(initial=-1))
    if p != deps.n_sources or largest >= n:
        raise ValueError(
            f"dependencies {origin.title} have {deps.n_sources} sources and targets up to {largest}, but the "
            f"moments have {p} and {n} categories; give the moments they were found from"
        )
    energy = fit.energy(origin.target_model, origin.moment)[deps.targets]
    differs = np.abs(energy - deps.energy) > _SAME * np.maximum(energy, deps.energy)
    if differs.any():
        t = int(np.argmax(differs))
        raise ValueError(
            f"dependencies {origin.title}: category {deps.targets[t]} has energy {deps.energy[t]:.6g}, but "
            f"{energy[t]:.6g} in the moments; give the moments they were found from"
        )
