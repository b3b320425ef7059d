"""Neural dependencies: exact, fast node-wise Lasso paths on the moments of a classifier's logits.

Everything public is here: `Moments`, `SplitMoments`, `path`, `solve`, `Path`, `Dependencies`, and more. What
``import covlasso`` does not need is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from covlasso._base.devices import cuda_available, cuda_unavailable_reason
from covlasso._core import __version__
from covlasso.dependencies import Dependencies, Origin
from covlasso.gram import FactoredGram, OwnRows
from covlasso.moments import Accumulator, LinearHead, Moments, Split, SplitMoments

if TYPE_CHECKING:
    from covlasso import datasets, graph, logits, plot, vocabulary
    from covlasso.evidence import (
        choose_focus,
        compare_methods,
        evaluate,
        held_out_error,
        select,
        stability,
        theory,
    )
    from covlasso.gram import spanning_categories
    from covlasso.moments import new_category_moments
    from covlasso.report import write_report
    from covlasso.solver import Knots, Path, path, solve, solve_moments

__all__ = [
    "Accumulator",
    "Dependencies",
    "FactoredGram",
    "Knots",
    "LinearHead",
    "Moments",
    "Origin",
    "OwnRows",
    "Path",
    "Split",
    "SplitMoments",
    "__version__",
    "choose_focus",
    "compare_methods",
    "cuda_available",
    "cuda_unavailable_reason",
    "datasets",
    "evaluate",
    "graph",
    "held_out_error",
    "logits",
    "new_category_moments",
    "path",
    "plot",
    "select",
    "solve",
    "solve_moments",
    "spanning_categories",
    "stability",
    "theory",
    "vocabulary",
    "write_report",
]

_ON_USE = {  # the wing that has it; a wing or a page has itself
    "Knots": "solver",
    "Path": "solver",
    "path": "solver",
    "solve": "solver",
    "solve_moments": "solver",
    "choose_focus": "evidence",
    "compare_methods": "evidence",
    "evaluate": "evidence",
    "held_out_error": "evidence",
    "new_category_moments": "moments",
    "select": "evidence",
    "spanning_categories": "gram",
    "stability": "evidence",
    "theory": "evidence",
    "write_report": "report",
}


def __getattr__(name: str) -> Any:
    if name in _ON_USE:
        return getattr(importlib.import_module(f"{__name__}.{_ON_USE[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
