"""Exact paths of all targets: from arrays, from moments, over ranks."""

from covlasso.solver.direction import (
    SAME,
    Blocks,
    check_sizes,
    differing,
    energy_of,
    found_on,
    in_gauge,
    pair_of,
    targets_of,
)
from covlasso.solver.focus import by_share, check_focus, focused
from covlasso.solver.focused_paths import FocusedPaths
from covlasso.solver.from_arrays import path, solve
from covlasso.solver.from_moments import path_moments, solve_moments
from covlasso.solver.kept import forget
from covlasso.solver.own_category import checked_origin, excluded, own_in_words
from covlasso.solver.own_samples import OwnSamples
from covlasso.solver.problem import check_problem
from covlasso.solver.random_terms import DRAWS, random_coefficients, random_error, random_error_by_terms
from covlasso.solver.slices import solve_slices
from covlasso.solver.solution_path import Knots, Path
from covlasso.solver.targets import Targets
from covlasso.solver.work import blocks_of

__all__ = [
    "DRAWS",
    "SAME",
    "Blocks",
    "FocusedPaths",
    "Knots",
    "OwnSamples",
    "Path",
    "Targets",
    "blocks_of",
    "by_share",
    "check_focus",
    "check_problem",
    "check_sizes",
    "checked_origin",
    "differing",
    "energy_of",
    "excluded",
    "focused",
    "forget",
    "found_on",
    "in_gauge",
    "own_in_words",
    "pair_of",
    "path",
    "path_moments",
    "random_coefficients",
    "random_error",
    "random_error_by_terms",
    "solve",
    "solve_moments",
    "solve_slices",
    "targets_of",
]
