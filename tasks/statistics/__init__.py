"""Statistics: losses of predictions, and the uncertainty of their means.

Input: labels and predictions. Output: a loss for each row; means with intervals, margins and p-values. Every metric is
a mean of per-row losses, so that means over days add up and two models can be compared row by row.
"""

from tasks.statistics.bounded_means import mean_margin, share_upper
from tasks.statistics.confidence_sequences import Spread, all_looks_margin, estimate_spread, single_look_margin
from tasks.statistics.day_dependence import long_run_factor
from tasks.statistics.day_effects import CHANGE_LEVEL, DayEffects, fit_day_effects, newest_regime
from tasks.statistics.day_margins import Margins, cohort_margins, lasting_margin
from tasks.statistics.day_sums import DaySums, Shift, joined_days, likeliest_shift
from tasks.statistics.decision_costs import decision_costs
from tasks.statistics.intervals import effective_rows, mean_interval, paired_interval, t_quantile, weighted_values
from tasks.statistics.jackknife import Blocks, ErrorBounds, jackknife_interval, p_value_beyond
from tasks.statistics.losses import LOSSES, RESIDUALS, quantile_losses, truth_and_prediction, weights_of
from tasks.statistics.promise_evidence import DayEvidence, PromiseEvidence, evidence_from_dict, evidence_to_dict
from tasks.statistics.repeated_looks import evidence_above, mean_interval_at_every_look, share_interval
from tasks.statistics.significance import confidence_after, holm, p_value_of_rise

__all__ = [
    "CHANGE_LEVEL",
    "LOSSES",
    "RESIDUALS",
    "Blocks",
    "DayEffects",
    "DayEvidence",
    "DaySums",
    "ErrorBounds",
    "Margins",
    "PromiseEvidence",
    "Shift",
    "Spread",
    "all_looks_margin",
    "cohort_margins",
    "confidence_after",
    "decision_costs",
    "effective_rows",
    "estimate_spread",
    "evidence_above",
    "evidence_from_dict",
    "evidence_to_dict",
    "fit_day_effects",
    "holm",
    "jackknife_interval",
    "joined_days",
    "lasting_margin",
    "likeliest_shift",
    "long_run_factor",
    "mean_interval",
    "mean_interval_at_every_look",
    "mean_margin",
    "newest_regime",
    "p_value_beyond",
    "p_value_of_rise",
    "paired_interval",
    "quantile_losses",
    "share_interval",
    "share_upper",
    "single_look_margin",
    "t_quantile",
    "truth_and_prediction",
    "weighted_values",
    "weights_of",
]
