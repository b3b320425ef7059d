"""Where dependencies come from: the models of a moments file, which of their moments, and the options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from covlasso._base.arrays import Kind
from covlasso._base.checks import check_flag, check_kind, check_number

FOCUSES = ("labels", "decisions", "own samples")

SameBy = Literal["name", "number"]
"""What says which categories of two networks are the same."""


@dataclass(frozen=True)
class Origin:
    """What else than the place on the path decides about dependencies; kept in their file.

    Attributes
    ----------
    target_model, source_model : str
        Names of the models in the `Moments`: f of the targets and g of the sources.
    kind : str, default "second_moment"
        "second_moment": logits as they are, the paper's choice; "covariance": less their means;
        "correlation": also divided by their standard deviations, so that coefficients are those of
        standardised logits.
    l2 : float, default 0
        Ridge term, in the paper's scale (no 1/2).
    positive : bool, default False
        Whether only coefficients b >= 0 were allowed.
    allow_same : bool, default False
        Between two networks: whether a target's own category in the other one may explain it.
    focus : {"labels", "decisions", "own samples"}, optional
        Which samples are a category's own, where these have a share of its equation (`Dependencies.focus`):
        by labels or by the decisions of the target's model, of which the class means count; or the samples
        themselves. None: all samples count alike.
    row_centred : bool, default False
        Whether logits are less their mean over the categories of their model, sample by sample.
    same_by : {"name", "number"}, optional
        Between two networks: which source is a target's own category, that of its name or that of its number,
        where the user had to say so.

    Raises
    ------
    TypeError, ValueError
        A field is not of its type, or ``kind``, ``focus`` or ``same_by`` is another word.
    """

    target_model: str
    source_model: str
    kind: Kind = "second_moment"
    l2: float = 0.0
    positive: bool = False
    allow_same: bool = False
    focus: str | None = None
    same_by: SameBy | None = None
    row_centred: bool = False

    def __post_init__(self) -> None:
        """Check what may come from a file."""
        for field in ("target_model", "source_model"):
            if not isinstance(getattr(self, field), str):
                raise TypeError(f"{field} must be a string, got {getattr(self, field)!r}")
        check_kind(self.kind)
        check_number(self.l2, "l2")
        check_flag(self.positive, "positive")
        check_flag(self.allow_same, "allow_same")
        check_flag(self.row_centred, "row_centred")
        if self.focus not in (None, *FOCUSES):
            raise ValueError(f"focus is {self.focus!r}; one of {', '.join(FOCUSES)} or None is expected")
        if self.same_by not in (None, *get_args(SameBy)):
            raise ValueError(f"same_by is {self.same_by!r}; 'name', 'number' or None is expected")

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
