"""Joint moments of the logits of one or more models: accumulated, split, saved, merged."""

from covlasso.moments.accumulator import Accumulator
from covlasso.moments.class_choice import ClassChoice, WantedClasses, check_wanted_classes, choose_classes
from covlasso.moments.class_names import read_class_names
from covlasso.moments.class_sums import Classes
from covlasso.moments.focus import Focus
from covlasso.moments.heads import FLOATS, LinearHead
from covlasso.moments.key_files import read_keys, write_keys
from covlasso.moments.keys import by_folder, by_pattern
from covlasso.moments.moments import Moments
from covlasso.moments.new_categories import new_category_moments
from covlasso.moments.parts import Halves, Parts, halves, merged
from covlasso.moments.split import Split, check_parts, held_out, whole_classes
from covlasso.moments.split_moments import SplitMoments

__all__ = [
    "FLOATS",
    "Accumulator",
    "ClassChoice",
    "Classes",
    "Focus",
    "Halves",
    "LinearHead",
    "Moments",
    "Parts",
    "Split",
    "SplitMoments",
    "WantedClasses",
    "by_folder",
    "by_pattern",
    "check_parts",
    "check_wanted_classes",
    "choose_classes",
    "halves",
    "held_out",
    "merged",
    "new_category_moments",
    "read_class_names",
    "read_keys",
    "whole_classes",
    "write_keys",
]
