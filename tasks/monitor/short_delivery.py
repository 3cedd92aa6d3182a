"""Whether what came for a night was cut off, told by the rows of earlier nights."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from tasks.drift import Suspicion, truncated
from tasks.drift.faults.volume import FEWEST_DELIVERIES

SHARES = 10  # of the budget of false alarms: a tenth is for deliveries
MOST_DELIVERIES = 52


def short_delivery(rows: Mapping[date, int], night: date, false_alarms_per_night: float) -> Suspicion | None:
    """Return the suspicion that a night's delivery is far shorter than those before it, of its weekday if it can be.

    Parameters
    ----------
    rows : mapping of date to int
        Rows delivered by night, whatever became of them.
    false_alarms_per_night : float
        The team's yearly budget over the nights of a year.

    Examples
    --------
    >>> from datetime import timedelta
    >>> first = date(2026, 1, 5)
    >>> weekly = {first + timedelta(days=7 * week): 100 + week for week in range(8)}
    >>> last = first + timedelta(days=56)
    >>> short_delivery(weekly | {last: 90}, last, 0.01) is None, short_delivery(weekly | {last: 9}, last, 0.01).kind
    (True, 'truncated')
    """
    if night not in rows:
        return None
    earlier = {day: count for day, count in sorted(rows.items()) if day < night}
    alike = [count for day, count in earlier.items() if day.weekday() == night.weekday()]
    usual = alike if len(alike) >= FEWEST_DELIVERIES else list(earlier.values())
    return truncated(rows[night], usual[-MOST_DELIVERIES:], false_alarms_per_night / SHARES)
