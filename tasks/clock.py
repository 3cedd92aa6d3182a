"""The one place where time is read; everything else is handed the moment it is to believe in."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """Return this moment in UTC."""
    return datetime.now(UTC)


def tonight(time_zone: str) -> date:
    """Return today's date in a time zone, the name a scheduled night goes by.

    Examples
    --------
    >>> tonight("Pacific/Auckland") >= tonight("America/Los_Angeles")
    True
    """
    return now().astimezone(ZoneInfo(time_zone)).date()
