"""The result: a sparse equation for every target, where it comes from, and who is meant by a name."""

from covlasso.dependencies.dependencies import Dependencies, joined
from covlasso.dependencies.file import KNOWN, PER_TARGET
from covlasso.dependencies.in_words import direction, in_words, settings
from covlasso.dependencies.names import Categories, find_target, labels, match, on_one_line, repeated
from covlasso.dependencies.origin import Origin, SameBy

__all__ = [
    "KNOWN",
    "PER_TARGET",
    "Categories",
    "Dependencies",
    "Origin",
    "SameBy",
    "direction",
    "find_target",
    "in_words",
    "joined",
    "labels",
    "match",
    "on_one_line",
    "repeated",
    "settings",
]
