"""What was asked for, in words: the direction, and the settings that dependencies of it differ in."""

from __future__ import annotations

import numpy as np

from covlasso.dependencies.dependencies import Dependencies
from covlasso.dependencies.origin import Origin

KINDS = {"second_moment": "uncentred", "covariance": "centred", "correlation": "standardised"}
SOLUTIONS = {"lasso": "Lasso", "refitted": "refitted", "pursuit": "matching pursuit"}


def settings(deps: Dependencies, origin: Origin | None = None) -> dict[str, str]:
    """Say the settings that tell dependencies of one direction apart; "" where there is nothing to say.

    ``origin`` is that of ``deps`` unless it is given (they may not know theirs). Without one, kind of moments
    and options are unknown, and left out.
    """
    origin = deps.origin if origin is None else origin
    whole = deps.intra and deps.n_targets == deps.n_sources
    return {
        "kind": "" if origin is None else KINDS[origin.kind],
        "rows": "row-centred" if origin is not None and origin.row_centred else "",
        "place": place(deps),
        "solution": SOLUTIONS[deps.solution],
        "focus": deps.focus_text(missing=False),
        "positive": "no negative coefficients" if origin is not None and origin.positive else "",
        "l2": f"l2 {origin.l2:g}" if origin is not None and origin.l2 else "",
        "same": "own category allowed" if origin is not None and origin.allow_same else "",
        "same_by": "" if origin is None or origin.same_by is None else f"same category by {origin.same_by}",
        "targets": "" if whole or not deps.intra else f"{deps.n_targets} of {deps.n_sources} targets",
    }


def place(deps: Dependencies) -> str:
    """Say where on the paths: the number of terms; if they differ, the lambda that all share, or a range."""
    terms = np.unique(deps.n_terms)
    if len(terms) == 0:
        return "no targets"
    least, most = int(terms[0]), int(terms[-1])
    if least == most:
        return f"{most} term" + "s" * (most != 1)
    if deps.method == "lasso" and len(np.unique(deps.lam)) == 1:
        return f"lambda {deps.lam[0]:g}"
    return f"{least} to {most} terms"


def direction(deps: Dependencies, origin: Origin | None = None) -> str:
    """Say which network is explained by which: ``within vit``; what is known of it without an origin."""
    origin = deps.origin if origin is None else origin
    if origin is None:
        return "within one network" if deps.intra else "between two networks"
    return origin.title


def in_words(deps: Dependencies) -> str:
    """Direction and all settings: ``within vit, centred, 10 terms, refitted, focus 0.3 by labels``."""
    return ", ".join([direction(deps), *filter(None, settings(deps).values())])
