"""Whether rows have stopped to come: how long ago the last delivery was, against the expected time between two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from math import comb

from tasks.drift.seasonality import YEAR_DAYS
from tasks.lake import SUPERSEDED, Deliveries
from tasks.render.values import counted
from tasks.serving_store.logged_rows import is_served
from tasks.spec import ProjectSpec

MOST_GAPS = 52  # a year of weekly deliveries
FEWEST_GAPS = 4  # by the rule below, three daily deliveries would let the next one take 16 days: that says nothing


def overdue(deliveries: Deliveries, night: date, spec: ProjectSpec) -> str:
    """Return why a delivery of rows is overdue on a night, as a phrase; an empty text if none is.

    Rows that the prediction service has answered are no delivery: they hide no feed that stopped.

    `source.every` says how many days there are between two deliveries. Without it that is learned: see `longest_gap`.
    """
    arrivals = sorted(
        {
            batch.arrival
            for batch in deliveries.latest()
            if batch.kind == "rows"
            and not is_served(batch.kind, batch.key)
            and batch.arrival <= night
            and batch.verdict != SUPERSEDED
        }
    )
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


def longest_gap(gaps: Sequence[int], alarms_per_year: float) -> int | None:
    """Return the longest usual time between two deliveries, in days; None while too few are known.

    It is the longest of the gaps, times the smallest whole number k for which longer gaps are rare enough. If gaps have
    an exponential distribution, the most irregular that is usual, the next one is longer than k times the longest of n
    with the probability n B(k + 1, n) = 1 / C(n + k, k) (the longest of n is a sum of n independent parts: Rényi 1953).
    That probability, times the gaps of a year, is kept within the false alarms that are accepted.

    Examples
    --------
    Weekly for a year, with .4 false alarms a year: for k = 1 it is 52 / 53 a year, for k = 2 it is 52 / 1431 = 0.036.

    >>> longest_gap([7] * 52, 0.4), longest_gap([1, 1, 1], 0.4)
    (14, None)
    """
    count = len(gaps)
    if count < FEWEST_GAPS:
        return None
    a_year = YEAR_DAYS * count / sum(gaps)
    k = 1
    while a_year / comb(count + k, k) > alarms_per_year:
        k += 1
    return k * max(gaps)
