"""Results that are tables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from covlasso._base.optional import needed

if TYPE_CHECKING:
    import pandas as pd


class Tabular(ABC):
    """A result with columns of one length."""

    @abstractmethod
    def columns(self) -> dict[str, Any]:
        """Return the columns by name."""

    def to_frame(self) -> pd.DataFrame:
        """Table of the `columns`, a row for each of their entries.

        Raises
        ------
        ImportError
            pandas is not installed.
        """
        frame: pd.DataFrame = needed("pandas").DataFrame(self.columns())
        return frame
