"""From a frame to the graph's input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.errors import DataError
from tasks.model import DatePart, ModelSchema, TimeFeature
from tasks.model.input_matrix import category_codes, input_matrix

SCHEMA = ModelSchema(
    "demo",
    "regression",
    "mean_absolute_error",
    "day",
    ("area",),
    ("garden",),
    {"zip": ("98103", "98178"), "plan": ("a",)},
)
FRAME = pd.DataFrame(
    {
        "plan": ["a", "b"],
        "zip": ["98178", None],
        "garden": pd.Series([True, None], dtype="boolean"),
        "area": [50, 60],
        "day": pd.to_datetime(["2024-03-02", "2024-06-01"]),
    }
)


def test_columns_stand_in_the_schemas_order_whatever_the_frames() -> None:
    assert input_matrix(FRAME, SCHEMA)[0].tolist() == [50, 1, 1, 0]
    assert np.array_equal(input_matrix(FRAME[FRAME.columns[::-1]], SCHEMA), input_matrix(FRAME, SCHEMA), equal_nan=True)


def test_missing_and_unknown_values_are_not_numbers() -> None:
    assert np.isnan(input_matrix(FRAME, SCHEMA)[1, 1:]).all()


def test_an_infinite_number_counts_as_missing() -> None:
    assert np.isnan(input_matrix(FRAME.assign(area=[np.inf, -np.inf]), SCHEMA)[:, 0]).all()


@pytest.mark.parametrize(
    "zips",
    [
        pd.Series([98103, 98178]),
        pd.Series(["98103", "98178"], dtype="object"),
        pd.Series(["98103", "98178"], dtype="category"),
    ],
)
def test_a_category_is_the_same_in_whatever_type_it_comes(zips: pd.Series[Any]) -> None:
    assert input_matrix(FRAME.assign(zip=zips), SCHEMA)[:, 2].tolist() == [0, 1]


def test_event_time_comes_last_and_is_held_at_the_newest_day_seen() -> None:
    timed = replace(SCHEMA, time=TimeFeature("2024-03-01", held_at_days=30))
    assert input_matrix(FRAME, timed)[:, -1].tolist() == [1, 30]


def test_event_time_may_be_dates_or_aware_moments() -> None:
    timed = replace(SCHEMA, time=TimeFeature("2024-03-01", held_at_days=300))
    for days in (FRAME["day"].dt.date, FRAME["day"].dt.tz_localize("UTC")):
        assert input_matrix(FRAME.assign(day=days), timed)[:, -1].tolist() == [1, 92]


def test_a_lost_column_is_named() -> None:
    with pytest.raises(DataError, match=r"found no column \['area'\]"):
        input_matrix(FRAME.drop(columns="area"), SCHEMA)


def test_text_among_numbers_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="'area' holds"):
        input_matrix(FRAME.assign(area=["fifty", "sixty"]), SCHEMA)


def test_no_rows_make_an_empty_matrix() -> None:
    assert input_matrix(FRAME.iloc[:0], SCHEMA).shape == (0, 4)


def test_dates_are_read_part_by_part_before_event_time() -> None:
    """2024-03-02 was a Saturday, 2024-06-01 too; March has 31 days, April 30, May 31: a difference of 91 days."""
    parts = (DatePart("day", "days", "2024-03-02"), DatePart("day", "month"), DatePart("day", "weekday"))
    dated = replace(SCHEMA, dates=(*parts, DatePart("day", "hour")), time=TimeFeature("2024-03-01", held_at_days=30))
    rows = input_matrix(FRAME.assign(day=pd.Series(["2024-03-02T18:00Z", None], dtype="str")), dated)
    assert rows[0, 4:].tolist() == [0.75, 3, 5, 18, 1.75]
    assert np.isnan(rows[1, 4:8]).all()
    assert input_matrix(FRAME, dated)[1, 4] == 91
    assert dated.columns == ["area", "garden", "zip", "plan", "day"]


def test_categories_unknown_to_a_categorical_are_not_numbers() -> None:
    zips = pd.Series(["98103", "12345", None], dtype="category")
    assert np.array_equal(category_codes(zips, ("98103",)), [0, np.nan, np.nan], equal_nan=True)
