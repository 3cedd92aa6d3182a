"""The distribution of each input in the measured window next to the reference, for the report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from tasks.profiles import TableProfile, column_distributions, sum_profiles
from tasks.records import Window, WindowDistributions


def window_distributions(
    accepted: Mapping[date, TableProfile], window: Window | None, reference: TableProfile, *, min_count: int
) -> WindowDistributions | None:
    """Return each input's distribution in the reference and in a window; None without rows in it.

    Parameters
    ----------
    accepted : mapping of date to TableProfile
        Profiles of the accepted rows by event date.
    min_count : int
        Bars of fewer rows are left out.
    """
    if window is None:
        return None
    days = [profile for day, profile in accepted.items() if window.start <= day <= window.end]
    if not days:
        return None
    return WindowDistributions(window, column_distributions(reference, sum_profiles(days), min_count=min_count))
