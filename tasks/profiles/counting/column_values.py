"""The values of a pandas or Arrow column that are not null, in the form in which they are counted.

Arrow arrays are read in place: numbers without nulls are not copied, dictionary-encoded categories are counted by their
codes, and no Python object is created for a row.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.arrays import IntArray, NumberArray
from tasks.errors import DataError

Column: TypeAlias = pd.Series | pa.Array
DAY_US = 86_400_000_000


def number_values(column: Column, name: str) -> NumberArray:
    """Return the values of a number column that are not null, with infinities; nan counts as null later.

    Integers stay integers, so that ids beyond 2**53 are not rounded.

    Raises
    ------
    DataError
        The column has values other than numbers.
    """
    if isinstance(column, pd.Series):
        return _numbers_of_series(column, name)
    kind = column.type
    if pa.types.is_dictionary(kind):
        return number_values(column.dictionary_decode(), name)
    if column.null_count == len(column):
        return np.empty(0)
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif pa.types.is_boolean(kind):
        column = column.cast(pa.uint8())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise DataError(_not_numbers(name, kind))
    present = column.drop_null() if column.null_count else column
    values: NumberArray = present.to_numpy(zero_copy_only=True)
    return values


def category_counts(column: Column) -> tuple[list[str], IntArray]:
    """Return the categories of a column as text, and their rows; nulls are left out."""
    if isinstance(column, pd.Series):
        counted = column.value_counts(sort=False)
        counted = counted[counted > 0]
        return [str(value) for value in counted.index], counted.to_numpy().astype(np.int64)
    encoded = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
    return named_counts(encoded.dictionary, code_counts(encoded))


def code_counts(encoded: pa.DictionaryArray) -> IntArray:
    """Return the rows of each code of a dictionary-encoded column; nulls are left out."""
    codes = encoded.indices.drop_null() if encoded.indices.null_count else encoded.indices
    counts: IntArray = np.bincount(
        codes.to_numpy(zero_copy_only=True).astype(np.intp), minlength=len(encoded.dictionary)
    )
    return counts


def named_counts(dictionary: pa.Array, counts: IntArray) -> tuple[list[str], IntArray]:
    """Return the values of the codes that occur, as text, and their counts; codes of null are left out."""
    codes = np.flatnonzero(counts)
    values = dictionary.take(pa.array(codes)).to_pylist()
    valued = [at for at, value in enumerate(values) if value is not None and value == value]  # noqa: PLR0124 - nan
    return [str(values[at]) for at in valued], counts[codes[valued]]


def boolean_counts(column: Column, name: str) -> tuple[int, int]:
    """Return the number of true rows, and that of false rows.

    Raises
    ------
    DataError
        The column has values other than true, false, 0 and 1.
    """
    if isinstance(column, pa.Array) and not (pa.types.is_boolean(column.type) or pa.types.is_null(column.type)):
        column = column.to_pandas()
    if isinstance(column, pa.Array):
        true = pc.sum(column).as_py() or 0
        return true, len(column) - column.null_count - true
    try:
        booleans = column.astype("boolean")
    except (TypeError, ValueError) as error:
        raise DataError(
            f"column {name!r} holds {column.dtype}; true and false were expected. Either the contract did not type it "
            "or the spec's features.booleans names another kind of column"
        ) from error
    return int(booleans.sum()), int((~booleans).sum())


def instant_values(column: Column, name: str) -> NumberArray:
    """Return the values of a date column that are not null, in whole microseconds since 1970 (UTC).

    Raises
    ------
    DataError
        The column has values other than dates and times.
    """
    microseconds: NumberArray = nullable_instants(column, name).drop_null().to_numpy(zero_copy_only=True)
    return microseconds


def nullable_instants(column: Column, name: str) -> pa.Int64Array:
    """Return the values of a date column with its nulls, in whole microseconds since 1970 (UTC); text is parsed.

    Raises
    ------
    DataError
        The column has values other than dates and times.
    """
    array = _arrow(column, name, "dates or times")
    if array.null_count == len(array):
        return pa.nulls(len(array), pa.int64())
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        array = _read(array, name)
    if not (pa.types.is_timestamp(array.type) or pa.types.is_date(array.type)):
        raise DataError(f"column {name!r} holds {array.type}; dates or times were expected. Type it in the contract")
    zone = array.type.tz if pa.types.is_timestamp(array.type) else None
    return array.cast(pa.timestamp("us", tz=zone), safe=False).cast(pa.int64())


def ages_in_days(instants: pa.Int64Array, events: pa.Int64Array) -> NumberArray:
    """Return the whole days from each instant to the event date of its row, where both are present.

    Parameters
    ----------
    instants, events : pyarrow.Int64Array
        In microseconds since 1970 (UTC); an instant after the event date has an age below 0.

    Examples
    --------
    The third day of 1970 is two days after its first, and the last moment of 1969 is a day before that.

    >>> third_day, end_of_1969 = 2 * DAY_US, -1
    >>> ages_in_days(pa.array([0, end_of_1969, None]), pa.array([third_day] * 3)).tolist()
    [2, 3]
    """
    present = pc.and_(instants.is_valid(), events.is_valid())
    first, last = (
        microseconds.filter(present).to_numpy(zero_copy_only=True) // DAY_US for microseconds in (instants, events)
    )
    ages: NumberArray = last - first
    return ages


def _read(texts: pa.Array, name: str) -> pa.Array:
    try:
        moments = pd.to_datetime(texts.to_pandas(), utc=True, format="mixed")
    except ValueError as error:
        raise DataError(f"column {name!r} holds text; dates or times were expected ({error})") from error
    return _arrow(moments, name, "dates or times")


def _arrow(column: Column, name: str, expected: str) -> pa.Array:
    if isinstance(column, pa.Array):
        return column
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert(None)  # the same instants; pandas 3.1 warns when they are read with a zone
    try:
        array = pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(
            f"column {name!r} holds {column.dtype} of mixed kinds; {expected} was expected. Type it in the contract"
        ) from error
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _numbers_of_series(series: pd.Series, name: str) -> NumberArray:
    if series.dtype == np.float64:
        return series.to_numpy()
    missing = series.isna()
    if missing.all():
        return np.empty(0)
    if not (pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype)):
        raise DataError(_not_numbers(name, series.dtype))
    present = series[~missing] if missing.any() else series
    if pd.api.types.is_unsigned_integer_dtype(series.dtype):
        return present.to_numpy(dtype=np.uint64)
    if pd.api.types.is_integer_dtype(series.dtype):
        return present.to_numpy(dtype=np.int64)
    return present.to_numpy(dtype=np.float64)


def _not_numbers(name: str, kind: object) -> str:
    return (
        f"column {name!r} holds {kind}; a number column was expected. Either the contract did not type it or the "
        "spec's features.numbers names a column that is text"
    )
