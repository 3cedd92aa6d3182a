"""The nights of a schedule: how many a year has, and which were missed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim

from tasks.spec.policy_sections import Schedule

ANY_YEAR = 2026
DAYS = 365
MOST_MISSED = 31


def nights_per_year(schedule: Schedule) -> float:
    """Return the distinct nights (dates) of a year on which drift is measured and decided on, 1 to 365.

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


def missed_nights(schedule: Schedule, last: date | None, context: date) -> list[date]:
    """Return the scheduled nights after the last one that was decided and before tonight, oldest first.

    A night is a date, so one that a change of the clocks skips or repeats is one night all the same. After a longer
    pause only the newest 31 are caught up one by one; what landed before them is taken in with the first.

    Parameters
    ----------
    last : date or None
        None when no night was ever decided: nothing was missed then.

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
    zone, found = ZoneInfo(schedule.time_zone), list[date]()
    start = max(last, context - timedelta(days=DAYS)) + timedelta(days=1)
    for moment in CronSim(schedule.looks, datetime.combine(start, datetime.min.time(), zone) - timedelta(seconds=1)):
        if moment.date() >= context:
            break
        if moment.date() not in found[-1:]:
            found.append(moment.date())
    return found[-MOST_MISSED:]


@lru_cache(maxsize=64)
def _nights(cron: str, time_zone: str) -> float:
    nights: set[object] = set()
    for moment in CronSim(cron, datetime(ANY_YEAR, 1, 1, tzinfo=ZoneInfo(time_zone))):
        if moment.year != ANY_YEAR or len(nights) == DAYS:
            break
        nights.add(moment.date())
    return float(max(1, len(nights)))
