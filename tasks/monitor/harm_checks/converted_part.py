"""Once the error is past its leeway: a column of which some rows may have come in another unit since the error rose.

A part of the rows in another unit is drift with a name (`tasks.drift.faults.converted_rows`) as long as it does no
harm. That test is held to the false alarms of quiet nights, so it finds a small part on some nights and not on others.
After an alarm the tests that answer one question share an error rate of one in twenty.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from tasks.drift import Suspicion
from tasks.drift.faults.converted_rows import NewestDays, converted_since
from tasks.monitor.drift_monitor import DriftMonitor, InputDrift
from tasks.monitor.harm_checks.sudden_columns import FEWEST_COLUMNS
from tasks.profiles import TableProfile
from tasks.records import Window

WEEKS = 4  # enough rows, and no later change


def converted_part(
    monitor: DriftMonitor, seen: InputDrift, accepted: Mapping[date, TableProfile], since: date
) -> Suspicion | None:
    """Return the column of which some rows may be in another unit; None if there is none.

    A change of the world moves many columns, and some of them as a conversion would: no other column may be past its
    leeway, and of two columns one is half of what is known.

    Parameters
    ----------
    seen : InputDrift
        The newest window: columns that have used less than half of their leeway are not looked at.
    accepted : mapping of date to TableProfile
        Accepted rows by event date since the champion's training.
    since : date
        The first day since the error has left its promise; four weeks from then are looked at.
    """
    if len(monitor.reference.layout.names) < FEWEST_COLUMNS:
        return None
    end = min(max(accepted), since + timedelta(weeks=WEEKS) - timedelta(days=1))
    rows = sum(day_rows.rows for day, day_rows in accepted.items() if since <= day <= end)
    days = NewestDays(accepted, Window(since, end, rows), monitor.window_days)
    found = converted_since(monitor.reference, days, seen.moved, monitor.policy.effect)
    past = {one.column for one in seen.moved if one.strain > 1}
    if not found or len(past | {one.column for one in found}) > 1:
        return None
    (surest,) = found
    how = surest.how.removeprefix("in some rows as if ")
    words = f"{surest.distance:.1%} of the values since {since} are as if {how} what they were"
    return Suspicion("unit_change", (surest.column,), words, {"share": surest.distance}, since)
