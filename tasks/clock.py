"""The only module that reads the clock; all other code gets the time as an argument."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def tonight(time_zone: str) -> date:
    """Return today's date in a time zone, which is the date of tonight's run.

    Examples
    --------
    >>> tonight("Pacific/Auckland") >= tonight("America/Los_Angeles")
    True
    """
    return now().astimezone(ZoneInfo(time_zone)).date()
