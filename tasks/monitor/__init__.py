"""Monitor: stored profiles and matured cohorts in; what moved past its leeway, and how wrong the champion was, out."""

from tasks.monitor.baseline import ChampionBaseline, drift_monitor, leeway_of
from tasks.monitor.cohorts.cohort_performance import Promise, newest_cohort, performance
from tasks.monitor.drift_kind import DriftSymptoms, kind
from tasks.monitor.drift_monitor import ChartState, DriftMonitor, InputDrift, LabelDrift
from tasks.monitor.measure import NightInputs, measure_night
from tasks.monitor.night_view import MonitoringInputs, NightView, ReplayCache, WindowPolicy, view_night
from tasks.monitor.prediction_drift.contrast import Contrast, contrast
from tasks.monitor.prediction_drift.prediction_reference import PredictionReference, answers
from tasks.monitor.prediction_drift.prediction_reference_file import from_json, to_json
from tasks.monitor.slicing.slice_errors import Slices, cohort_tally, local_errors, slices, tolerance
from tasks.monitor.slicing.slices_file import slices_from_json, slices_to_json
from tasks.monitor.window import newest_window, steps

__all__ = [
    "ChampionBaseline",
    "ChartState",
    "Contrast",
    "DriftMonitor",
    "DriftSymptoms",
    "InputDrift",
    "LabelDrift",
    "MonitoringInputs",
    "NightInputs",
    "NightView",
    "PredictionReference",
    "Promise",
    "ReplayCache",
    "Slices",
    "WindowPolicy",
    "answers",
    "cohort_tally",
    "contrast",
    "drift_monitor",
    "from_json",
    "kind",
    "leeway_of",
    "local_errors",
    "measure_night",
    "newest_cohort",
    "newest_window",
    "performance",
    "slices",
    "slices_from_json",
    "slices_to_json",
    "steps",
    "to_json",
    "tolerance",
    "view_night",
]
