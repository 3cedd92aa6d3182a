"""The newest rows that can be measured: enough of them, and none that the champion was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from tasks.records import Window


def newest_window(row_counts: Sequence[tuple[date, int]], *, days: int, min_rows: int, after: date) -> Window | None:
    """Return the newest `days` days of rows, made longer, a day at a time, until `min_rows` are in it.

    Parameters
    ----------
    row_counts : sequence of (event date, rows)
        Dates may repeat; only those after `after` are considered.
    after : date
        The champion's last training day: a window is never compared with a reference that contains it.

    Returns
    -------
    Window or None
        None when all the days there are hold fewer than `min_rows`.

    Examples
    --------
    >>> counts = [(date(2026, 1, day), 10) for day in range(1, 11)]
    >>> newest_window(counts, days=3, min_rows=50, after=date(2025, 12, 31))
    Window(start=datetime.date(2026, 1, 6), end=datetime.date(2026, 1, 10), rows=50)
    >>> newest_window(counts, days=3, min_rows=50, after=date(2026, 1, 8)) is None
    True
    """
    totals: dict[date, int] = {}
    for day, rows in row_counts:
        if day > after:
            totals[day] = totals.get(day, 0) + rows
    if not totals:
        return None
    end = max(totals)
    earliest = min(totals)
    start = max(end - timedelta(days=days - 1), earliest)
    while (rows := sum(count for day, count in totals.items() if day >= start)) < min_rows:
        if start <= earliest:
            return None
        start -= timedelta(days=1)
    return Window(start, end, rows)


def steps(row_counts: Sequence[tuple[date, int]], *, days: int, min_rows: int, after: date) -> list[Window]:
    """Return all days after `after` as windows that do not overlap, oldest first: the points of a cumulative chart.

    Each is `days` long, or longer until it has `min_rows`; days that do not fill one yet are left out. Windows once
    complete stay as they are while newer days come.

    Examples
    --------
    >>> counts = [(date(2026, 1, day), 10) for day in range(1, 8)]
    >>> [(one.start.day, one.end.day, one.rows) for one in steps(counts, days=3, min_rows=20, after=date(2025, 12, 31))]
    [(1, 3, 30), (4, 6, 30)]
    """
    totals: dict[date, int] = {}
    for day, rows in row_counts:
        if day > after:
            totals[day] = totals.get(day, 0) + rows
    by_day = {each.toordinal(): rows for each, rows in totals.items()}
    found: list[Window] = []
    start, held = after.toordinal() + 1, 0
    for number in range(start, max(by_day, default=start - 1) + 1):
        held += by_day.get(number, 0)
        if number - start + 1 >= days and held >= min_rows:
            found.append(Window(date.fromordinal(start), date.fromordinal(number), held))
            start, held = number + 1, 0
    return found
