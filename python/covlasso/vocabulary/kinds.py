"""Kinds of tokens: others' combinations, those that stand alone, never-trained ones, and bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Bool, Float64, Int32
from covlasso._base.checks import check_number
from covlasso._base.digits import r2_text
from covlasso._base.frames import Tabular
from covlasso.dependencies import Dependencies
from covlasso.evidence import Evaluation, Quality, evaluate, origin_of
from covlasso.moments import SplitMoments
from covlasso.solver import DRAWS
from covlasso.vocabulary.untrained import equal_rows, untrained_distance

KINDS = ("combinations", "alone", "untrained", "byte_tokens")
"""The lists, in the order of tables."""

_TITLES = {
    "combinations": "Combinations of others",
    "alone": "Tokens that stand alone",
    "untrained": "Never trained, by their rows",
    "byte_tokens": "Bytes that are no character",
}
_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")


@dataclass(frozen=True, eq=False, repr=False)
class TokenKinds(Tabular):
    """What `kinds_of_tokens` found; arrays have one entry per target unless it says otherwise.

    Attributes
    ----------
    deps : Dependencies
        The equations that were asked.
    evaluation : Evaluation
        Their figures, and those of as many terms at random.
    combinations, alone : int32 array
        Numbers of tokens: those whose R^2 is at least ``thresholds["combination"]``, the best first, and
        those with at most ``thresholds["alone"]``, the least first.
    untrained : int32 array
        Numbers of *all* tokens, targets or not, whose ``distance`` is at most ``thresholds["untrained"]``,
        nearest first.
    byte_tokens : int32 array
        Targets whose name has a byte that is no character, ``<0xE2>``, by their R^2, the best first.
    distance : (n_tokens,) array, or None
        Cosine distance of each row of the head to the mean of the known untrained ones, `untrained_distance`.
        None where the moments have no head, or none is known.
    known_untrained : int32 array
        The tokens that were taken for untrained: those given, or the largest group of equal rows.
    on_untrained : array
        Share of an equation, of the sum of its |b_ij| rms(f_j), that is on tokens in ``untrained``.
    thresholds : dict
        The numbers behind the lists.
    """

    deps: Dependencies
    evaluation: Evaluation
    combinations: Int32
    alone: Int32
    untrained: Int32
    byte_tokens: Int32
    distance: Float64 | None
    known_untrained: Int32
    on_untrained: Float64
    thresholds: dict[str, float]

    @property
    def r2(self) -> Float64:
        """R^2 about the mean: held out, or of the fit samples where nothing is held out."""
        return _measured(self.evaluation).r2_centred

    @property
    def random_r2(self) -> Float64 | None:
        """The same of as many terms at random; None where they were not drawn."""
        drawn = self.evaluation.random
        if drawn is None:
            return None
        part = drawn.fit if self.evaluation.held_out is None else drawn.held_out
        return None if part is None else part.r2_centred

    def columns(self) -> dict[str, Any]:
        """One entry per target.

        ``target``, ``target_name``, ``r2``, ``random_r2``, ``distance``, ``on_untrained``, and for each of
        `KINDS` whether the token is in that list.
        """
        targets = self.deps.targets
        columns: dict[str, Any] = {"target": targets}
        columns["target_name"] = [self.deps.target_label(t) for t in range(len(targets))]
        columns["r2"] = self.r2
        if self.random_r2 is not None:
            columns["random_r2"] = self.random_r2
        if self.distance is not None:
            columns["distance"] = self.distance[targets]
        columns["on_untrained"] = self.on_untrained
        return columns | {kind: np.isin(targets, getattr(self, kind)) for kind in KINDS}

    def table(self, top: int = 10) -> str:
        """Write the lists as text, ``top`` lines of each: R^2, that of random terms, distance, equation."""
        rows = {int(number): t for t, number in enumerate(self.deps.targets)}
        lines = [f"{'R^2':>8}{'random':>8}{'distance':>10}  equation"]
        for kind in KINDS:
            numbers = getattr(self, kind).tolist()
            lines += ["", f"{_TITLES[kind]}: {len(numbers)}{self._summary(kind)}"]
            lines += [self._line(number, rows.get(number)) for number in numbers[:top]]
            if len(numbers) > top:
                lines.append(f"{'':28}... and {len(numbers) - top} more")
        return "\n".join(lines)

    def _summary(self, kind: str) -> str:
        """Say the rule of a list, and the medians of its targets."""
        rule = {
            "combinations": f" (R^2 at least {self.thresholds['combination']:g})",
            "alone": f" (R^2 at most {self.thresholds['alone']:g})",
            "untrained": f" (distance at most {self.thresholds['untrained']:g})",
        }.get(kind, "")
        here = np.isin(self.deps.targets, getattr(self, kind))
        if not np.isfinite(self.r2[here]).any():
            return rule
        said = f"median R^2 {r2_text(float(np.nanmedian(self.r2[here])))}"
        if self.random_r2 is not None:
            said += f", random terms {r2_text(float(np.nanmedian(self.random_r2[here])))}"
        if kind == "untrained":
            said += f", {float(np.median(self.on_untrained[here])):.0%} of an equation on such tokens"
        return f"{rule}; {said}"

    def _line(self, number: int, t: int | None) -> str:
        distance = "" if self.distance is None else f"{self.distance[number]:.3f}"
        if t is None:
            return f"{'':16}{distance:>10}  {self.deps.source_label(number)} (no target)"
        drawn = "" if self.random_r2 is None else r2_text(float(self.random_r2[t]))
        equation = self.deps.equation(number, max_terms=5)
        return f"{r2_text(float(self.r2[t])):>8}{drawn:>8}{distance:>10}  {equation}"

    def __repr__(self) -> str:
        """Say how long the lists are, and on which samples R^2 is."""
        where = "fit" if self.evaluation.held_out is None else "held out"
        counts = ", ".join(f"{len(getattr(self, kind))} {kind.replace('_', ' ')}" for kind in KINDS)
        median = r2_text(float(np.nanmedian(self.r2)))
        return f"TokenKinds({len(self.deps.targets)} targets, {counts}; median R^2 {where} {median})"


def kinds_of_tokens(
    deps: Dependencies,
    moments: SplitMoments,
    *,
    known_untrained: npt.ArrayLike | Literal["equal rows"] = "equal rows",
    combination: float = 0.99,
    alone: float = 0.4,
    untrained: float = 0.1,
    draws: int = DRAWS,
    seed: int = 0,
) -> TokenKinds:
    """Sort tokens by what a few others say of them on held-out samples, and by their rows of the head.

    R^2 is about the mean, on held-out samples, and stands beside that of as many terms at random. For a
    vocabulary ask short equations of row-centred, standardised logits, chosen by pursuit::

        deps = solve_moments(moments.fit, kind="correlation", row_centred=True, method="pursuit", terms=3)

    Logits as they are share one direction that softmax does not see, so that three random tokens give R^2
    0.84; and without a unit variance a longer row is chosen before an equal one.

    A never-trained token is found twice: its row lies near those of other such tokens (`untrained_distance`,
    after Land and Bartolo 2024), and its equation is made of them, with R^2 near 1.

    Parameters
    ----------
    deps : Dependencies
        Within one model. Which targets: all, or those of interest.
    moments : SplitMoments
        Those that ``deps`` were found on, with a held-out part.
    known_untrained : sequence of int, or "equal rows", default "equal rows"
        Tokens known to be untrained, as reserved ones or padding. "equal rows": the largest group of tokens
        whose rows are equal up to noise (`equal_rows`).
    combination, alone : float, default 0.99, 0.4
        R^2 from which a token counts as a combination of others, and up to which it stands alone.
    untrained : float, default 0.1
        Distance up to which a token counts as never trained. Look at the order, and at the names.
    draws, seed : int, default 20, 0
        Of random terms, as in `covlasso.evaluate`.

    Returns
    -------
    TokenKinds

    Raises
    ------
    TypeError, ValueError
        The dependencies are between two models, the moments do not fit to them, or a number is no token.
    """
    if not deps.intra:
        raise ValueError("dependencies are between two models; kinds of tokens are asked within one")
    limits = {
        "combination": check_number(combination, "combination"),
        "alone": check_number(alone, "alone"),
        "untrained": check_number(untrained, "untrained"),
    }
    found = evaluate(deps, moments, draws=draws, seed=seed)
    distance, known = _distances(deps, moments, known_untrained)
    near = np.zeros(deps.n_sources, dtype=bool) if distance is None else distance <= limits["untrained"]
    r2 = _measured(found).r2_centred
    return TokenKinds(
        deps,
        found,
        combinations=_ranked(deps.targets, -r2, r2 >= limits["combination"]),
        alone=_ranked(deps.targets, r2, r2 <= limits["alone"]),
        untrained=_ranked(np.arange(len(near), dtype=np.int32), distance, near),
        byte_tokens=_ranked(deps.targets, -r2, _are_bytes(deps)),
        distance=distance,
        known_untrained=known,
        on_untrained=_share_on(deps, moments, near),
        thresholds=limits,
    )


def _measured(found: Evaluation) -> Quality:
    measured = found.fit if found.held_out is None else found.held_out
    assert measured is not None  # noqa: S101  # moments were given
    return measured


def _distances(
    deps: Dependencies, moments: SplitMoments, known: npt.ArrayLike | str
) -> tuple[Float64 | None, Int32]:
    """Return the distance of every token, and to what."""
    head = moments.fit.heads.get(origin_of(deps, moments.fit, None, None).source_model)
    if isinstance(known, str) and known != "equal rows":
        raise ValueError(f"known_untrained is {known!r}; numbers of tokens or 'equal rows' is expected")
    if head is None:
        if not isinstance(known, str):
            raise ValueError("known_untrained needs the rows of the head, and these moments have no head")
        return None, np.arange(0, dtype=np.int32)
    weight = head.rows()
    seeds = equal_rows(weight) if isinstance(known, str) else np.asarray(known)
    if seeds.size == 0:
        return None, np.arange(0, dtype=np.int32)
    return untrained_distance(weight, seeds), seeds.astype(np.int32)


def _share_on(deps: Dependencies, moments: SplitMoments, near: Bool) -> Float64:
    """Share of each equation that is on some tokens, by the size that its terms have."""
    origin = origin_of(deps, moments.fit, None, None)
    fit = moments.fit.as_row_centred() if origin.row_centred else moments.fit
    size = np.abs(deps.coef) * np.sqrt(fit.energy(origin.source_model, origin.kind))
    whole, part = np.asarray(size.sum(axis=1)).ravel(), np.asarray((size * near).sum(axis=1)).ravel()
    share: Float64 = np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0.0)
    return share


def _are_bytes(deps: Dependencies) -> Bool:
    names = deps.target_names or ("",) * deps.n_targets
    return np.array([_BYTE.search(name) is not None for name in names])


def _ranked(numbers: Int32, figure: Float64 | None, chosen: Bool) -> Int32:
    """Return the chosen numbers by a figure, rising; equal ones by number."""
    here = np.flatnonzero(chosen)
    if figure is None:
        return numbers[here]
    return numbers[here[np.lexsort((numbers[here], figure[here]))]]
