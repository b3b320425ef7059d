"""How often each term is found on halves of the groups."""

from __future__ import annotations

from typing import Any

import numpy as np

from covlasso._base.progress import Report
from covlasso.evidence import stability_of
from covlasso.report.entry import Entry, Measured
from covlasso.report.payload import Payload

PAIRS = 10
"""Divisions of the groups into halves, by default: 20 solves."""

_STEPS = 200  # of a share, as the page carries it
_SURE = 0.9


def add_stability(
    payload: Payload, prefix: str, entry: Entry, pairs: int, report: Report | None
) -> dict[str, Any] | None:
    """Append ``stability``, (n_terms,): of every term the share of the halves, in steps of 1/200.

    The record has ``subsets``, how many halves there were, ``sure``, the number of terms found in at least
    90 % of them, and ``folds``. None where there are fewer than two folds, or none are wanted, or the
    dependencies are of own samples, which folds do not have.
    """
    if pairs == 0 or not isinstance(entry, Measured) or len(entry.folds) < 2:
        return None
    if entry.origin.focus == "own samples":
        return None
    found = stability_of(entry.deps, entry.folds, pairs=pairs, progress=report)
    share = found.of(entry.deps).data
    payload.add(f"{prefix}stability", np.rint(share * _STEPS), "uint8")
    return {
        "folds": len(entry.folds),
        "subsets": found.n_subsets,
        "steps": _STEPS,
        "sure": int(np.count_nonzero(share >= _SURE)),
    }
