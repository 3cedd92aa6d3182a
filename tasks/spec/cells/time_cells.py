"""Delivered times as wall-clock times of the project's zone: every form that can be read without doubt, or a given one.

Without doubt are ISO 8601 (also of weeks), dates with the month in words, and what exports make of ISO 8601: a zone in
words (`UTC`, `GMT`, `[Europe/Berlin]`), a comma before fractions, midnight as 24:00, DB2's points. A spec names any
other form as `time_format`.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray
from tasks.spec.cells.cell_types import Read, is_missing, texts, time_text
from tasks.spec.cells.moments import instants, wall_clock

AWARE = re.compile(r"[T ]\d{2}.*(?:Z|[+-]\d{2}(?::?\d{2})?)$", re.IGNORECASE)
ISO = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:[T ].*)?$|\d{8}(?:T\d{4,6}.*)?$", re.IGNORECASE)
WEEK = re.compile(r"(\d{4})-?W(\d{2})-?([1-7])$", re.IGNORECASE)
MIDNIGHT = re.compile(r"^(\d{4}-?\d{2}-?\d{2}[T ])24(:?00(?::?00(?:[.,]0+)?)?)(?![:\d])")
# A month in words is unambiguous; 03/04/2026 is ambiguous, and a fault.
MONTH_IN_WORDS = ("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y %H:%M:%S", "%d %b %Y %H:%M")
COUNTS_US = {"epoch_s": 10**6, "epoch_ms": 10**3, "epoch_us": 1, "excel": 86_400 * 10**6}
"""Microseconds of one unit of the formats that count; `excel` counts days of wall-clock time since 1899-12-30."""
EXCEL_ZERO = np.datetime64("1899-12-30", "us")
LONGEST_US = 253_402_300_800 * 10**6  # from 1970 to the end of year 9999
CLOCK_WORDS = ("now", "today")  # pandas reads them as the present, in every format


class _Times(NamedTuple):
    wall: pd.Series
    second: BoolArray


def times(column: pd.Series, time_zone: str, time_format: str | None = None) -> Read:
    """Return a column as wall-clock times of one zone (datetime64[us], no zone attached).

    A time with an offset is converted; a time without one is already in that zone. Dates are midnight. Times in any
    other form, such as 03/04/2026 or a count of seconds, are faults unless `time_format` says what they are; `now` and
    `today` always are, because the same cell would be another time in another night.

    Parameters
    ----------
    column : Series
        As delivered.
    time_zone : str
        The project's zone.
    time_format : str, optional
        A format of `datetime.strptime`, or `epoch_s`, `epoch_ms`, `epoch_us` or `excel`. Times that are not in it are
        read as without one.

    Examples
    --------
    >>> read = times(pd.Series(["2026-01-02", "2026-01-02T08:30:00Z", "03/04/2026"]), "America/Los_Angeles")
    >>> [str(value) for value in read.column], read.faults["not_a_time"].tolist()
    (['2026-01-02 00:00:00', '2026-01-02 00:30:00', 'NaT'], [False, False, True])
    >>> str(times(pd.Series(["03/04/2026"]), "UTC", "%d/%m/%Y").column[0])
    '2026-04-03 00:00:00'
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        return _of_moments(column, time_zone)
    text = texts(column, time_text)
    wall, second = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]"), np.zeros(len(text), dtype=bool)
    absent = is_missing(text).to_numpy(bool)
    unread = ~absent & ~text.str.lower().isin(CLOCK_WORDS).to_numpy(bool)
    for reading in (_given, _iso, _exported, _in_words):
        left = np.flatnonzero(wall.isna().to_numpy() & unread)
        if not len(left):
            break
        found = reading(text.iloc[left].reset_index(drop=True), time_zone, time_format)
        wall.iloc[left], second[left] = found.wall.to_numpy(), found.second
    return _checked(_in_calendar(wall), second, absent, column)


def time_texts(values: pd.Series, second: BoolArray | None = None, time_zone: str = "UTC") -> pd.Series:
    """Return times as text, independent of how they were written; midnight is written as a date.

    The second instant of a wall-clock time that occurs twice has its offset, so that each instant has its own text.

    Examples
    --------
    >>> time_texts(pd.Series(pd.to_datetime(["2014-05-02", "2014-05-02 10:30"], format="ISO8601"))).tolist()
    ['2014-05-02', '2014-05-02T10:30:00']
    >>> twice = pd.Series(pd.to_datetime(["2025-10-26T02:10"] * 2))
    >>> time_texts(twice, np.array([False, True]), "Europe/Berlin").tolist()
    ['2025-10-26T02:10:00', '2025-10-26T02:10:00+01:00']
    """
    midnight = values == values.dt.normalize()
    text = values.map(lambda moment: moment.isoformat(), na_action="ignore").astype("str")
    text = text.mask(midnight, text.str.slice(0, 10))
    if second is not None and second.any():
        local = instants(values[second], second[second], time_zone).dt.tz_convert(time_zone)
        text[second] = local.map(lambda moment: moment.isoformat())
    return text


def _of_moments(column: pd.Series, time_zone: str) -> Read:
    known, absent = _in_calendar(column), column.isna().to_numpy(bool)
    if column.dt.tz is None:
        return _checked(known.astype("datetime64[us]"), np.zeros(len(column), dtype=bool), absent, column)
    wall, second = wall_clock(known, time_zone)
    return _checked(_in_calendar(wall), second, absent, column)


def _checked(wall: pd.Series, second: BoolArray, absent: BoolArray, column: pd.Series) -> Read:
    """Return the times of a column; each cell that has no time and is not absent is a fault."""
    wrong = wall.isna().to_numpy(bool) & ~absent
    return Read(wall.set_axis(column.index), {"not_a_time": wrong} if wrong.any() else {}, second)


def _in_calendar(moments: pd.Series) -> pd.Series:
    """Return times without those outside of the years 1 to 9999, which have no date in Python."""
    return moments.where(moments.dt.year.between(1, 9999))


def _given(text: pd.Series, time_zone: str, time_format: str | None) -> _Times:
    """Read times in the format that the spec names."""
    if time_format is None:
        return _none(len(text))
    if time_format in COUNTS_US:
        return _counted(pd.to_numeric(text, errors="coerce"), time_format, time_zone)
    if "%z" in time_format:
        return _in_zone(pd.to_datetime(text, format=time_format, errors="coerce", utc=True), time_zone)
    return _local(pd.to_datetime(text, format=time_format, errors="coerce"))


def _counted(counts: pd.Series, time_format: str, time_zone: str) -> _Times:
    units = counts.to_numpy(np.float64)
    known = np.abs(units) < LONGEST_US / COUNTS_US[time_format]
    microseconds = np.rint(np.where(known, units, 0) * COUNTS_US[time_format])
    spans = microseconds.astype("timedelta64[us]")
    start = EXCEL_ZERO if time_format == "excel" else np.datetime64(0, "us")
    moments = _in_calendar(pd.Series(np.where(known, start + spans, np.datetime64("NaT", "us"))))
    return _local(moments) if time_format == "excel" else _in_zone(moments.dt.tz_localize("UTC"), time_zone)


def _iso(text: pd.Series, time_zone: str, _: str | None = None) -> _Times:
    """Read ISO 8601."""
    iso, aware = text.str.match(ISO, na=False).to_numpy(bool), text.str.contains(AWARE, na=False).to_numpy(bool)
    wall, second = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]"), np.zeros(len(text), dtype=bool)
    wall[iso & ~aware] = _local(pd.to_datetime(text[iso & ~aware], format="ISO8601", errors="coerce")).wall
    if (iso & aware).any():
        moments = pd.to_datetime(text[iso & aware], format="ISO8601", errors="coerce", utc=True)
        wall[iso & aware], second[iso & aware] = _in_zone(moments, time_zone)
    return _Times(wall, second)


def _exported(text: pd.Series, time_zone: str, _: str | None = None) -> _Times:
    """Read what programs write instead of ISO 8601, where only one meaning is possible."""
    iso = text.str.replace(r"^(\d{4}-\d{2}-\d{2})-(\d{2})\.(\d{2})\.(\d{2})(\.\d+)?$", r"\1T\2:\3:\4\5", regex=True)
    iso = iso.str.replace(r"(:\d{2}),(\d{1,9})(?=\D|$)", r"\1.\2", regex=True)
    iso = iso.str.replace(rf"(?i)(Z|[+-]\d{{2}}:?\d{{2}})?\[{re.escape(time_zone)}\]$", r"\1", regex=True)
    iso = iso.str.replace(r"(?i)(Z|[+-]\d{2}:?\d{2})\[[\w/+-]+\]$", r"\1", regex=True)
    iso = iso.str.replace(r"(?i)(\d)\s*(?:UTC|GMT)$", r"\1Z", regex=True)
    weeks = iso.str.match(WEEK, na=False)
    if weeks.any():
        iso[weeks] = iso[weeks].map(_day_of_week)
    next_day = iso.str.match(MIDNIGHT, na=False).to_numpy(bool)
    if next_day.any():
        iso[next_day] = iso[next_day].str.replace(MIDNIGHT, r"\g<1>00\2", regex=True)
    wall, second = _iso(iso, time_zone)
    days = np.where(next_day, np.timedelta64(1, "D"), np.timedelta64(0, "D"))
    return _Times(wall + days.astype("timedelta64[us]"), second)


def _day_of_week(text: str) -> str:
    year, week, day = (int(part) for part in WEEK.match(text).groups())  # type: ignore[union-attr]  # it matches
    try:
        return datetime.strptime(f"{year} {week} {day}", "%G %V %u").strftime("%Y-%m-%d")  # noqa: DTZ007 - a day
    except ValueError:
        return ""


def _in_words(text: pd.Series, _zone: str, _: str | None = None) -> _Times:
    """Read dates with the month in words."""
    wall = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]")
    for form in MONTH_IN_WORDS:
        left = wall.isna() & ~text.str.match(ISO, na=False)
        if not left.any():
            break
        wall[left] = _local(pd.to_datetime(text[left], format=form, errors="coerce")).wall
    return _Times(wall, np.zeros(len(text), dtype=bool))


def _in_zone(moments: pd.Series, time_zone: str) -> _Times:
    return _Times(*wall_clock(moments, time_zone))


def _local(wall: pd.Series) -> _Times:
    return _Times(wall.astype("datetime64[us]"), np.zeros(len(wall), dtype=bool))


def _none(rows: int) -> _Times:
    return _local(pd.Series(pd.NaT, index=pd.RangeIndex(rows), dtype="datetime64[us]"))
