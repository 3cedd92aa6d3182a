"""Profiles of quarantined rows, which may have no event date, or one that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pandas as pd

from tasks.profiles import Ruler, TableProfile, profile


def quarantined_by_day(rows: pd.DataFrame, arrival: date, ruler: Ruler) -> Iterator[tuple[date, TableProfile]]:
    """Yield the profiles of some rows by event date; a missing date, or one after the arrival, is the arrival's."""
    days = pd.Series([_dated(day, arrival) for day in rows["event_date"]], index=rows.index, dtype=object)
    of_ruler = rows.reindex(columns=list(ruler.columns)).assign(event_date=days)
    for day, of_day in of_ruler.groupby(days):
        yield day, profile(of_day, ruler)


def _dated(day: date | None, arrival: date) -> date:
    return arrival if pd.isna(day) or day is None or day > arrival else day
