"""A solve on moments, slice by slice: so that memory is bounded, and that what is done can be kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from covlasso._base.arrays import Float64, Int32, Int64, Places
from covlasso._base.checks import check_count, check_flag, check_method
from covlasso._base.commands import array_digest, digest
from covlasso._base.progress import Report
from covlasso._core import __version__
from covlasso.dependencies import Dependencies, Origin, joined
from covlasso.moments import Moments
from covlasso.solver.direction import Blocks, pair_of, targets_of
from covlasso.solver.focus import by_share, focused
from covlasso.solver.kept import Kept
from covlasso.solver.one_share import OneShare
from covlasso.solver.own_category import checked_origin
from covlasso.solver.own_samples import OwnSamples
from covlasso.solver.pace import WORTH, Pace
from covlasso.solver.random_terms import DRAWS
from covlasso.solver.solution_path import limits_of, one_place

if TYPE_CHECKING:
    from covlasso.logits import Samples

_BLOCK = 1 << 25  # entries of rows beside the Gram in memory at a time: 256 MB

Tell = Callable[[int, int, float | None], object]
"""Called with (targets kept before, targets left, seconds that these take; None: not known yet)."""


@dataclass(frozen=True)
class Work:
    """What `solve_moments` was asked for, checked.

    Attributes
    ----------
    moments : Moments
        In the gauge of the origin.
    origin : Origin
        The direction, with its focus.
    targets : (n_targets,) int32 array
        Categories to solve.
    shares : (n_targets,) array, or None
        Of own samples.
    own : OwnSamples, or None
        Samples that stand for the class means.
    paths : dict
        Options of `Blocks.paths`, how far to follow them.
    place : dict
        Where to read them, as `Path.at` takes it.
    draws : int
        Of random terms.
    asked : dict
        All options as they were given, for `command`.
    samples : Samples, or None
        Those of ``own``.
    """

    moments: Moments
    origin: Origin
    targets: Int32
    shares: Float64 | None
    own: OwnSamples | None
    paths: dict[str, Any]
    place: dict[str, Any]
    draws: int
    asked: dict[str, Any]
    samples: Samples | None

    @classmethod
    def of(cls, moments: Moments, **asked: Any) -> Work:
        """Check the arguments of `solve_moments`, but for those of the machine."""
        options = {**_DEFAULTS, **asked}
        unknown = set(options) - set(_DEFAULTS)
        if unknown:
            raise TypeError(f"there is no option {sorted(unknown)[0]!r}")
        get = options.__getitem__
        models = pair_of(moments, get("target"), get("source"))
        moments = moments.as_row_centred() if check_flag(get("row_centred"), "row_centred") else moments
        draws = check_count(get("draws"), "draws", least=0)
        plain = checked_origin(
            moments, models, get("kind"), get("l2"), get("positive"), get("allow_same"), get("same_by")
        )
        places = {name: get(name) for name in ("lam", "terms", "relative_error")}
        place = one_place(**places, method=check_method(get("method")))
        limit, lowest = limits_of(place, get("lam"), get("terms"), get("max_terms"), get("min_lambda"))
        targets = targets_of(moments, plain.target_model, get("targets"))
        samples = get("samples")
        own = None if samples is None else OwnSamples(samples.in_gauge(moments.row_centred))
        origin, shares = focused(moments, plain, targets, get("focus"), own)
        error = get("relative_error")
        paths = {
            "max_terms": limit or moments.sizes[origin.source_model],
            "min_lambda": lowest,
            "relative_error": 0.0 if error is None else error,
            **{name: get(name) for name in ("l2", "positive", "method")},
        }
        return cls(
            moments, origin, targets, shares, own, paths, {**places, "refit": get("refit")}, draws, options,
            samples,
        )  # fmt: skip

    def take(self, places: Places) -> Work:
        """Return the work on some of the targets."""
        shares = None if self.shares is None else self.shares[places]
        return replace(self, targets=self.targets[places], shares=shares)

    def run(
        self,
        progress: Report | None = None,
        kept: Kept | None = None,
        tell: Tell | None = None,
        **machine: Any,
    ) -> Dependencies:
        """Solve all targets, those that are kept already excepted.

        Parameters
        ----------
        progress : callable, optional
            Called as progress(done, total).
        kept : Kept, optional
            Where slices go, and where those of an earlier run are.
        tell : callable, optional
            See `Tell`: called where slices were kept before, and when it is known that the rest takes long.
        **machine
            ``n_threads`` and ``device``.
        """
        parts, order = self._known(kept)
        total = len(self.targets)
        left = np.ones(total, dtype=bool)
        left[np.concatenate([np.arange(0), *order])] = False
        before = total - int(left.sum())
        pace = None if kept is None else Pace(total - before)
        told = False
        if tell is not None and before:
            tell(before, total - before, None)
        for here, share in self._slices(left, pace):
            done = total - int(left.sum())
            with _of_all(progress, done, len(here), total, kept) as report:
                part = self._solve(share, here, report, machine)
                parts.append(part)
                order.append(here)
                left[here] = False
                if kept is not None and pace is not None:
                    pace.end(len(here))
                    if pace.seconds_left > WORTH:
                        kept.add(replace(part, target_names=None, source_names=None))
                        if tell is not None and pace.is_known and not told:
                            tell(before, int(left.sum()), pace.seconds_left)
                            told = True
        return joined(parts, order)

    def _known(self, kept: Kept | None) -> tuple[list[Dependencies], list[Places]]:
        """Return the slices that are kept, of these targets, and their places."""
        parts: list[Dependencies] = []
        order: list[Places] = []
        place = np.full(int(self.targets.max()) + 1, -1)
        place[self.targets] = np.arange(len(self.targets))
        for part in [] if kept is None else kept.load():
            own = np.flatnonzero(part.targets < len(place))
            own = own[place[part.targets[own]] >= 0]
            if len(own):
                parts.append(self._named(part.take(own)))
                kept.count += len(own)  # type: ignore[union-attr]
                order.append(place[part.targets[own]])
                place[part.targets[own]] = -1  # two processes at the same work may have kept it twice
        return parts, order

    def _named(self, part: Dependencies) -> Dependencies:
        names = self.moments.class_names
        target, source = names.get(self.origin.target_model), names.get(self.origin.source_model)
        of_targets = None if target is None else tuple(target[i] for i in part.targets)
        return replace(part, target_names=of_targets, source_names=source)

    def _slices(self, left: Any, pace: Pace | None) -> Iterator[tuple[Places, OneShare]]:
        """Positions of targets of one share that are solved together: as many as fit, or as the pace says."""
        p = self.moments.sizes[self.origin.source_model]
        for places, alpha in by_share(self.shares, len(self.targets)):
            share = OneShare(self.moments, self.origin, alpha, self.own)
            rest = places[left[places]]
            entries = np.cumsum(share.rows_each(self.targets[rest])) * p
            start = 0
            while start < len(rest):
                stop = _fitting(entries, start)
                if pace is not None:
                    stop = min(stop, start + pace.size)
                    pace.begin()
                yield rest[start:stop], share
                start = stop

    def _solve(self, share: OneShare, here: Places, report: Report, machine: dict[str, Any]) -> Dependencies:
        blocks: Blocks = share.blocks(self.targets[here])
        paths = blocks.paths(**self.paths, **machine, progress=report)
        return share.with_beside(paths.at(**self.place), blocks, self.draws)

    def command(self, device: str | Sequence[str] = "cpu") -> dict[str, Any]:
        """Return what decides about the result, as JSON values."""
        options = {name: value for name, value in self.asked.items() if name not in ("samples", "targets")}
        focus = options["focus"]
        if np.ndim(focus) > 0:
            options["focus"] = array_digest([np.asarray(focus, dtype=np.float64)])
        names = self.moments.class_names
        known = [names.get(model, ()) for model in (self.origin.target_model, self.origin.source_model)]
        return {
            "covlasso": __version__,
            **options,
            "target": self.origin.target_model,
            "source": self.origin.source_model,
            "device": str(device if isinstance(device, str) else device[0]).partition(":")[0],
            "class_names": digest([*known[0], "", *known[1]]),
            "targets": array_digest([self.targets]),
            "samples": None if self.samples is None else self.samples.digest(),
            "moments": self.moments.digest(),
        }


_DEFAULTS: dict[str, Any] = {
    "target": None, "source": None, "kind": "second_moment", "lam": None, "terms": None,
    "relative_error": None, "refit": False, "method": "lasso", "max_terms": None, "min_lambda": None,
    "l2": 0.0, "positive": False, "allow_same": False, "same_by": None, "row_centred": False, "focus": None,
    "samples": None, "targets": None, "draws": DRAWS,
}  # fmt: skip


def blocks_of(
    moments: Moments,
    origin: Origin,
    targets: Int32,
    shares: Float64 | None,
    own: OwnSamples | None = None,
) -> Iterator[tuple[Places, Blocks]]:
    """Positions of targets, and their moments: of one share each, and no more than are held together.

    Parameters
    ----------
    moments : Moments
        In the gauge of the origin.
    origin : Origin
        The direction, with its focus.
    targets : (n_targets,) int32 array
        Categories.
    shares : (n_targets,) array, or None
        Of own samples.
    own : OwnSamples, optional
        Samples that stand for the class means.
    """
    p = moments.sizes[origin.source_model]
    for places, alpha in by_share(shares, len(targets)):
        share = OneShare(moments, origin, alpha, own)
        entries = np.cumsum(share.rows_each(targets[places])) * p
        start = 0
        while start < len(places):
            stop = _fitting(entries, start)
            yield places[start:stop], share.blocks(targets[places[start:stop]])
            start = stop


def _fitting(entries: Int64, start: int) -> int:
    """Return where the targets end whose rows are in memory together; at least one."""
    before = entries[start - 1] if start else 0
    return max(start + 1, int(np.searchsorted(entries, before + _BLOCK, side="right")))


@contextmanager
def _of_all(
    progress: Report | None, before: int, size: int, total: int, kept: Kept | None
) -> Iterator[Report]:
    """Turn the counts of one slice into those of all targets, for reports and for an interruption."""
    done = before

    def report(done_here: int, _: int) -> None:
        nonlocal done
        done = before + done_here
        if progress is not None:
            progress(done, total)

    try:
        yield report
        report(size, size)
    except KeyboardInterrupt as cause:
        said = f"interrupted: {done} of {total} targets were done"
        if kept is not None and kept.count:
            said += f"; {kept.count} are kept in {kept.folder}, and the same command goes on from there"
        raise KeyboardInterrupt(said) from cause
