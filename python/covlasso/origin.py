"""Where dependencies come from: the models of a moments file, which of their moments, and the options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso._problem import check_flag, check_number
from covlasso.moments import Kind, Moments

Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Origin:
    """What else than the place on the path decides about dependencies; kept in their file.

    Attributes
    ----------
    target_model, source_model : str
        Names of the models in the `Moments`: f of the targets and g of the sources.
    moment : str, default "second_moment"
        "second_moment": logits as they are, the paper's choice; "covariance": less their means;
        "correlation": also divided by their standard deviations, so that coefficients are those of
        standardised logits.
    l2 : float, default 0
        Ridge term, in the paper's scale (no 1/2).
    positive : bool, default False
        Whether only coefficients b >= 0 were allowed.
    allow_same : bool, default False
        Between two networks: whether a target's own category in the other one may explain it; see `same`.

    Raises
    ------
    TypeError, ValueError
        A field is not of its type, or ``moment`` is none of the three.
    """

    target_model: str
    source_model: str
    moment: Kind = "second_moment"
    l2: float = 0.0
    positive: bool = False
    allow_same: bool = False

    def __post_init__(self) -> None:
        """Check what may come from a file."""
        for field in ("target_model", "source_model"):
            if not isinstance(getattr(self, field), str):
                raise TypeError(f"{field} must be a string, got {getattr(self, field)!r}")
        if self.moment not in get_args(Kind):
            raise ValueError(f"moment is {self.moment!r}; one of {', '.join(get_args(Kind))} is expected")
        check_number(self.l2, "l2")
        check_flag(self.positive, "positive")
        check_flag(self.allow_same, "allow_same")

    @property
    def intra(self) -> bool:
        """Whether targets and sources are categories of one network."""
        return self.target_model == self.source_model

    @property
    def title(self) -> str:
        """The direction in words: ``within vit``, ``vit from resnet``."""
        return (
            f"within {self.target_model}" if self.intra else f"{self.target_model} from {self.source_model}"
        )

    def exclude(self, moments: Moments, rows: Int32) -> Literal["self"] | scipy.sparse.csr_array | None:
        """List what the targets ``rows`` do without, as `covlasso.path` takes it for ``exclude``."""
        if self.intra:
            return "self"
        own = self.same(moments, rows)
        return None if self.allow_same or own.nnz == 0 else own

    def same(self, moments: Moments, rows: Int32) -> scipy.sparse.csr_array:
        """Mark the sources that are the targets' own categories in the other network.

        Where both models have class names, these are the sources of the target's name; where they have the
        same list of names, or one has none and the sizes are equal, those of the target's number.

        Returns
        -------
        (len(rows), p) sparse boolean array
            Without any entry where the networks share no category.
        """
        n, p = (moments.sizes[model] for model in (self.target_model, self.source_model))
        targets, sources = (moments.class_names.get(m) for m in (self.target_model, self.source_model))
        shape = (len(rows), p)
        if targets is None or sources is None or targets == sources:
            own = np.arange(len(rows)) if n == p else np.empty(0, dtype=np.intp)
            columns = rows[own]
        else:
            numbers: dict[str, list[int]] = {}
            for j, name in enumerate(sources):
                numbers.setdefault(name, []).append(j)
            found = [numbers.get(targets[i], []) for i in rows]
            own = np.repeat(np.arange(len(rows)), [len(columns) for columns in found])
            columns = np.array([j for columns in found for j in columns], dtype=np.int32)
        entries = np.ones(len(own), dtype=bool)
        return scipy.sparse.csr_array((entries, (own, columns)), shape=shape)
