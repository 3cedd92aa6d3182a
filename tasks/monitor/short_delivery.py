"""Whether a night's delivery was cut off, by the rows of earlier nights."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from tasks.drift import Suspicion, truncated_delivery
from tasks.drift.faults.volume import FEWEST_DELIVERIES
from tasks.lake import SUPERSEDED, Deliveries

SHARES = 10  # of the budget of false alarms: a tenth is for deliveries
MOST_DELIVERIES = 52


def rows_delivered(deliveries: Deliveries, until: date) -> dict[date, int]:
    """Return the rows that were delivered by night, up to a night; what was superseded since does not count."""
    rows: dict[date, int] = {}
    for batch in deliveries.latest():
        if batch.kind == "rows" and batch.night <= until and batch.verdict != SUPERSEDED:
            rows[batch.night] = rows.get(batch.night, 0) + batch.rows_in
    return rows


def short_delivery(rows: Mapping[date, int], night: date, false_alarms_per_night: float) -> Suspicion | None:
    """Return the suspicion that a night's delivery is far shorter than earlier ones, of the same weekday if possible.

    Parameters
    ----------
    rows : mapping of date to int
        Rows delivered by night, accepted or not.
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
    return truncated_delivery(rows[night], usual[-MOST_DELIVERIES:], false_alarms_per_night / SHARES)
