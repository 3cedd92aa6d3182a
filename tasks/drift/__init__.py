"""Drift: compares the profile of new rows with the profiles that a champion learned from.

Input: profiles (`tasks.profiles`). Output: how far each statistic has moved, and its leeway, the tolerance within which
it may move. `build_reference` summarises the training rows by period; `measure_window` and `compare_window` compare new
rows with them; `CusumCharts` detect gradual drift that no single night shows; `find_suspicions` distinguishes broken
data from drift. A window must not contain rows of its reference: it would be compared with itself.
"""

from tasks.drift.cusum import CusumCharts, new_charts
from tasks.drift.faults.column_faults import faults_of_columns
from tasks.drift.faults.detect import Hints, cannot_be_scored, find_suspicions
from tasks.drift.faults.resemblance import is_back
from tasks.drift.faults.volume import RepeatedRows, repeated_rows, row_hashes, truncated_delivery
from tasks.drift.measures.score_layout import ScoreLayout, WindowMeans, score_layout
from tasks.drift.noise_model import ExpectedShift, NoiseModel, fit_noise_model
from tasks.drift.period_scatter import ScoreMoments
from tasks.drift.reference import Reference, build_reference
from tasks.drift.reference_codec import PROTOCOL, from_bytes, to_bytes
from tasks.drift.reference_comparison import (
    Leeway,
    ReferenceComparison,
    compare_window,
    cusum_charts,
    measure_window,
    statistics_past_leeway,
)
from tasks.records import Suspicion

__all__ = [
    "PROTOCOL",
    "CusumCharts",
    "ExpectedShift",
    "Hints",
    "Leeway",
    "NoiseModel",
    "Reference",
    "ReferenceComparison",
    "RepeatedRows",
    "ScoreLayout",
    "ScoreMoments",
    "Suspicion",
    "WindowMeans",
    "build_reference",
    "cannot_be_scored",
    "compare_window",
    "cusum_charts",
    "faults_of_columns",
    "find_suspicions",
    "fit_noise_model",
    "from_bytes",
    "is_back",
    "measure_window",
    "new_charts",
    "repeated_rows",
    "row_hashes",
    "score_layout",
    "statistics_past_leeway",
    "to_bytes",
    "truncated_delivery",
]
