"""Neural dependencies: exact, fast node-wise Lasso paths on the moments of a classifier's logits.

Everything public is here: `Moments`, `SplitMoments`, `path`, `solve`, `Path`, `Dependencies`, and more; the
real data of `covlasso.datasets` are loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from covlasso._core import __version__
from covlasso._devices import cuda_available
from covlasso.accumulate import Accumulator
from covlasso.dependencies import Dependencies
from covlasso.factored import FactoredGram
from covlasso.heads import LinearHead
from covlasso.moments import Moments
from covlasso.origin import Origin
from covlasso.paths import path, solve
from covlasso.solution_path import Knots, Path
from covlasso.split import Split
from covlasso.split_moments import SplitMoments

if TYPE_CHECKING:
    from covlasso import datasets, graph, plot, theory
    from covlasso.comparison import compare
    from covlasso.evaluation import evaluate, held_out_error
    from covlasso.labelled import labelled_moments
    from covlasso.moment_solver import solve_moments
    from covlasso.report import write_report
    from covlasso.resampling import stability
    from covlasso.spanning import spanning_categories

__all__ = [
    "Accumulator",
    "Dependencies",
    "FactoredGram",
    "Knots",
    "LinearHead",
    "Moments",
    "Origin",
    "Path",
    "Split",
    "SplitMoments",
    "__version__",
    "compare",
    "cuda_available",
    "datasets",
    "evaluate",
    "graph",
    "held_out_error",
    "labelled_moments",
    "path",
    "plot",
    "solve",
    "solve_moments",
    "spanning_categories",
    "stability",
    "theory",
    "write_report",
]


_ON_USE = {  # where they are: `import covlasso` takes no time for them
    "compare": "covlasso.comparison",
    "datasets": "covlasso.datasets",
    "evaluate": "covlasso.evaluation",
    "graph": "covlasso.graph",
    "held_out_error": "covlasso.evaluation",
    "labelled_moments": "covlasso.labelled",
    "plot": "covlasso.plot",
    "solve_moments": "covlasso.moment_solver",
    "spanning_categories": "covlasso.spanning",
    "stability": "covlasso.resampling",
    "theory": "covlasso.theory",
    "write_report": "covlasso.report",
}


def __getattr__(name: str) -> Any:
    if name not in _ON_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module = importlib.import_module(_ON_USE[name])
    return module if module.__name__ == f"{__name__}.{name}" else getattr(module, name)
