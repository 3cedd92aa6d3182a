"""How many nights a schedule makes in a year: what a yearly budget of false alarms is shared over."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim

from tasks.spec.policy import Schedule

ANY_YEAR = 2026
DAYS = 365


def nights_per_year(schedule: Schedule) -> float:
    """Return the distinct nights (dates) of a year on which a schedule runs, 1 to 365.

    Examples
    --------
    >>> nights_per_year(Schedule(nightly="0 2 * * *"))
    365.0
    >>> nights_per_year(Schedule(nightly="0 2 * * MON"))
    52.0
    """
    return _nights(schedule.nightly, schedule.time_zone)


@lru_cache(maxsize=64)
def _nights(cron: str, time_zone: str) -> float:
    nights: set[object] = set()
    for moment in CronSim(cron, datetime(ANY_YEAR, 1, 1, tzinfo=ZoneInfo(time_zone))):
        if moment.year != ANY_YEAR or len(nights) == DAYS:
            break
        nights.add(moment.date())
    return float(max(1, len(nights)))
