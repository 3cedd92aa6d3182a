"""Once the error is past its leeway: a column of which some rows may have come in another unit since the error rose.

A part of the rows in another unit is drift with a name (`tasks.drift.faults.converted_rows`) as long as it does no
harm. That test is held to the false alarms of quiet nights, so it finds a small part on some nights and not on others.
After an alarm the tests that answer one question share an error rate of one in twenty.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from tasks.drift import Suspicion
from tasks.drift.faults.conversion_cells import Conversion
from tasks.drift.faults.converted_rows import DOUBTFUL, NewestDays, converted_since
from tasks.monitor.drift_monitor import DriftMonitor
from tasks.monitor.harm_checks.sudden_columns import FEWEST_COLUMNS
from tasks.profiles import TableProfile, sum_profiles
from tasks.records import Window

WEEK = timedelta(weeks=1)
WEEKS = 4  # enough rows, and no later change


def converted_part(
    monitor: DriftMonitor, accepted: Mapping[date, TableProfile], since: date, until: date
) -> Suspicion | None:
    """Return the column of which some rows may be in another unit; None if there is none.

    Three spans from the first day are looked at: its first week, in which what began is not diluted by what was mended
    soon; the days by which the error was measured; and all days up to the newest, of which labels may still be out.
    A change of the world moves many columns, and some of them as a conversion would: in none of the spans may another
    column be past its leeway, and of two columns one is half of what is known. Columns that have used less than half
    of their leeway in a span are not looked at there.

    Parameters
    ----------
    accepted : mapping of date to TableProfile
        Accepted rows by event date since the champion's training.
    since : date
        The first day since the error has left its promise; at most four weeks from then are looked at.
    until : date
        The last day by which the error was measured.
    """
    if len(monitor.reference.layout.names) < FEWEST_COLUMNS:
        return None
    newest = min(max(accepted), since + WEEKS * WEEK - timedelta(days=1))
    ends = sorted({min(end, newest) for end in (since + WEEK - timedelta(days=1), until, newest)})
    found: list[tuple[str, Conversion]] = []
    past: set[str] = set()
    for end in ends:
        span = [rows for day, rows in accepted.items() if since <= day <= end]
        if not span:
            continue
        moved = monitor.compared(since, sum_profiles(span)).moved
        days = NewestDays(accepted, Window(since, end, sum(rows.rows for rows in span)), monitor.window_days)
        past |= {one.column for one in moved if one.strain > 1}
        found += converted_since(monitor.reference, days, moved, monitor.policy.effect, DOUBTFUL / len(ends)).items()
    if not found or len(past | {name for name, _ in found}) > 1:
        return None
    name, surest = max(found, key=lambda each: each[1].evidence)
    words = f"{surest.share:.1%} of the values since {since} are as if {surest.words} what they were"
    return Suspicion("unit_change", (name,), words, {"share": surest.share}, since)
