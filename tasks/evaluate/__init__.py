"""The gate: two models and rows newer than both in, evidence out - a verdict, and each number it rests on.

Nothing here decides who serves: a person, or promotion's own rules, read the evidence. Beside it, where the challenger
is wrong (`error_analysis`); later whether what was released keeps the gate's promise (`first_cohort`), and how what
waits does in service (`beside`).
"""

from tasks.evaluate.after_release.recovery import Cohort, Recovery, recovered
from tasks.evaluate.after_release.shadow_comparison import ShadowComparison, beside, first_cohort
from tasks.evaluate.analysis.error_analysis import ErrorAnalysis, error_analysis
from tasks.evaluate.analysis.weak_slices import WeakSlice
from tasks.evaluate.comparison_set import Contest
from tasks.evaluate.evidence import PROTOCOL, Evidence
from tasks.evaluate.gate import gate
from tasks.evaluate.loss_comparison import Comparison, compare
from tasks.evaluate.slice_checks import SliceResult

__all__ = [
    "PROTOCOL",
    "Cohort",
    "Comparison",
    "Contest",
    "ErrorAnalysis",
    "Evidence",
    "Recovery",
    "ShadowComparison",
    "SliceResult",
    "WeakSlice",
    "beside",
    "compare",
    "error_analysis",
    "first_cohort",
    "gate",
    "recovered",
]
