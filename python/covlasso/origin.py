"""Where dependencies come from: the models of a moments file, which of their moments, and the options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from covlasso._problem import check_flag, check_number

Moment = Literal["second_moment", "covariance", "correlation"]


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

    Raises
    ------
    TypeError, ValueError
        A field is not of its type, or ``moment`` is none of the three.
    """

    target_model: str
    source_model: str
    moment: Moment = "second_moment"
    l2: float = 0.0
    positive: bool = False

    def __post_init__(self) -> None:
        """Check what may come from a file."""
        for field in ("target_model", "source_model"):
            if not isinstance(getattr(self, field), str):
                raise TypeError(f"{field} must be a string, got {getattr(self, field)!r}")
        if self.moment not in get_args(Moment):
            raise ValueError(f"moment is {self.moment!r}; one of {', '.join(get_args(Moment))} is expected")
        check_number(self.l2, "l2")
        check_flag(self.positive, "positive")
