"""Gram matrices G = E[g g']: one face however they are held, and what follows from G alone."""

from covlasso.gram.factored import FactoredGram
from covlasso.gram.gram import DenseGram, Gram, as_gram, rows_times
from covlasso.gram.own_rows import OwnRows
from covlasso.gram.products import PANEL, mirror, product
from covlasso.gram.spanning import Spanning, spanning_categories
from covlasso.gram.spectral import Spectral, full_solutions

__all__ = [
    "PANEL",
    "DenseGram",
    "FactoredGram",
    "Gram",
    "OwnRows",
    "Spanning",
    "Spectral",
    "as_gram",
    "full_solutions",
    "mirror",
    "product",
    "rows_times",
    "spanning_categories",
]
