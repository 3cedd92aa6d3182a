"""The split of labelled rows by time: rows for training, and a hold-out for the gate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

HALF = 2


@dataclass(frozen=True, slots=True)
class Parts:
    """`past` is for training the candidates; no candidate and no champion was trained on `holdout`."""

    past: pd.DataFrame
    holdout: pd.DataFrame
    holdout_from: date


def holdout_parts(rows: pd.DataFrame, *, days: int, after: date | None) -> Parts:
    """Return the newest days as hold-out, and the rows before them.

    Parameters
    ----------
    rows : DataFrame
        Labelled rows with `event_date`, oldest first; not empty.
    days : int
        Wanted length of the hold-out.
    after : date or None
        The champion's last training day. The hold-out begins after it, and takes at most half of the days since; the
        challenger is trained on the other half.

    Examples
    --------
    >>> rows = pd.DataFrame({"event_date": [date(2026, 1, day) for day in range(1, 31)]})
    >>> parts = holdout_parts(rows, days=10, after=None)
    >>> len(parts.past), len(parts.holdout)
    (20, 10)
    >>> len(holdout_parts(rows, days=28, after=date(2026, 1, 20)).holdout)
    5
    """
    newest = max(rows["event_date"])
    if after is not None:
        days = max(1, min(days, (newest - after).days // HALF))
    start = newest - timedelta(days=days - 1)
    newer = rows["event_date"] >= start
    return Parts(rows[~newer], rows[newer], start)
