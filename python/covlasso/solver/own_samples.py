"""Saved logits as own samples of the categories: each is a row that counts for its category only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from covlasso._base.arrays import Float64, Int32, Int64
from covlasso.dependencies import Origin
from covlasso.gram import FactoredGram, Gram, OwnRows, as_gram
from covlasso.moments import Moments
from covlasso.solver.direction import Blocks

if TYPE_CHECKING:
    from covlasso.logits import Samples


class OwnSamples:
    """Samples by their category: their label, or the decision of the targets' model.

    With a share alpha the problem of target i has (1 - alpha) G + alpha E[g g' | i] for G, and c_i and e_i
    likewise: a row sqrt(alpha / N_i) g for each of its N_i samples. Feng et al. (NeurIPS 2022, "independence
    deficit") have alpha = 1.

    Parameters
    ----------
    samples : Samples
        Of the targets' and the sources' model.
    """

    def __init__(self, samples: Samples):
        self._samples = samples
        classes, own = [], []
        for chunk in samples.chunks():
            here = chunk.target.argmax(axis=1) if chunk.label is None else chunk.label
            classes.append(here)
            own.append(np.where(here >= 0, chunk.target[np.arange(len(here)), here], 0.0))
        self._class, self._own = np.concatenate(classes), np.concatenate(own)

    def counts(self, targets: Int32) -> Int64:
        """Return the number of own samples of each target."""
        known = self._class[self._class >= 0]
        return np.bincount(known, minlength=int(targets.max()) + 1)[targets].astype(np.int64)

    def level(self, moments: Moments, targets: Int32, alpha: float, model: str) -> tuple[Float64, Float64]:
        """E[f_i] and Var(f_i) of targets with samples, of which these have the share alpha."""
        counts = self.counts(targets)
        known = self._class >= 0
        size = int(targets.max()) + 1
        own, squares = (
            np.bincount(self._class[known], weights=values[known], minlength=size)[targets] / counts
            for values in (self._own, self._own**2)
        )
        mean = (1.0 - alpha) * moments.mean(model)[targets] + alpha * own
        energy = (1.0 - alpha) * moments.energy(model)[targets] + alpha * squares
        return mean, np.maximum(energy - mean**2, 0.0)

    def check(self, moments: Moments, origin: Origin, targets: Int32) -> None:
        """Refuse samples of other models, and a kind of moments that own samples are not for.

        Raises
        ------
        ValueError
            The models have other numbers of categories, or the kind is not "second_moment".
        """
        if origin.kind != "second_moment":
            raise ValueError(
                f"own samples are for kind second_moment, and kind is {origin.kind}; leave samples out, so "
                "that class means are taken, or take logits as they are"
            )
        self._samples.check(moments.sizes[origin.source_model], targets, origin.intra)

    def blocks(
        self, moments: Moments, origin: Origin, targets: Int32, alpha: float, gram: Gram | None
    ) -> Blocks:
        """Return the moments of some targets, all with samples.

        Parameters
        ----------
        moments : Moments
            Of all samples.
        origin : Origin
            The direction.
        targets : (n_targets,) int32 array
            Categories that have own samples.
        alpha : float
            Their share, above 0.
        gram : Gram, or None
            (1 - alpha) G, where it is at hand.
        """
        plain = Blocks.of(moments, replace(origin, focus=None), targets, gram=gram)
        own = self._rows(targets, alpha, origin.intra)
        kept = 1.0 - alpha
        energy = moments.energy(origin.target_model)[targets] * kept
        return replace(
            plain,
            origin=origin,
            gram=_scaled(plain.gram, kept) if gram is None else gram,
            cross=None if plain.cross is None else plain.cross * kept,
            energy=energy + own.summed(np.square(own.responses(targets))),
            own_rows=own,
            focus=np.full(len(targets), alpha),
        )

    def _rows(self, targets: Int32, alpha: float, intra: bool) -> OwnRows:
        """Return the rows of the targets, of more samples than sources as few as these."""
        found = self._collect(targets)
        rows, responses = [], []
        for target in targets.tolist():
            source, response = found[target]
            together = source if intra else np.column_stack([source, response])
            together *= np.sqrt(alpha / len(together))
            if len(together) > together.shape[1]:
                together = np.asarray(np.linalg.qr(together, mode="r"))  # the same products
            rows.append(together if intra else together[:, :-1])
            responses.append(together[:, target if intra else -1])
        offset = np.cumsum([0, *(len(part) for part in rows)])
        stacked = np.ascontiguousarray(np.concatenate(rows))
        return OwnRows(stacked, None if intra else np.concatenate(responses), offset)

    def _collect(self, targets: Int32) -> dict[int, tuple[Float64, Float64]]:
        """Return the sources' logits of the samples of each target, and the target's own in them."""
        wanted = np.zeros(int(self._class.max()) + 2, dtype=bool)
        wanted[targets] = True
        sources, responses, places = [], [], []
        start = 0
        for chunk in self._samples.chunks():
            here = self._class[start : start + len(chunk.target)]
            start += len(here)
            chosen = np.flatnonzero(wanted[here])
            places.append(here[chosen])
            sources.append(chunk.source[chosen])
            responses.append(chunk.target[chosen, here[chosen]])
        place, source, response = (np.concatenate(part) for part in (places, sources, responses))
        order = np.argsort(place, kind="stable")
        bounds = np.searchsorted(place[order], targets), np.searchsorted(place[order], targets, side="right")
        return {
            int(target): (source[order[first:last]], response[order[first:last]])
            for target, first, last in zip(targets, *bounds, strict=True)
        }


def _scaled(gram: Gram, factor: float) -> Gram:
    """Return the Gram times a number; of a factored one the factor times its root."""
    if isinstance(gram, FactoredGram):
        return FactoredGram(gram.factor * np.sqrt(factor))
    return as_gram(gram.dense() * factor)
