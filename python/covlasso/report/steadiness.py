"""How often each term is found on halves of the groups."""

from __future__ import annotations

from typing import Any

import numpy as np

from covlasso._base.arrays import Places
from covlasso._base.progress import Report
from covlasso.dependencies import Dependencies
from covlasso.evidence import stability_of
from covlasso.report.entry import Entry, Measured
from covlasso.report.payload import Payload

PAIRS = 10
"""Divisions of the groups into halves, by default: 20 solves."""

_STEPS = 200  # of a share, as the page carries it
_UNKNOWN = 255
_SURE = 0.9


def add_stability(
    payload: Payload, prefix: str, entry: Entry, looked: Places, pairs: int, report: Report | None
) -> dict[str, Any] | None:
    """Append ``stability``, (n_terms,): of every term the share of the halves, in steps of 1/200.

    Terms of targets that are not at the positions ``looked`` have 255. The record has ``subsets``, how many
    halves there were, ``terms``, how many were looked for, ``sure``, the number of those found in at least
    90 % of them, and ``folds``. None where there are fewer than two folds, or none are wanted, or the
    dependencies are of own samples, which folds do not have.
    """
    if pairs == 0 or not isinstance(entry, Measured) or len(entry.folds) < 2 or len(looked) == 0:
        return None
    if entry.origin.focus == "own samples":
        return None
    part = entry.deps.take(looked)
    found = stability_of(part, entry.folds, pairs=pairs, progress=report)
    share = found.of(part).data
    steps = np.full(entry.deps.coef.nnz, _UNKNOWN, dtype=np.uint8)
    steps[np.isin(_target_of_term(entry.deps), looked)] = np.rint(share * _STEPS)
    payload.add(f"{prefix}stability", steps, "uint8")
    return {
        "folds": len(entry.folds),
        "subsets": found.n_subsets,
        "steps": _STEPS,
        "terms": len(share),
        "sure": int(np.count_nonzero(share >= _SURE)),
    }


def _target_of_term(deps: Dependencies) -> Places:
    return np.repeat(np.arange(deps.n_targets), deps.n_terms)
