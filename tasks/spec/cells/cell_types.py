"""Convert delivered columns to typed ones, and report the values that cannot be read.

A delivered column is text (csv), Python values (jsonl) or typed (parquet); all three give the same result. Deliveries
and the inference of a first spec use the same conversion.
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
from tasks.row_contract.cell_texts import FALSE, MISSING, NULL_MARKER, TRUE

NESTED = (list, tuple, dict, set, bytes, np.ndarray)


class Read(NamedTuple):
    """Typed values, missing if there is no readable value, and the rows of each fault by its code.

    Of times, `second` has the rows at the second instant with their wall-clock time (`tasks.spec.cells.moments`).
    """

    column: pd.Series
    faults: dict[str, BoolArray]
    second: BoolArray | None = None

    @property
    def bad(self) -> BoolArray:
        """The rows with any fault."""
        none = np.zeros(len(self.column), dtype=bool)
        return np.asarray(np.logical_or.reduce([none, *self.faults.values()]), dtype=bool)

    @property
    def clean(self) -> bool:
        """Whether every value is missing or readable."""
        return not self.faults


def numbers(column: pd.Series, decimal: Literal[".", ","] = ".", thousands: str | None = None) -> Read:
    r"""Return a column as float64; empty, NA, NaN, N/A, null, none and \N are missing, infinity is a fault.

    Digits must not be grouped unless `thousands` says how: `1,234` is a fault with a decimal point, and `1.234` is one
    with a decimal comma, because the meaning would be ambiguous.

    Parameters
    ----------
    column : Series
        As delivered.
    decimal : '.' or ','
        The decimal sign of numbers written as text.
    thousands : str, optional
        The sign before every three digits, where numbers are grouped; a blank means every kind of blank.

    Examples
    --------
    >>> read = numbers(pd.Series(["1.5", "NA", "two", "inf"]))
    >>> read.column.tolist(), {code: mask.tolist() for code, mask in read.faults.items()}
    ([1.5, nan, nan, nan], {'not_a_number': [False, False, True, False], 'not_finite': [False, False, False, True]})
    >>> numbers(pd.Series(["1,5", "1.5"]), decimal=",").column.tolist()
    [1.5, nan]
    >>> numbers(pd.Series(["1,234,567.5", "12,34", "900"]), thousands=",").column.tolist()
    [1234567.5, nan, 900.0]
    """
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values, wrong = pd.Series(column.to_numpy(np.float64, na_value=np.nan)), np.zeros(len(column), bool)
    else:
        text = texts(plain_numbers(column, decimal, thousands), _number_text)
        values = pd.to_numeric(text, errors="coerce").astype(np.float64)
        wrong = values.isna().to_numpy(copy=True)
        if wrong.any():
            wrong[wrong] = ~is_missing(text[wrong]).to_numpy()
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
    text = texts(column, str).str.lower()
    meaning = dict.fromkeys(TRUE, True) | dict.fromkeys(FALSE, False)
    values = text.map(meaning).astype("boolean")
    return _read(values, column, {"not_a_boolean": (values.isna() & ~is_missing(text)).to_numpy(bool)})


def categories(column: pd.Series) -> Read:
    r"""Return a column as text without outer blanks; only the empty text, null and \N are missing: NA may be a name.

    A whole number becomes its digits, so that a zip code is the same from csv and from parquet. Lists, blocks and bytes
    are faults.

    Examples
    --------
    >>> categories(pd.Series([98178.0, None])).column.tolist(), categories(pd.Series([" NA ", ""])).column.tolist()
    (['98178', nan], ['NA', nan])
    """
    nested = _nested(column)
    text = texts(column.mask(nested) if nested.any() else column, _category_text)
    return _read(text.mask(text.isin(["", NULL_MARKER])), column, {"not_a_category": nested})


def folded(name: str) -> str:
    """Return the name of a column without case, blanks and underscores, in one unicode form.

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


def texts(column: pd.Series, as_text: Callable[[object], str]) -> pd.Series:
    """Return any column as stripped text with a default index; missing values stay missing."""
    values = column.reset_index(drop=True)
    if pd.api.types.is_integer_dtype(values):
        return values.astype("str")
    if not isinstance(values.dtype, pd.StringDtype):
        missing = values.isna().to_numpy()
        values = pd.Series(
            [None if absent else as_text(value) for value, absent in zip(values, missing, strict=True)], dtype="str"
        )
    return values.str.strip()


def plain_numbers(column: pd.Series, decimal: Literal[".", ","] = ".", thousands: str | None = None) -> pd.Series:
    """Return a column of texts with its numbers written with a decimal point and without groups.

    >>> plain_numbers(pd.Series(["1.234,5", "7"]), ",", ".").tolist()
    ['1234.5', '7']
    """
    cells = column if thousands is None else _ungrouped(column, decimal, thousands)
    return _with_points(cells) if decimal == "," else cells


def _ungrouped(column: pd.Series, decimal: str, thousands: str) -> pd.Series:
    """Return texts without the signs between groups of three digits, in those that are such numbers throughout."""
    sign = r"[ \u00a0\u2009\u202f]" if thousands == " " else re.escape(thousands)
    grouped = re.compile(rf"\s*[+-]?\d{{1,3}}(?:{sign}\d{{3}})+(?:{re.escape(decimal)}\d+)?\s*")

    def plain(value: object) -> object:
        return re.sub(sign, "", value.strip()) if isinstance(value, str) and grouped.fullmatch(value) else value

    if pd.api.types.is_string_dtype(column.dtype) or column.dtype == object:
        return pd.Series([plain(value) for value in column], index=column.index, dtype=column.dtype)
    return column


def _with_points(column: pd.Series) -> pd.Series:
    """Return texts with decimal commas as texts with decimal points; a point becomes an invalid character."""

    def pointed(value: object) -> object:
        return value.replace(".", "'").replace(",", ".") if isinstance(value, str) else value

    if isinstance(column.dtype, pd.StringDtype):
        return column.str.replace(".", "'", regex=False).str.replace(",", ".", regex=False)
    return column.map(pointed) if column.dtype == object else column


def _nested(column: pd.Series) -> BoolArray:
    """Return which values are containers or bytes."""
    if column.dtype != object:
        return np.zeros(len(column), dtype=bool)
    return np.array([isinstance(value, NESTED) for value in column], dtype=bool)


def is_missing(text: pd.Series) -> pd.Series:
    """Return which stripped texts mean that there is no value."""
    return text.isna() | text.str.lower().isin(MISSING)


def _number_text(value: object) -> str:
    """Return the text that `numbers` reads; a boolean is not a number, although Python treats it as one."""
    return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else f"{value}"


def _category_text(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return time_text(value)


def time_text(value: object) -> str:
    """Return a date or a time as ISO 8601, and any other value as its text."""
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
