"""What looks wrong about logits without being an error: each is one line with a remedy."""

from __future__ import annotations

import numpy as np

from covlasso._base.arrays import Float64
from covlasso._base.digits import percent_text
from covlasso.logits.logit_file import LogitFile

_ROWS = 256  # rows looked at
_COMMON = 0.9  # share of the energy in the mean logit from which R^2 says nothing


def suspicions(file: LogitFile, row_centred: bool = False) -> list[str]:
    """Look at the shape of an array of logits and at its first rows.

    Parameters
    ----------
    file : LogitFile
        The array.
    row_centred : bool, default False
        Whether each row's mean is taken off.

    Returns
    -------
    list of str
        More categories than rows, as in a transposed array; probabilities, or their logarithms, in the place
        of logits; rows that are nearly constant.
    """
    rows, categories = file.shape
    found = []
    if rows < categories:
        found.append(
            f"{file.where} has {rows} rows of {categories} categories, too few to tell dependencies from "
            "chance; is it transposed?"
        )
    block = next(file.blocks(min(rows, _ROWS))).astype(np.float64)
    kind = _normalised(block)
    if kind is not None:
        found.append(
            f"{file.where} seems to hold {kind}, which sum to one in each row; give the logits before softmax"
        )
    elif categories > 1 and not row_centred and _common(block) > _COMMON:
        found.append(
            f"{file.where}: {percent_text(_common(block))} of the energy is in each row's mean over the "
            "categories, which any category explains, so an R^2 near 1 says nothing; --row-centred "
            "takes it off, and decisions do not see it"
        )
    return found


def _normalised(block: Float64) -> str | None:
    """Say whether rows are probabilities or log-probabilities."""
    if block.min() >= 0.0 and np.allclose(block.sum(axis=1), 1.0, atol=1e-3):
        return "probabilities"
    if block.max() <= 0.0 and np.allclose(np.exp(block).sum(axis=1), 1.0, atol=1e-3):
        return "log-probabilities"
    return None


def _common(block: Float64) -> float:
    """Share of E|f|^2 in the mean of each row."""
    energy = float(np.mean(block**2))
    return float(np.mean(block.mean(axis=1) ** 2)) / energy if energy > 0.0 else 0.0
