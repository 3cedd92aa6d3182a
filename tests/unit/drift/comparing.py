"""One window compared with a reference, at the level that its statistics share."""

from __future__ import annotations

from datetime import date

from tasks.drift import Leeway, Reference, ReferenceComparison, compare_window, measure_window
from tasks.drift.reference_comparison import statistic_count
from tasks.profiles import TableProfile


def compare(reference: Reference, window: TableProfile, policy: Leeway, day: date | None = None) -> ReferenceComparison:
    """Return how far each statistic of a window has moved, and how far it may."""
    alpha = policy.alpha(statistic_count(reference.layout))
    return compare_window(reference, measure_window(reference, window, day), policy.effect, alpha)
