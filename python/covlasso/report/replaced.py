"""What a report says of decisions with logits replaced: rates, F1 against the number of terms, confusions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from covlasso._base.arrays import Array, Int64, Places
from covlasso._base.plain import finite
from covlasso._base.progress import TitledReport
from covlasso.dependencies import Dependencies, Origin
from covlasso.evidence import Decisions, DecisionsByTerms, Rates, decisions_by_terms
from covlasso.logits import Rows, Samples
from covlasso.report.curves import Curves
from covlasso.report.entry import Entry, Measured
from covlasso.report.payload import Payload, rounded
from covlasso.solver import Blocks

GRID = (1, 2, 3, 5, 10, 20, 50)
LISTED = 5  # confusions per category
_RATES = {"recall": "recall", "false_alarms": "falseAlarms", "f1": "f1"}
_KINDS = {"network": "network", "replaced": "replaced", "at_once": "atOnce"}


@dataclass(frozen=True, eq=False)
class HeldOutLogits:
    """Logits of held-out samples, by model; row r of all models is the same input."""

    of_model: Mapping[str, Array | Rows] | Array | Rows
    """Of several models by name, or those of the only model."""
    labels: Any = None
    rows: Any = None

    @property
    def count(self) -> int:
        """Number of rows of the logits."""
        one = next(iter(self.of_model.values())) if isinstance(self.of_model, Mapping) else self.of_model
        return int(one.shape[0])

    def kept(self) -> Int64:
        """Return the rows that are looked at."""
        return np.arange(self.count) if self.rows is None else np.flatnonzero(self.rows)

    def samples(self, deps: Dependencies, origin: Origin) -> Samples | None:
        """Return those of a direction, checked; None where they are not all there."""
        if isinstance(self.of_model, Mapping):
            target, source = (self.of_model.get(name) for name in (origin.target_model, origin.source_model))
        else:
            target = self.of_model
            source = target if deps.intra else None
        if target is None or source is None:
            return None
        samples = Samples(target, None if deps.intra else source, self.labels, self.rows)
        samples.check(deps.n_sources, deps.targets, deps.intra)
        return samples


def decided(
    entry: Entry,
    samples: Samples,
    fit: Blocks | None,
    curves: Curves | None,
    progress: TitledReport | None,
) -> DecisionsByTerms:
    """Decisions of one set, and along its paths where they are its own."""
    told = None if progress is None else partial(_tell, progress, entry.title)
    moments = entry.fit if isinstance(entry, Measured) else None
    if curves is None:
        return decisions_by_terms(entry.deps, samples, moments, progress=told)
    terms = sorted({k for k in GRID if k < curves.terms} | {curves.terms})
    return decisions_by_terms(entry.deps, samples, moments, curves.path, fit, terms, progress=told)


def add_decisions(
    payload: Payload,
    prefix: str,
    found: DecisionsByTerms,
    detail: Places | None,
    looked: Places,
    targets: int,
) -> dict[str, Any]:
    """Append the figures of every target; returns what is said of all together, for the record.

    ``found`` are those of the targets at the positions ``looked`` of ``targets`` in all; the others have 0
    samples and no rate. ``detail``: places in ``looked`` of those that carry F1 against the number of terms.
    """
    shown = found.shown
    support = np.zeros(targets, dtype=np.int64)
    support[looked] = shown.support
    payload.add(f"{prefix}support", support, "int32")
    payload.add(f"{prefix}r2Own", _spread(rounded(shown.r2_own), looked, targets), "float32")
    for kind, name in _KINDS.items():
        for rate, short in _RATES.items():
            values = rounded(getattr(getattr(shown, kind), rate))
            payload.add(f"{prefix}{name}.{short}", _spread(values, looked, targets), "float32")
    _add_confusions(payload, prefix, shown, looked, targets)
    methods = {"refitted": found.refitted, "random": found.random}
    if found.terms and detail is not None:
        for method, made in methods.items():
            values = np.array([one.replaced.f1[detail] for one in made]).T
            payload.add(f"{prefix}f1.{method}", rounded(values), "float32")
    return {
        "looked": len(looked),
        "samples": shown.count,
        "labelled": shown.n_labelled,
        "ownLabels": shown.own_labels,
        "top1": shown.top1,
        "atOnceTop1": shown.at_once_top1,
        **{name: _means(getattr(shown, kind)) for kind, name in _KINDS.items()},
        "classMean": None if found.class_mean is None else _means(found.class_mean.replaced),
        "terms": list(found.terms),
        "byTerms": {method: [_means(one.replaced) for one in made] for method, made in methods.items()},
    }


def _spread(values: npt.NDArray[np.float32], looked: Places, targets: int) -> npt.NDArray[np.float32]:
    """Return the values at the places ``looked``, NaN elsewhere."""
    every = np.full(targets, np.nan, dtype=np.float32)
    every[looked] = values
    return every


def _add_confusions(payload: Payload, prefix: str, shown: Decisions, looked: Places, targets: int) -> None:
    """Append the most frequent confusions: where those of each target begin, categories, and counts."""
    most = [shown.confusions.most(t, LISTED) for t in range(len(shown.support))]
    for name, lists in (
        ("taken", [one.false_alarms for one in most]),
        ("missed", [one.misses for one in most]),
    ):
        pairs = [pair for of_target in lists for pair in of_target]
        count = np.zeros(targets, dtype=np.int64)
        count[looked] = [len(of_target) for of_target in lists]
        payload.add(f"{prefix}{name}Start", np.cumsum([0, *count]), "int32")
        payload.add(f"{prefix}{name}Category", [category for category, _ in pairs], "int32")
        payload.add(f"{prefix}{name}Count", [count for _, count in pairs], "int32")


def _means(rates: Rates) -> dict[str, Any]:
    return {short: finite(rates.mean(name)) for name, short in _RATES.items()}


def _tell(progress: TitledReport, title: str, work: str, done: int, total: int) -> None:
    progress(f"{work}, {title}", done, total)
