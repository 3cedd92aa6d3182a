"""The nights of a schedule: how many there are in a year, and which were missed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim

from tasks.spec.spec_sections.operation_sections import Schedule

ANY_YEAR = 2026
DAYS = 365
MOST_MISSED = 31


def nights_per_year(schedule: Schedule) -> float:
    """Return the number of dates in a year, 1 to 365, on which a decision is made.

    Examples
    --------
    >>> nights_per_year(Schedule(nightly="0 2 * * *"))
    365.0
    >>> nights_per_year(Schedule(nightly="0 2 * * MON"))
    52.0
    >>> nights_per_year(Schedule(nightly="0 2 * * *", monitoring="0 6 * * MON"))
    52.0
    """
    return _nights(schedule.looks, schedule.time_zone)


def landing_nights_per_year(schedule: Schedule) -> float:
    """Return the number of dates in a year, 1 to 365, on which deliveries are taken in: each of them is judged.

    >>> landing_nights_per_year(Schedule(nightly="0 2 * * *", monitoring="0 6 * * MON"))
    365.0
    """
    return _nights(schedule.nightly, schedule.time_zone)


def missed_nights(schedule: Schedule, last: date | None, context: date) -> list[date]:
    """Return the scheduled nights after the last decided one and before tonight, oldest first.

    A night is a date, so a night that a clock change skips or repeats counts once. After a longer pause only the newest
    31 nights are returned; earlier deliveries are ingested with the first of them.

    Parameters
    ----------
    last : date or None
        The last night with a decision; None if there is none, and then no night was missed.

    Examples
    --------
    >>> missed = missed_nights(Schedule(nightly="0 2 * * *"), date(2026, 1, 1), date(2026, 1, 4))
    >>> [night.isoformat() for night in missed]
    ['2026-01-02', '2026-01-03']
    >>> missed_nights(Schedule(nightly="0 2 * * MON"), date(2026, 1, 5), date(2026, 1, 12))
    []
    """
    if last is None:
        return []
    zone, missed = ZoneInfo(schedule.time_zone), list[date]()
    start = max(last, context - timedelta(days=DAYS)) + timedelta(days=1)
    for moment in CronSim(schedule.looks, datetime.combine(start, datetime.min.time(), zone) - timedelta(seconds=1)):
        if moment.date() >= context:
            break
        if moment.date() not in missed[-1:]:
            missed.append(moment.date())
    return missed[-MOST_MISSED:]


@lru_cache(maxsize=64)
def _nights(cron: str, time_zone: str) -> float:
    nights: set[object] = set()
    for moment in CronSim(cron, datetime(ANY_YEAR, 1, 1, tzinfo=ZoneInfo(time_zone))):
        if moment.year != ANY_YEAR or len(nights) == DAYS:
            break
        nights.add(moment.date())
    return float(max(1, len(nights)))
