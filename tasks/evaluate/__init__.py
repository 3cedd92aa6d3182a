"""Evaluate: the gate compares two models on rows newer than both, and returns evidence: a verdict with its numbers.

It does not decide which model serves: a person, or the rules of promotion, read the evidence. The room also shows where
the errors of the challenger are (`error_analysis`), whether a released model keeps the gate's promise (`first_cohort`),
and how a waiting version performs in service (`compare_in_service`).
"""

from tasks.evaluate.after_release.recovery import Cohort, Recovery, check_recovery, first_cohort
from tasks.evaluate.after_release.shadow_comparison import ShadowComparison, compare_in_service
from tasks.evaluate.analysis.error_analysis import ErrorAnalysis, error_analysis
from tasks.evaluate.analysis.weak_slices import WeakSlice
from tasks.evaluate.comparison_set import ComparisonSet
from tasks.evaluate.evidence import PROTOCOL, Evidence
from tasks.evaluate.gate import gate
from tasks.evaluate.loss_comparison import Comparison, compare
from tasks.evaluate.slice_checks import SliceResult

__all__ = [
    "PROTOCOL",
    "Cohort",
    "Comparison",
    "ComparisonSet",
    "ErrorAnalysis",
    "Evidence",
    "Recovery",
    "ShadowComparison",
    "SliceResult",
    "WeakSlice",
    "check_recovery",
    "compare",
    "compare_in_service",
    "error_analysis",
    "first_cohort",
    "gate",
]
