"""Shares of answered rows by day, and whether that of the newest days is another than before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from tasks.records import DayShare, OutputMetric
from tasks.statistics import t_quantile

BEFORE_DAYS = 56  # eight weeks before the window: long enough to know a usual day, short enough to follow the seasons
FEWEST_DAYS = 14
MOST_CHANCE = 0.05


def daily_shares(answered: pd.DataFrame, ids: frozenset[str] | None) -> list[DayShare]:
    """Return the share of the answered rows of each day, oldest first, that have an event.

    Parameters
    ----------
    answered : DataFrame
        `row_id`, `event_date` and `deferred` of the rows that a champion answered.
    ids : frozenset of str or None
        The ids of the rows with the event; None counts the rows without an answer.

    Examples
    --------
    >>> day = date(2026, 1, 2)
    >>> rows = pd.DataFrame({"row_id": ["a", "b"], "event_date": day, "deferred": [True, False]})
    >>> daily_shares(rows, frozenset({"b", "c"}))
    [DayShare(day=datetime.date(2026, 1, 2), rows=2, counted=1)]
    """
    counts = answered["deferred"].astype(bool) if ids is None else answered["row_id"].isin(ids)
    by_day = counts.groupby(answered["event_date"]).agg(["size", "sum"])
    return [DayShare(day, int(rows), int(counted)) for day, rows, counted in by_day.itertuples()]


def in_time(values: pd.DataFrame, answered: pd.DataFrame, delay_days: int) -> pd.DataFrame:
    """Return the feedback that came within the delay of its row; the same for old rows and new ones.

    Old rows had weeks to collect events and the newest only days: if all counted, every share would fall at the end.

    Parameters
    ----------
    values : DataFrame
        `row_id`, and `event_date`, the day of the feedback.
    answered : DataFrame
        `row_id` and `event_date` of the rows.

    Examples
    --------
    >>> rows = pd.DataFrame({"row_id": ["a", "b"], "event_date": date(2026, 1, 2)})
    >>> noted = pd.DataFrame({"row_id": ["a", "b"], "event_date": [date(2026, 1, 3), date(2026, 1, 4)]})
    >>> in_time(noted, rows, 1)["row_id"].tolist()
    ['a']
    """
    days = answered.drop_duplicates("row_id").set_index("row_id")["event_date"]
    latest = pd.to_datetime(values["row_id"].map(days)) + pd.Timedelta(days=delay_days)
    return values[(pd.to_datetime(values["event_date"]) <= latest).to_numpy(bool)]


def output_metric(
    name: str, days: Sequence[DayShare], leeway: float, *, until: date, window_days: int, alpha: float
) -> OutputMetric | None:
    """Return a metric of the newest days, compared with the weeks before them; None without rows in the window.

    The days before say how much a day varies, and days are what is drawn: of n days before and m of the window, the
    difference of their means has the standard error s * sqrt(1/n + 1/m), with the deviation s of the days before, or
    that of single rows if it is larger. Its margin is that times the t quantile with n - 1 degrees of freedom.

    Parameters
    ----------
    until : date
        The last day of the window.
    alpha : float
        The accepted probability of an alarm by chance.

    Examples
    --------
    A share of 0.25 on each of 20 days, then of 0.75 on two:

    >>> usual = [DayShare(date(2026, 1, day), 1000, 250) for day in range(1, 21)]
    >>> newest = [DayShare(date(2026, 1, day), 1000, 750) for day in (21, 22)]
    >>> found = output_metric("redone", usual + newest, 0.1, until=newest[-1].day, window_days=2, alpha=0.01)
    >>> found.value, found.expected, found.past_leeway
    (0.75, 0.25, True)

    Single rows vary by sqrt(.25 * .75 / 1000) = .0137 a day; times sqrt(1/20 + 1/2) and t(.995, 19) = 2.86 that is
    .029:

    >>> round(found.margin, 3)
    0.029
    """
    since = until - timedelta(days=window_days)
    window = [day for day in days if since < day.day <= until]
    before = [day for day in days if since - timedelta(days=BEFORE_DAYS) < day.day <= since]
    rows = sum(day.rows for day in window)
    if not rows:
        return None
    value = sum(day.counted for day in window) / rows
    found = OutputMetric(name, rows, value, leeway, days=tuple(window))
    if len(before) < FEWEST_DAYS:
        return found
    rows_before = sum(day.rows for day in before)
    expected = sum(day.counted for day in before) / rows_before
    by_day = float(np.std([day.share for day in before], ddof=1))
    by_row = math.sqrt(expected * (1 - expected) / (rows_before / len(before)))
    error = max(by_day, by_row) * math.sqrt(1 / len(before) + 1 / len(window))
    margin = t_quantile(1 - alpha, len(before) - 1) * error
    return OutputMetric(name, rows, value, leeway, expected, margin, tuple(window))
