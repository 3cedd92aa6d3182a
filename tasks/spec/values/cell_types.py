"""From delivered values to typed ones, a column at a time: each function says which values it could not read.

A delivered column is text (csv), Python's own values (jsonl) or already typed (parquet); all three come out alike. A
first spec is inferred by the same reading that every delivery then goes through.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from tasks.arrays import BoolArray

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
TRUE = frozenset({"true", "yes", "y", "1", "1.0"})
FALSE = frozenset({"false", "no", "n", "0", "0.0"})
NESTED = (list, tuple, dict, set, bytes, np.ndarray)
AWARE = re.compile(r"[T ]\d{2}.*(?:Z|[+-]\d{2}(?::?\d{2})?)$", re.IGNORECASE)
ISO = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:[T ].*)?$|\d{8}(?:T\d{4,6}.*)?$", re.IGNORECASE)
# A month in words leaves no doubt; 03/04/2026 does, and is a fault.
MONTH_IN_WORDS = ("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y %H:%M:%S", "%d %b %Y %H:%M")


class Read(NamedTuple):
    """Typed values, missing where there was nothing to read, and for each fault's code the rows that have it."""

    column: pd.Series
    faults: dict[str, BoolArray]

    @property
    def bad(self) -> BoolArray:
        """The rows with any fault."""
        none = np.zeros(len(self.column), dtype=bool)
        return np.asarray(np.logical_or.reduce([none, *self.faults.values()]), dtype=bool)

    @property
    def clean(self) -> bool:
        """Whether every value that is not missing could be read."""
        return not self.faults


def numbers(column: pd.Series, decimal: Literal[".", ","] = ".") -> Read:
    """Return a column as float64; empty, NA, NaN, N/A, null and none are missing, infinity is a fault.

    Digits are never grouped: with a decimal point `1,234` is a fault, with a decimal comma `1.234` is one, for nobody
    can tell which of the two was meant.

    Parameters
    ----------
    column : Series
        As delivered.
    decimal : '.' or ','
        What stands before the decimals of numbers written as text.

    Examples
    --------
    >>> read = numbers(pd.Series(["1.5", "NA", "two", "inf"]))
    >>> read.column.tolist(), {code: mask.tolist() for code, mask in read.faults.items()}
    ([1.5, nan, nan, nan], {'not_a_number': [False, False, True, False], 'not_finite': [False, False, False, True]})
    >>> numbers(pd.Series(["1,5", "1.5"]), decimal=",").column.tolist()
    [1.5, nan]
    """
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values, wrong = pd.Series(column.to_numpy(np.float64, na_value=np.nan)), np.zeros(len(column), bool)
    else:
        text = _texts(_with_points(column) if decimal == "," else column, _number_text)
        values = pd.to_numeric(text, errors="coerce").astype(np.float64)
        wrong = values.isna().to_numpy(copy=True)
        if wrong.any():
            wrong[wrong] = ~_is_missing(text[wrong]).to_numpy()
    infinite = np.isinf(values.to_numpy())
    if infinite.any():
        values[infinite] = np.nan
    return _read(values, column, {"not_a_number": wrong, "not_finite": infinite})


def booleans(column: pd.Series) -> Read:
    """Return a column as pandas' boolean: true, yes, y, 1 and false, no, n, 0 in any case; missing as for numbers.

    Examples
    --------
    >>> booleans(pd.Series(["Yes", "0", "", "maybe"])).column.tolist()
    [True, False, <NA>, <NA>]
    """
    if pd.api.types.is_bool_dtype(column) and column.dtype != object:
        return Read(column.astype("boolean"), {})
    text = _texts(column, str).str.lower()
    meaning = dict.fromkeys(TRUE, True) | dict.fromkeys(FALSE, False)
    values = text.map(meaning).astype("boolean")
    return _read(values, column, {"not_a_boolean": (values.isna() & ~_is_missing(text)).to_numpy(bool)})


def categories(column: pd.Series) -> Read:
    """Return a column as text without outer blanks; only the empty text and null are missing, for NA may be a name.

    A whole number is its digits, however it was stored, so a zip code is the same from csv and from parquet. Lists,
    blocks and bytes are no categories.

    Examples
    --------
    >>> categories(pd.Series([98178.0, None])).column.tolist(), categories(pd.Series([" NA ", ""])).column.tolist()
    (['98178', nan], ['NA', nan])
    """
    nested = _nested(column)
    text = _texts(column.mask(nested) if nested.any() else column, _category_text)
    return _read(text.mask(text == ""), column, {"not_a_category": nested})


def times(column: pd.Series, time_zone: str) -> Read:
    """Return a column as wall-clock times of one zone (datetime64[us], no zone attached).

    A time that names its offset is converted; one that names none is taken to be of that zone already. Dates are
    midnight. Read are ISO 8601 and dates with the month in words; 03/04/2026 or a bare count of seconds is a fault.

    Examples
    --------
    >>> read = times(pd.Series(["2026-01-02", "2026-01-02T08:30:00Z", "03/04/2026"]), "America/Los_Angeles")
    >>> [str(value) for value in read.column], read.faults["not_a_time"].tolist()
    (['2026-01-02 00:00:00', '2026-01-02 00:30:00', 'NaT'], [False, False, True])
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        local = column.dt.tz_convert(time_zone).dt.tz_localize(None) if column.dt.tz is not None else column
        return _read(local.astype("datetime64[us]"), column, {})
    text = _texts(column, _time_text)
    values = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]")
    aware, iso = text.str.contains(AWARE, na=False), text.str.match(ISO, na=False)
    plain = iso & ~aware
    values[plain] = pd.to_datetime(text[plain], format="ISO8601", errors="coerce").astype("datetime64[us]")
    moments = pd.to_datetime(text[iso & aware], format="ISO8601", errors="coerce", utc=True)
    values[iso & aware] = moments.dt.tz_convert(time_zone).dt.tz_localize(None).astype("datetime64[us]")
    for form in MONTH_IN_WORDS:
        left = values.isna() & ~iso & ~_is_missing(text)
        if not left.any():
            break
        values[left] = pd.to_datetime(text[left], format=form, errors="coerce").astype("datetime64[us]")
    return _read(values, column, {"not_a_time": (values.isna() & ~_is_missing(text)).to_numpy()})


def time_texts(values: pd.Series) -> pd.Series:
    """Return times as text, the same for the same time however it was written: a midnight is a date only.

    Examples
    --------
    >>> time_texts(pd.Series(pd.to_datetime(["2014-05-02", "2014-05-02 10:30"], format="ISO8601"))).tolist()
    ['2014-05-02', '2014-05-02T10:30:00']
    """
    midnight = values == values.dt.normalize()
    text = values.map(lambda moment: moment.isoformat(), na_action="ignore").astype("str")
    return text.mask(midnight, text.str.slice(0, 10))


def folded(name: str) -> str:
    """Return a column's name as people read it: without case, blanks and underscores, in one unicode form.

    Examples
    --------
    >>> folded(" First_Name") == folded("first name") == folded("FirstName")
    True
    """
    return re.sub(r"[\s_]+", "", unicodedata.normalize("NFKC", name).casefold())


def any_fault(faults: pd.DataFrame) -> BoolArray:
    """Return the rows with a fault of any code."""
    return np.asarray(faults.to_numpy(bool).any(axis=1), dtype=bool)


def _read(values: pd.Series, column: pd.Series, faults: dict[str, BoolArray]) -> Read:
    return Read(values.set_axis(column.index), {code: rows for code, rows in faults.items() if rows.any()})


def _texts(column: pd.Series, as_text: Callable[[object], str]) -> pd.Series:
    """Return any column as stripped text with a plain index; missing values stay missing."""
    plain = column.reset_index(drop=True)
    if pd.api.types.is_integer_dtype(plain):
        return plain.astype("str")
    if not isinstance(plain.dtype, pd.StringDtype):
        gone = plain.isna().to_numpy()
        plain = pd.Series(
            [None if lost else as_text(value) for value, lost in zip(plain, gone, strict=True)], dtype="str"
        )
    return plain.str.strip()


def _with_points(column: pd.Series) -> pd.Series:
    """Return texts with decimal commas as texts with decimal points; a point in one becomes what no number has."""

    def pointed(value: object) -> object:
        return value.replace(".", "'").replace(",", ".") if isinstance(value, str) else value

    if isinstance(column.dtype, pd.StringDtype):
        return column.str.replace(".", "'", regex=False).str.replace(",", ".", regex=False)
    return column.map(pointed) if column.dtype == object else column


def _nested(column: pd.Series) -> BoolArray:
    """Return which values are made of several, or are bytes."""
    if column.dtype != object:
        return np.zeros(len(column), dtype=bool)
    return np.array([isinstance(value, NESTED) for value in column], dtype=bool)


def _is_missing(text: pd.Series) -> pd.Series:
    return text.isna() | text.str.lower().isin(MISSING)


def _number_text(value: object) -> str:
    """Return what `numbers` shall read; a boolean is not a number, not even in Python."""
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else f"{value}"


def _category_text(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return _time_text(value)


def _time_text(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
