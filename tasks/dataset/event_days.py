"""Event dates as NumPy days: tens of thousands of them are compared and counted every night."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.arrays import BoolArray, DayArray, IntArray


def days_of(dates: pd.Series[Any]) -> DayArray:
    """Return dates, none of them missing, as days.

    >>> days_of(pd.Series([date(2026, 1, 5)])).tolist()
    [datetime.date(2026, 1, 5)]
    """
    if isinstance(dates.dtype, pd.ArrowDtype) and dates.dtype.pyarrow_dtype == pa.date32():
        numbers = pa.array(dates).cast(pa.int32()).to_numpy(zero_copy_only=False)
        return np.asarray(numbers, dtype=np.int64).view("datetime64[D]")
    return dates.to_numpy().astype("datetime64[D]")


def between(days: DayArray, first: date, last: date) -> BoolArray:
    """Return which days are between two days, both included."""
    return (days >= np.datetime64(first)) & (days <= np.datetime64(last))


def numbered(days: DayArray) -> tuple[IntArray, IntArray, DayArray]:
    """Return a number for each row's day, the rows of each number, and its day, in order.

    >>> numbers, rows, named = numbered(np.array(["2026-01-09", "2026-01-05", "2026-01-09"], dtype="datetime64[D]"))
    >>> numbers.tolist(), rows.tolist(), [str(day) for day in named]
    ([1, 0, 1], [1, 2], ['2026-01-05', '2026-01-09'])
    """
    if not len(days):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), days
    since_first = (days - days.min()).astype(np.int64)
    rows = np.bincount(since_first)
    met = rows > 0
    return (np.cumsum(met) - 1)[since_first], rows[met], days.min() + np.flatnonzero(met)
