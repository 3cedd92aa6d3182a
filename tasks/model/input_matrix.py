"""The input of a model: the columns of a frame as one matrix of doubles, in the order of the schema; missing is NaN."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.arrays import FloatArray
from tasks.errors import DataError
from tasks.inference.schema import ModelSchema
from tasks.inference.schema_parts import DatePart, TimeFeature


def input_matrix(frame: pd.DataFrame, schema: ModelSchema) -> FloatArray:
    """Return the inputs of the model, before imputation, scaling and one-hot encoding.

    Numbers, booleans as 0 and 1, categories as the codes of the tables of the schema, parts of dates, then the capped
    event time if the model uses it. Missing, infinite and unknown values are NaN, which trees can route.

    Parameters
    ----------
    frame : DataFrame, n rows
        Has at least the columns of the schema; others are ignored.
    schema : ModelSchema
        Columns, order and category tables.

    Returns
    -------
    array of float64, shape (n, inputs)

    Raises
    ------
    DataError
        A column is missing or has values of another kind.

    Examples
    --------
    "paid" has code 1 in the table ("free", "paid"); "gold" is unknown to the model.

    >>> schema = ModelSchema("demo", "binary", "log_loss", "day", ("age",), (), {"plan": ("free", "paid")})
    >>> input_matrix(pd.DataFrame({"age": [30, None], "plan": ["paid", "gold"]}), schema).tolist()
    [[30.0, 1.0], [nan, nan]]
    """
    missing = [column for column in schema.columns if column not in frame.columns]
    if missing:
        raise DataError(
            f"found no column {missing}; the model of {schema.project!r} was trained on {schema.columns}. "
            "Either the delivery lost them or the features changed: retrain after changing the spec."
        )
    out = np.empty((len(frame), len(schema.inputs)), dtype=np.float64)
    index = 0
    for column in (*schema.numbers, *schema.booleans):
        out[:, index] = as_numbers(frame[column])
        index += 1
    for column, table in schema.categories.items():
        out[:, index] = category_codes(frame[column], table)
        index += 1
    for part in schema.dates:
        out[:, index] = date_part(frame[part.column], part)
        index += 1
    if schema.time is not None:
        out[:, index] = capped_days(frame[schema.event_time], schema.time)
    return out


def as_numbers(values: pd.Series[Any]) -> FloatArray:
    """Return numbers or booleans as doubles; missing and infinite are NaN.

    Examples
    --------
    >>> as_numbers(pd.Series([True, None, False], dtype="boolean")).tolist()
    [1.0, nan, 0.0]

    Raises
    ------
    DataError
        A value is not a number.
    """
    try:
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"column {values.name!r} holds {values.dtype} ({error}); expected numbers. "
            "Type the rows by the contract first."
        ) from error
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers


def as_text(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return categories as text, with missing values; numbers become their printed form.

    Examples
    --------
    >>> as_text(pd.Series([98103, 98178])).tolist()
    ['98103', '98178']
    """
    return values.astype("str")


def as_moments(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return times in UTC, in microseconds: the unit in which every date from year 1 to 9999 fits; missing is NaT.

    Examples
    --------
    >>> as_moments(pd.Series(["9999-12-31T01:00+01:00", None])).tolist()
    [Timestamp('9999-12-31 00:00:00'), NaT]
    """
    return pd.to_datetime(values, utc=True).dt.tz_localize(None).astype("datetime64[us]")


def days_since(values: pd.Series[Any], origin: date) -> FloatArray:
    """Return days, with their fraction, from midnight (UTC) of `origin`; missing is NaN.

    Examples
    --------
    >>> days_since(pd.Series(pd.to_datetime(["2024-03-01 12:00", None])), date(2024, 2, 28)).tolist()
    [2.5, nan]
    """
    spans = (as_moments(values) - pd.Timestamp(origin)).to_numpy()  # as nanoseconds the year 2300 would overflow
    return np.asarray(spans / np.timedelta64(1, "D"), dtype=np.float64)


def capped_days(values: pd.Series[Any], time: TimeFeature) -> FloatArray:
    """Return days since the origin of the feature, capped at the newest day of the training rows.

    Examples
    --------
    >>> moments = pd.Series(pd.to_datetime(["2024-03-02", "2024-06-01"]))
    >>> capped_days(moments, TimeFeature("2024-03-01", held_at_days=30)).tolist()
    [1.0, 30.0]
    """
    return np.minimum(days_since(values, date.fromisoformat(time.origin)), time.held_at_days)


def date_part(values: pd.Series[Any], part: DatePart) -> FloatArray:
    """Return one part of each date as a number; missing is NaN.

    Examples
    --------
    2024-03-01 was a Friday, four days after a Monday.

    >>> moments = pd.Series(pd.to_datetime(["2024-03-01 12:00", None]))
    >>> date_part(moments, DatePart("sold", "weekday")).tolist()
    [4.0, nan]

    It was the 61st day of a leap year.

    >>> date_part(moments, DatePart("sold", "day_of_year")).tolist()
    [61.0, nan]
    """
    if part.kind == "days":
        return days_since(values, date.fromisoformat(part.origin))
    moments = pd.DatetimeIndex(as_moments(values))
    read = {"weekday": "day_of_week"}.get(part.kind, part.kind)
    return np.asarray(getattr(moments, read), dtype=np.float64)


def category_codes(values: pd.Series[Any], table: tuple[str, ...]) -> FloatArray:
    """Return the index of each category in the table; missing and unknown are NaN.

    Examples
    --------
    >>> category_codes(pd.Series(["paid", "gold", None, "free"]), ("free", "paid")).tolist()
    [1.0, nan, nan, 0.0]
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        of_categories = category_codes(pd.Series(values.cat.categories), table)
        return np.append(of_categories, np.nan)[values.cat.codes.to_numpy()]  # a missing value's code is -1, the last
    texts = pa.array(as_text(values), from_pandas=True)
    indices = pc.index_in(texts, value_set=pa.array(table, type=texts.type))
    return np.asarray(indices.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
