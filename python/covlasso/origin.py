"""Where dependencies come from: the models of a moments file, which of their moments, and the options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np
import numpy.typing as npt
import scipy.sparse

from covlasso._problem import check_flag, check_number
from covlasso.moments import Kind, Moments

if TYPE_CHECKING:
    from covlasso.factored import FactoredGram

Float64 = npt.NDArray[np.float64]
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

    def __post_init__(self) -> None:
        """Check what may come from a file."""
        for field in ("target_model", "source_model"):
            if not isinstance(getattr(self, field), str):
                raise TypeError(f"{field} must be a string, got {getattr(self, field)!r}")
        if self.moment not in get_args(Kind):
            raise ValueError(f"moment is {self.moment!r}; one of {', '.join(get_args(Kind))} is expected")
        check_number(self.l2, "l2")
        check_flag(self.positive, "positive")

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

    def gram(self, moments: Moments, scale_of: Moments | None = None) -> Float64 | FactoredGram:
        """Gram of the sources, as `covlasso.path` takes it.

        Parameters
        ----------
        moments : Moments
            Of the samples wanted: those of the fit, or held-out ones.
        scale_of : Moments, optional
            For "correlation": whose standard deviations the logits are divided by. Give the fit's where
            ``moments`` are held-out ones: an equation found on the fit has that scale. By default
            ``moments``.

        Raises
        ------
        ValueError
            Unknown model, or no sample yet.
        """
        if self.moment != "correlation" or scale_of is None:
            return moments.gram(self.source_model, self.moment)
        scale = _deviation(scale_of, self.source_model)
        gram = moments.gram(self.source_model, "covariance")
        if isinstance(gram, np.ndarray):
            gram /= scale
            gram /= scale[:, np.newaxis]
            return gram
        from covlasso.factored import FactoredGram

        return FactoredGram(gram.factor / scale[:, np.newaxis])

    def cross(self, moments: Moments, rows: Int32, scale_of: Moments | None = None) -> Float64:
        """Cross moments c_i of the targets ``rows`` with all sources, (len(rows), p); see `gram`."""
        models = self.target_model, self.source_model
        if self.moment == "second_moment":
            return moments.second_moment(*models, rows=rows)
        if self.moment == "correlation" and scale_of is None:
            return moments.correlation(*models, rows=rows)
        result = moments.covariance(*models, rows=rows)
        if scale_of is not None and self.moment == "correlation":
            result /= _deviation(scale_of, self.source_model)
            result /= _deviation(scale_of, self.target_model)[rows, np.newaxis]
        return result

    def energy(self, moments: Moments, scale_of: Moments | None = None) -> Float64:
        """Energies e_i of all categories of the target model, (n,); see `gram`."""
        if self.moment != "correlation" or scale_of is None:
            return moments.energy(self.target_model, self.moment)
        scale = _deviation(scale_of, self.target_model)
        result: Float64 = moments.energy(self.target_model, "covariance") / scale**2
        return result

    def same(self, moments: Moments, rows: Int32) -> scipy.sparse.csr_array:
        """Mark the sources that are the targets' own categories in the other network, for ``exclude``.

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


def _deviation(moments: Moments, name: str) -> Float64:
    """Return the standard deviations, infinite where 0, so that dividing by them gives 0."""
    deviation = np.sqrt(moments.energy(name, "covariance"))
    deviation[deviation == 0.0] = np.inf
    return deviation
