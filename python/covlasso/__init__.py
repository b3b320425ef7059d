"""Neural dependencies: exact, fast node-wise Lasso paths on the moments of a classifier's logits.

Everything public is here: `Moments`, `SplitMoments`, `path`, `solve`, `Path`, `Dependencies`, and more; the real
data of `covlasso.datasets` are loaded when they are first used.
"""

from __future__ import annotations

from types import ModuleType

from covlasso._core import __version__
from covlasso.accumulate import Accumulator
from covlasso.dependencies import Dependencies
from covlasso.evaluation import held_out_error
from covlasso.factored import FactoredGram
from covlasso.heads import LinearHead
from covlasso.moments import Moments
from covlasso.origin import Origin
from covlasso.paths import Knots, Path, path, solve
from covlasso.split import Split
from covlasso.split_moments import SplitMoments

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
    "datasets",
    "held_out_error",
    "path",
    "solve",
]


def __getattr__(name: str) -> ModuleType:
    if name == "datasets":
        import importlib

        return importlib.import_module("covlasso.datasets")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
