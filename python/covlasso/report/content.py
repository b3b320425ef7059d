"""What stands in a report, as JSON and arrays; `js/dataset.js` is its reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from covlasso._base.arrays import Float64, Int32
from covlasso._base.progress import Report, TitledReport
from covlasso._core import KKT_TOLERANCE, __version__
from covlasso.dependencies import Dependencies
from covlasso.evidence import theory
from covlasso.report.beside import add_beside, measured, random_by_terms
from covlasso.report.curves import QUANTILES, Curves, follow
from covlasso.report.drawn_paths import add_paths
from covlasso.report.entry import Entry, Measured
from covlasso.report.followed import Followed, followed
from covlasso.report.groups import add_communities
from covlasso.report.payload import Payload, rounded_r2
from covlasso.report.replaced import HeldOutLogits, add_decisions, decided
from covlasso.report.samples import SampleNames, add_samples
from covlasso.report.set_names import SetName, set_names
from covlasso.report.steadiness import PAIRS, add_stability
from covlasso.solver import Blocks

SPECTRUM_LIMIT = 3000  # categories, or columns of a factor: a decomposition of more takes minutes
SCHEMA = "covlasso-report-1"


@dataclass(frozen=True)
class Depth:
    """How much of the moments goes into a report."""

    details: int | None
    """Categories per set that carry their path and their curves; see `followed`."""
    path_terms: int | None
    """Terms that paths and curves go to; by default `default_terms`."""
    progress: TitledReport | None = None
    logits: HeldOutLogits | None = None
    """Logits of other samples, for decisions."""
    names: SampleNames | None = None
    """What the rows of these are, for single samples."""
    asked: Sequence[Int32 | None] = ()
    """Of every set the categories that carry them, where they are asked for."""
    pairs: int = PAIRS
    """Divisions of the folds into halves, on which terms are looked for again."""


def collect(
    entries: Sequence[Entry], title: str, depth: Depth, given: Sequence[str] | None = None
) -> tuple[str, Any]:
    """(packed data, record) of a report; the record alone says what the page states in words.

    ``given`` are names of the sets that tell them apart where their settings do not; see `set_names`.
    """
    collector = _Collector(depth)
    names = set_names(entries, given)
    record = {
        "schema": SCHEMA,
        "title": title,
        "covlasso": __version__,
        "certificate": KKT_TOLERANCE,
        "quantiles": QUANTILES,
        "sets": [
            {**_named(entry, name), **collector.add(k, entry)}
            for k, (entry, name) in enumerate(zip(entries, names, strict=True))
        ],
    }
    rows = None if depth.names is None else depth.names.record()
    return collector.payload.pack({**record, "rows": rows, "names": collector.names}), record | {"rows": rows}


def _named(entry: Entry, name: SetName) -> dict[str, Any]:
    """Say what a set is called, and why."""
    return {
        "title": name.short,
        "direction": entry.title,
        "settings": name.full,
        "asked": name.settings,
    }


class _Collector:
    """Arrays of all sets, named with the set's number as prefix, and what the sets share."""

    def __init__(self, depth: Depth):
        self.payload = Payload()
        self.names: list[tuple[str, ...]] = []
        self._depth = depth
        self._spectra: dict[tuple[int, str, str], theory.Spectrum] = {}

    def add(self, k: int, entry: Entry) -> dict[str, Any]:
        """Take set ``k``: its dependencies always, and what its moments tell where they are given."""
        deps, origin, prefix = entry.deps, entry.origin, f"{k}."
        asked = self._depth.asked[k] if self._depth.asked else None
        chosen = followed(deps, self._depth.details, asked)
        part = entry if chosen.is_all(deps) else replace(entry, deps=deps.take(chosen.solved))
        if part is not entry:
            self.payload.add(prefix + "followed", chosen.solved, "int32")
        record: dict[str, Any] = {
            "targetModel": origin.target_model,
            "sourceModel": origin.source_model,
            "kind": origin.kind,
            "l2": origin.l2,
            "focus": deps.focus_text() or None,
            "positive": origin.positive,
            "intra": deps.intra,
            "refit": deps.refit,
            "solution": deps.solution,
            "sameCategories": _same_categories(deps),
            "nSources": deps.n_sources,
            "targetNames": self._names(deps.target_labels),
            "sourceNames": self._names(deps.source_labels),
            "statuses": self._dependencies(prefix, deps),
            "samples": None,
            "curves": None,
            "spectrum": None,
            "decisions": None,
            "beside": add_beside(self.payload, prefix, entry, measured(entry)),
            "followed": {"why": chosen.why, "shown": len(chosen.shown), "solved": len(chosen.solved)},
            "stability": self._stability(prefix, entry, chosen),
            "single": None,
            "groups": self._communities(prefix, entry),
        }
        fit, curves = None, None
        if isinstance(entry, Measured) and isinstance(part, Measured):
            fit = part.blocks()
            curves = self._followed(part, fit)
            record.update(self._measured(prefix, entry, entry.blocks() if part is not entry else fit))
            record["curves"] = self._curves(prefix, part, fit, curves, chosen)
        record["decisions"] = self._decisions(prefix, part, fit, curves, chosen, deps.n_targets)
        record["single"] = self._samples(prefix, entry, chosen)
        return record

    def _stability(self, prefix: str, entry: Entry, chosen: Followed) -> dict[str, Any] | None:
        """How often terms are found again, where the moments have folds."""
        looked = chosen.shown if chosen.why == "asked" else chosen.solved
        told = self._told("halves", entry)
        return add_stability(self.payload, prefix, entry, looked, self._depth.pairs, told)

    def _samples(self, prefix: str, entry: Entry, chosen: Followed) -> dict[str, Any] | None:
        """Single samples, where logits of the models and what their rows are is given."""
        logits, names = self._depth.logits, self._depth.names
        samples = None if logits is None else logits.samples(entry.deps, entry.origin)
        if logits is None or samples is None or names is None:
            return None
        self.payload.add(f"{prefix}sampled", chosen.shown, "int32")
        told = self._told("samples", entry)
        return add_samples(self.payload, prefix, entry, samples, logits.kept(), names, chosen.shown, told)

    def _told(self, work: str, entry: Entry) -> Report | None:
        progress = self._depth.progress
        return None if progress is None else partial(progress, f"{work}, {entry.title}")

    def _names(self, names: tuple[str, ...] | None) -> int | None:
        """Return the number of a list of names, which is kept once however many sets share it."""
        if names is None:
            return None
        if names not in self.names:
            self.names.append(names)
        return self.names.index(names)

    def _dependencies(self, prefix: str, deps: Dependencies) -> list[str]:
        """Append the equations; returns the words that ``status`` counts in."""
        statuses, status = np.unique(deps.status, return_inverse=True)
        for name, values, dtype in (
            ("targets", deps.targets, "int32"),
            ("offset", deps.coef.indptr, "int32"),
            ("source", deps.coef.indices, "int32"),
            ("coef", deps.coef.data, "float32"),
            ("lam", deps.lam, "float32"),
            ("r2", deps.r2, "float32"),
            ("kkt", deps.kkt, "float32"),
            ("status", status, "uint8"),
        ):
            self.payload.add(prefix + name, values, dtype)
        if deps.focus is not None:
            self.payload.add(prefix + "share", deps.focus, "float32")
        words: list[str] = statuses.tolist()
        return words

    def _communities(self, prefix: str, entry: Entry) -> dict[str, Any] | None:
        """Which categories belong together."""
        progress = self._depth.progress
        if progress is not None:
            progress(f"communities, {entry.title}", 0, 1)
        found = add_communities(self.payload, prefix, entry.deps)
        if progress is not None:
            progress(f"communities, {entry.title}", 1, 1)
        return found

    def _followed(self, entry: Measured, fit: Blocks) -> Curves:
        """Paths of one set, as far as its page goes."""
        terms = self._depth.path_terms or default_terms(entry.deps)
        return follow(entry, fit, terms, self._depth.progress)

    def _measured(self, prefix: str, entry: Measured, fit: Blocks) -> dict[str, Any]:
        """Return samples and spectrum of one set; what is left out is said in the record."""
        if not fit.intra and _same_categories(entry.deps):
            self.payload.add(prefix + "own", _own_category_r2(fit), "float32")
        held_out = None if entry.held_out is None else entry.held_out.count
        return {
            "samples": {"fit": entry.fit.count, "heldOut": held_out},
            "spectrum": self._spectrum(prefix, entry, fit),
        }

    def _curves(
        self, prefix: str, entry: Measured, fit: Blocks, curves: Curves, chosen: Followed
    ) -> dict[str, Any]:
        """Error by terms and paths, unless the paths are not those of the dependencies."""
        if not curves.reproduced:
            return {"terms": curves.terms, "reproduced": False, "details": 0}
        for name, band in curves.bands().items():
            self.payload.add(f"{prefix}band.{name}", rounded_r2(band), "float32")
        self.payload.add(prefix + "detail", chosen.shown, "int32")
        for name, values in curves.r2.items():
            self.payload.add(f"{prefix}curve.{name}", rounded_r2(values[:, chosen.within].T), "float32")
        if curves.path.method == "lasso":
            add_paths(self.payload, prefix, curves.path, chosen.within)
        return {
            "terms": curves.terms,
            "reproduced": True,
            "details": len(chosen.shown),
            "random": random_by_terms(fit, entry.deps, curves.terms, entry.measure()),
        }

    def _decisions(
        self,
        prefix: str,
        entry: Entry,
        fit: Blocks | None,
        curves: Curves | None,
        chosen: Followed,
        targets: int,
    ) -> dict[str, Any] | None:
        """Decisions with the logits of what is followed replaced, where logits of the models are given."""
        logits = self._depth.logits
        samples = None if logits is None else logits.samples(entry.deps, entry.origin)
        if samples is None:
            return None
        own = curves if curves is not None and curves.reproduced else None
        found = decided(entry, samples, fit, own, self._depth.progress)
        detail = None if own is None else chosen.within
        return add_decisions(self.payload, prefix, found, detail, chosen.solved, targets)

    def _spectrum(self, prefix: str, entry: Measured, fit: Blocks) -> dict[str, Any]:
        """Eigenvalues of G, largest first, unless G is too large to decompose within seconds."""
        if fit.gram.rank_bound > SPECTRUM_LIMIT:
            return {"leftOut": True, "limit": SPECTRUM_LIMIT}
        key = (id(entry.fit), entry.origin.source_model, entry.origin.kind)
        if key not in self._spectra:
            self._spectra[key] = theory.spectrum(fit.gram)
        found = self._spectra[key]
        self.payload.add(prefix + "spectrum", found.eigenvalues, "float32")
        return {"leftOut": False, "rank": found.rank, "effectiveRank": found.effective_rank}


def _same_categories(deps: Dependencies) -> bool:
    """Whether source j and target j are one category, so that the page may link them."""
    if deps.intra:
        return True
    names, sources = deps.target_names, deps.source_names
    if names is None or sources is None or deps.targets.max(initial=-1) >= len(sources):
        return False
    return all(names[t] == sources[i] for t, i in enumerate(deps.targets))


def _own_category_r2(fit: Blocks) -> Float64:
    """R^2 of f_i from the same category of the other network alone, c_ii^2 / (G_ii e_i)."""
    own = np.array([fit.entries(t, i) for t, i in enumerate(fit.targets.tolist())])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(own**2 / (fit.gram.diagonal()[fit.targets] * fit.energy))


def default_terms(deps: Dependencies) -> int:
    """Half as many again as the dependencies have, from 10 to 50, and never more than there are sources."""
    wanted = min(max(10, 3 * int(deps.n_terms.max(initial=0)) // 2), 50)
    return max(1, min(wanted, deps.n_sources - deps.intra))
