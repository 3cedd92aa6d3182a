"""Metrics next to the one that is minimised, and differences between groups, with intervals that respect days.

Input: the truth and the answers of rows, by day. Output: the metrics that a spec lists, of one model or of two on the
same rows. The metrics are those of scikit-learn, or functions of the project.
"""

from tasks.metrics.answered_rows import AnsweredRows
from tasks.metrics.group_differences import GapTest, GroupedAnswers, corrected, group_gaps
from tasks.metrics.measure_metrics import Comparing, Measuring, compared_metrics, measured_metrics
from tasks.metrics.measured_coverage import BoundedAnswers, SlicedAnswers, coverage_by_slice, measured_coverage

__all__ = [
    "AnsweredRows",
    "BoundedAnswers",
    "Comparing",
    "GapTest",
    "GroupedAnswers",
    "Measuring",
    "SlicedAnswers",
    "compared_metrics",
    "corrected",
    "coverage_by_slice",
    "group_gaps",
    "measured_coverage",
    "measured_metrics",
]
