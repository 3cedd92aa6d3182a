"""Whether a night's delivery was cut off, by the rows of earlier nights."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from math import ceil

import numpy as np

from tasks.dataset.landed_batches import row_deliveries
from tasks.drift import Suspicion, truncated_delivery
from tasks.drift.faults.volume import FEWEST_DELIVERIES
from tasks.drift.seasonality import YEAR_DAYS
from tasks.lake import Deliveries
from tasks.records import SuspicionState

MOST_DELIVERIES = 52  # a year of one weekday
ODD_ONE_IN = 10  # days at most, and one more: a country has at most two dozen public holidays in 250 working days
REMEMBERED = ceil(YEAR_DAYS)  # deliveries: a holiday is known a year later


def rows_delivered(deliveries: Deliveries, until: date) -> dict[date, int]:
    """Return the rows that were delivered by night, up to a night."""
    rows: dict[date, int] = {}
    for batch in row_deliveries(deliveries, until):
        rows[batch.night] = rows.get(batch.night, 0) + batch.rows_in
    return rows


def known_short(states: Iterable[SuspicionState]) -> set[date]:
    """Return the nights on which deliveries began to be short and people were asked, and did not call it a fault."""
    return {state.since for state in states if state.kind == "truncated" and state.answer != "fault"}


def short_delivery(
    rows: Mapping[date, int],
    night: date,
    false_alarms_per_night: float,
    calendar: Collection[date] = (),
    reported: Collection[date] = (),
) -> Suspicion | None:
    """Return the suspicion that a night's delivery is far shorter than earlier ones, of the same weekday if possible.

    Short days in a row, the first of which was reported and the last of which a usual one followed, are known: a
    holiday is asked about once, however many days it has. A short day that no one was asked about, such as one before
    the first model, excuses none.

    Parameters
    ----------
    rows : mapping of date to int
        Rows delivered by night, accepted or not.
    false_alarms_per_night : float
        The share of the team's yearly budget that is for deliveries, over the nights of a year.
    calendar : collection of date
        Days with unusual deliveries (`monitoring.calendar`): their nights, and those after, are not judged.
    reported : collection of date
        The nights with a short delivery that people were asked about (`known_short`).

    Examples
    --------
    >>> from datetime import timedelta
    >>> first = date(2026, 1, 5)
    >>> weekly = {first + timedelta(days=7 * week): 100 + week for week in range(8)}
    >>> last = first + timedelta(days=56)
    >>> short_delivery(weekly | {last: 90}, last, 0.001) is None, short_delivery(weekly | {last: 9}, last, 0.001).kind
    (True, 'truncated')
    """
    unusual = {*calendar, *(day + timedelta(days=1) for day in calendar)}
    if night not in rows or night in unusual:
        return None
    earlier = {day: count for day, count in sorted(rows.items()) if day < night and day not in unusual}
    newest = list(earlier.items())[-REMEMBERED:]
    limit = _odd_below([count for _, count in newest])
    alike = [count for day, count in earlier.items() if day.weekday() == night.weekday() and count >= limit]
    every = [count for count in earlier.values() if count >= limit]
    usual = (alike if len(alike) >= FEWEST_DELIVERIES else every)[-MOST_DELIVERIES:]
    known = [count / (2 * limit) for count in _holidays(newest, limit, reported)]
    found = truncated_delivery(rows[night], usual, false_alarms_per_night, known)
    return replace(found, since=night) if found else None


def _holidays(newest: list[tuple[date, int]], limit: float, reported: Collection[date]) -> Iterator[int]:
    """Yield the rows of the days of each holiday: short days in a row, one of them reported, and a usual day after."""
    for is_short, days in groupby(newest, key=lambda each: each[1] < limit):
        row = list(days)
        if is_short and row[-1] != newest[-1] and any(day in reported for day, _ in row):
            yield from (count for _, count in row)


def _odd_below(counts: list[int]) -> float:
    """Return the size below which a delivery is odd: half the usual one, where few are that short; else 0.

    >>> _odd_below([100] * 20 + [30]), _odd_below([100] * 6 + [30] * 3)
    (50.0, 0.0)
    """
    half = float(np.median(counts)) / 2 if counts else 0.0
    return half if sum(count < half for count in counts) <= 1 + len(counts) / ODD_ONE_IN else 0.0
