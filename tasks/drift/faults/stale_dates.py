"""Stale dates: the most common date, in words. All other comparisons use the age of dates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.profiles import NumberProfile

AGE_UNIT = " days before the event date"


def days_before(low: float, high: float) -> str:
    """Return a range of ages in words; ages are integers, so that the edges of their bins are rounded.

    >>> days_before(1.001, 8.999), days_before(-0.01, 0.01)
    ('1 to 9 days before the event date', '0 days before the event date')
    """
    first, last = round(low), round(high)
    return f"{first}{AGE_UNIT}" if first == last else f"{first} to {last}{AGE_UNIT}"


@dataclass(frozen=True, slots=True)
class MostCommonDate:
    """The most common date, and its share of the dated rows in the window and in the reference."""

    day: str
    share: float
    before: float

    @property
    def words(self) -> str:
        """The date and its shares in words.

        >>> MostCommonDate("1970-01-01", 0.4, 0.002).words
        '40% of the rows have the date 1970-01-01, 0.2% before'
        """
        rows = "every row has" if self.share == 1 else f"{self.share:.0%} of the rows have"
        return f"{rows} the date {self.day}, {self.before:.1%} before"

    @property
    def numbers(self) -> dict[str, float | str]:
        """The date and its shares as numbers, for the record."""
        return {"share": self.share, "share_before": self.before, "value": self.day}


def most_common_date(before: NumberProfile, now: NumberProfile) -> MostCommonDate | None:
    """Return the most common of the dates that are counted individually, or None.

    Examples
    --------
    Three of four dates are the first day of 1970, which one of four was before.

    >>> from tasks.profiles import Axis, Ruler, profile
    >>> import pandas as pd
    >>> def dates(*days):
    ...     rows = pd.DataFrame({"built": pd.to_datetime(list(days)), "event_date": pd.Timestamp("2026-03-01")})
    ...     return profile(rows, Ruler({}, dates={"built": Axis()}, ages={"built": Axis()})).dates["built"]
    >>> now = dates("1970-01-01", "1970-01-01", "1970-01-01", "2001-05-01")
    >>> most_common_date(dates("1970-01-01", "1998-07-01", "2003-02-01", "1998-02-01"), now)
    MostCommonDate(day='1970-01-01', share=0.75, before=0.25)
    """
    most_frequent = now.most_frequent
    if most_frequent is None or not now.present:
        return None
    instant, rows = most_frequent
    rows_before = before.value_counts.counts.get(instant, 0) if before.value_counts is not None else 0
    day = str(np.datetime64(int(instant), "us").astype("datetime64[D]"))
    return MostCommonDate(day, rows / now.present, rows_before / max(before.present, 1))
