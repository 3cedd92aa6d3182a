"""Whether rows have stopped to come: how long ago the last delivery was, and how old the rows of tonight's are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from itertools import pairwise
from math import comb

from tasks.dataset.landed_batches import row_deliveries
from tasks.drift.seasonality import YEAR_DAYS
from tasks.lake import Deliveries
from tasks.records import COMPARED_DAYS
from tasks.render.values import counted
from tasks.spec import ProjectSpec, landing_nights_per_year

MOST_GAPS = 52  # a year of weekly deliveries
FEWEST_GAPS = 4  # by the rule below, three daily deliveries would let the next one take 16 days: that says nothing


def overdue(deliveries: Deliveries, nights: Sequence[date], spec: ProjectSpec) -> str:
    """Return why new rows are overdue, as a phrase; an empty text if they are not.

    Either no delivery has come for long, or what came has only old rows, such as those of a wrong year. What was odd is
    learned from only a fortnight later: an alarm excuses neither itself nor the next.

    Parameters
    ----------
    nights : sequence of date
        The nights that are judged, in order: the last is that of the decision.
    """
    return _no_delivery(deliveries, nights[-1], spec) or _old_rows(deliveries, nights, spec)


def _old_rows(deliveries: Deliveries, nights: Sequence[date], spec: ProjectSpec) -> str:
    """Return by how much the newest row of a night is older than is usual, as a phrase; an empty text if it is not."""
    newest: dict[date, tuple[date, int]] = {}
    for batch in row_deliveries(deliveries, nights[-1]):
        if batch.event_until is not None:
            found = batch.event_until, (batch.arrival - batch.event_until).days
            newest[batch.night] = max(newest.get(batch.night, found), found)
    lags = [(night, max(lag, 1)) for night, (_, lag) in sorted(newest.items())]
    chance = spec.monitoring.delivery_alarms_per_year / landing_nights_per_year(spec.schedule)
    for night in reversed(nights):
        known = usual_days([each for each in lags if each[0] < night], night, lambda _: chance)
        longest = longest_usual(known, chance)
        if longest is not None and night in newest and newest[night][1] > longest:
            day, lag = newest[night]
            which = "tonight" if night == nights[-1] else night.isoformat()
            return (
                f"the newest rows of {which} are of {day.isoformat()}, {counted(lag, 'day')} before they came; "
                f"{counted(longest, 'day')} are expected at most (learned from the last {counted(len(known), 'night')})"
            )
    return ""


def _no_delivery(deliveries: Deliveries, night: date, spec: ProjectSpec) -> str:
    """Return why a delivery of rows is overdue on a night, as a phrase; an empty text if none is.

    `source.every` says how many days there are between two deliveries. Without it that is learned: see `longest_gap`.
    """
    arrivals = sorted({batch.arrival for batch in row_deliveries(deliveries, night) if batch.arrival <= night})
    if not arrivals:
        return ""
    gap, accepted = (night - arrivals[-1]).days, spec.monitoring.delivery_alarms_per_year
    past = [(later, (later - earlier).days) for earlier, later in pairwise(arrivals)]
    gaps = usual_days(past, night, partial(_of_a_gap, alarms_per_year=accepted))
    every = spec.source.every
    longest = every if every is not None else longest_gap(gaps, accepted)
    if longest is None or gap <= longest:
        return ""
    how = "source.every" if every is not None else f"learned from the last {len(gaps) + 1}"
    return (
        f"no rows have landed since {arrivals[-1].isoformat()}, {counted(gap, 'day')} ago; one delivery in "
        f"{counted(longest, 'day')} is expected ({how})"
    )


def usual_days(known: Sequence[tuple[date, int]], night: date, chance: Callable[[Sequence[int]], float]) -> list[int]:
    """Return the numbers of days that a night is judged by: the newest, without those of a fortnight that were odd.

    Parameters
    ----------
    known : sequence of (date, int)
        When each was seen, in order, and the days.
    chance : callable
        From the days before one to the chance of more than usual.

    Examples
    --------
    >>> seen = [(date(2026, 1, day), 1) for day in range(1, 8)] + [(date(2026, 1, 8), 365)]
    >>> [max(usual_days(seen, date(2026, 1, night), lambda _: 0.1)) for night in (9, 22, 23)]
    [1, 1, 365]
    """
    usual = list[int]()
    for day, days in known:
        recent = (night - day).days <= COMPARED_DAYS
        longest = longest_usual(usual[-MOST_GAPS:], chance(usual[-MOST_GAPS:])) if recent else None
        if longest is None or days <= longest:
            usual.append(days)
    return usual[-MOST_GAPS:]


def longest_gap(gaps: Sequence[int], alarms_per_year: float) -> int | None:
    """Return the longest usual time between two deliveries, in days; None while too few are known.

    The probability of a longer one, times the gaps of a year, is kept within the false alarms that are accepted.

    Examples
    --------
    Weekly for a year, with .4 false alarms a year: for k = 1 it is 52 / 53 a year, for k = 2 it is 52 / 1431 = 0.036.

    >>> longest_gap([7] * 52, 0.4), longest_gap([1, 1, 1], 0.4)
    (14, None)
    """
    return longest_usual(gaps, _of_a_gap(gaps, alarms_per_year))


def _of_a_gap(gaps: Sequence[int], alarms_per_year: float) -> float:
    """Return the chance of a longer gap than is usual: the false alarms of a year, by its gaps."""
    return alarms_per_year * sum(gaps) / (YEAR_DAYS * max(len(gaps), 1))


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
