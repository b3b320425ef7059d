"""Do dependencies hold: on other samples, beside other choices, on halves of the groups, and by theory."""

from covlasso.evidence import theory
from covlasso.evidence.beside import METHODS
from covlasso.evidence.cautions import Common, cautions, common_direction
from covlasso.evidence.choose_focus import FocusChoice, choose_focus, choose_for
from covlasso.evidence.comparison import compare_methods
from covlasso.evidence.decisions import EPS, Decisions
from covlasso.evidence.decisions_by_terms import DecisionsByTerms, decisions_by_terms
from covlasso.evidence.error_curves import ByTerms, r2_by_terms
from covlasso.evidence.evaluation import (
    Evaluation,
    checked_blocks,
    evaluate,
    held_out_error,
    held_out_r2,
)
from covlasso.evidence.prediction import check_found_on, is_fit, origin_of, prediction_of
from covlasso.evidence.quality import Quality
from covlasso.evidence.random_terms import RandomTerms, random_terms
from covlasso.evidence.rates import RATES, Rates
from covlasso.evidence.record import THRESHOLD, beside_record, evaluation_record, focus_record
from covlasso.evidence.resampling import Stability, stability, stability_of
from covlasso.evidence.selection import RULES, Selection, select
from covlasso.evidence.single_samples import Listed, SingleSamples, single_samples

__all__ = [
    "EPS",
    "METHODS",
    "RATES",
    "RULES",
    "THRESHOLD",
    "ByTerms",
    "Common",
    "Decisions",
    "DecisionsByTerms",
    "Evaluation",
    "FocusChoice",
    "Listed",
    "Quality",
    "RandomTerms",
    "Rates",
    "Selection",
    "SingleSamples",
    "Stability",
    "beside_record",
    "cautions",
    "check_found_on",
    "checked_blocks",
    "choose_focus",
    "choose_for",
    "common_direction",
    "compare_methods",
    "decisions_by_terms",
    "evaluate",
    "evaluation_record",
    "focus_record",
    "held_out_error",
    "held_out_r2",
    "is_fit",
    "origin_of",
    "prediction_of",
    "r2_by_terms",
    "random_terms",
    "select",
    "single_samples",
    "stability",
    "stability_of",
    "theory",
]
