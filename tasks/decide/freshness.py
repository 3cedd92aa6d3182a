"""Whether rows have stopped to come: how long ago the last delivery was, and how old the rows of tonight's are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from math import comb

from tasks.drift.seasonality import YEAR_DAYS
from tasks.lake import SUPERSEDED, Batch, Deliveries
from tasks.render.values import counted
from tasks.serving_store.logged_rows import is_served
from tasks.spec import ProjectSpec, nights_per_year

MOST_GAPS = 52  # a year of weekly deliveries
FEWEST_GAPS = 4  # by the rule below, three daily deliveries would let the next one take 16 days: that says nothing


def overdue(deliveries: Deliveries, night: date, spec: ProjectSpec) -> str:
    """Return why new rows are overdue on a night, as a phrase; an empty text if they are not.

    Either no delivery has come for long, or what came tonight has only old rows, such as those of a wrong year.
    """
    return _no_delivery(deliveries, night, spec) or _old_rows(deliveries, night, spec)


def _old_rows(deliveries: Deliveries, night: date, spec: ProjectSpec) -> str:
    """Return by how much the newest row of a night is older than is usual, as a phrase; an empty text if it is not."""
    newest: dict[date, tuple[date, int]] = {}
    for batch in _landed(deliveries, night):
        if batch.event_until is not None:
            found = batch.event_until, (batch.arrival - batch.event_until).days
            newest[batch.night] = max(newest.get(batch.night, found), found)
    if night not in newest:
        return ""
    day, lag = newest.pop(night)
    lags = [max(days, 1) for _, (_, days) in sorted(newest.items())][-MOST_GAPS:]
    longest = longest_usual(lags, spec.monitoring.delivery_alarms_per_year / nights_per_year(spec.schedule))
    if longest is None or lag <= longest:
        return ""
    return (
        f"the newest rows of tonight are of {day.isoformat()}, {counted(lag, 'day')} before they came; "
        f"{counted(longest, 'day')} are expected at most (learned from the last {counted(len(lags), 'night')})"
    )


def _no_delivery(deliveries: Deliveries, night: date, spec: ProjectSpec) -> str:
    """Return why a delivery of rows is overdue on a night, as a phrase; an empty text if none is.

    Rows that the prediction service has answered are no delivery: they hide no feed that stopped.

    `source.every` says how many days there are between two deliveries. Without it that is learned: see `longest_gap`.
    """
    arrivals = sorted({batch.arrival for batch in _landed(deliveries, night) if batch.arrival <= night})
    if not arrivals:
        return ""
    gap = (night - arrivals[-1]).days
    gaps = [(later - earlier).days for earlier, later in pairwise(arrivals)][-MOST_GAPS:]
    every = spec.source.every
    longest = every if every is not None else longest_gap(gaps, spec.monitoring.delivery_alarms_per_year)
    if longest is None or gap <= longest:
        return ""
    how = "source.every" if every is not None else f"learned from the last {len(gaps) + 1}"
    return (
        f"no rows have landed since {arrivals[-1].isoformat()}, {counted(gap, 'day')} ago; one delivery in "
        f"{counted(longest, 'day')} is expected ({how})"
    )


def _landed(deliveries: Deliveries, night: date) -> list[Batch]:
    """Return the deliveries of rows that count on a night, without those that the prediction service has answered."""
    return [
        batch
        for batch in deliveries.latest()
        if batch.kind == "rows"
        and not is_served(batch.kind, batch.key)
        and batch.night <= night
        and batch.verdict != SUPERSEDED
    ]


def longest_gap(gaps: Sequence[int], alarms_per_year: float) -> int | None:
    """Return the longest usual time between two deliveries, in days; None while too few are known.

    The probability of a longer one, times the gaps of a year, is kept within the false alarms that are accepted.

    Examples
    --------
    Weekly for a year, with .4 false alarms a year: for k = 1 it is 52 / 53 a year, for k = 2 it is 52 / 1431 = 0.036.

    >>> longest_gap([7] * 52, 0.4), longest_gap([1, 1, 1], 0.4)
    (14, None)
    """
    return longest_usual(gaps, alarms_per_year * sum(gaps) / (YEAR_DAYS * max(len(gaps), 1)))


def longest_usual(days: Sequence[int], chance: float) -> int | None:
    """Return how many days are passed with at most a chance, judged by those before; None while too few are known.

    It is the largest number of days, times the smallest whole number k for which more are rare enough. If they have an
    exponential distribution, the most irregular that is usual, the next number is above k times the largest of n with
    the probability n B(k + 1, n) = 1 / C(n + k, k) (the largest of n is a sum of n independent parts: Rényi 1953).

    Examples
    --------
    1 / C(5, 1) is a fifth, 1 / C(6, 2) a fifteenth.

    >>> longest_usual([3, 7, 1, 2], 0.2), longest_usual([3, 7, 1, 2], 0.1), longest_usual([3], 0.1)
    (7, 14, None)
    """
    count = len(days)
    if count < FEWEST_GAPS:
        return None
    k = 1
    while 1 / comb(count + k, k) > chance:
        k += 1
    return k * max(days)
