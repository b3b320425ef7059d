"""Names of the types of arrays that functions hand to each other."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]
Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]
"""Numbers of categories: the core counts in 32 bits."""
Int64 = npt.NDArray[np.int64]
Places = npt.NDArray[np.intp]
"""Positions in another array."""
Array = npt.NDArray[Any]
Floats = npt.NDArray[np.floating[Any]]
"""float16, float32 or float64."""
Matrix = npt.NDArray[Any]
"""(rows, columns) of float32 or float64, in the memory of the host."""

Kind = Literal["second_moment", "covariance", "correlation"]
"""Moments of logits as they are (the paper's choice), less their means, or also over their deviations."""

Method = Literal["lasso", "pursuit"]
"""How terms are chosen: by the Lasso's exact path, or greedily by orthogonal matching pursuit."""
