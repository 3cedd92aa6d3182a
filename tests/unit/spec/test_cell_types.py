from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.spec.cells.cell_types import Read, booleans, categories, numbers
from tasks.spec.cells.kind_conversion import converted
from tasks.spec.cells.time_cells import time_texts, times
from tasks.spec.project_spec import ProjectSpec

LOS_ANGELES = "America/Los_Angeles"


def faulty(read: Read) -> dict[str, list[int]]:
    return {code: np.flatnonzero(rows).tolist() for code, rows in read.faults.items()}


def test_a_number_is_a_number_and_its_absence_is_missing() -> None:
    read = numbers(pd.Series([" 1.5 ", "-2", "1e3", "", "NA", "null", "NaN", "n/a", "None"]))
    assert read.column.iloc[:3].tolist() == [1.5, -2.0, 1000.0]
    assert read.column.iloc[3:].isna().all()
    assert (faulty(read), str(read.column.dtype)) == ({}, "float64")


def test_text_that_is_no_number_and_infinity_are_faults_and_missing() -> None:
    read = numbers(pd.Series(["12 m", "1,000", "0x1A", "1_000", "true", "inf", "-Infinity", "1e400", "7"]))
    assert faulty(read) == {"not_a_number": [0, 1, 2, 3, 4], "not_finite": [5, 6, 7]}
    assert read.column.iloc[:8].isna().all()


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["1", "", "2.5"]),
        pd.Series([1, None, 2.5], dtype=object),
        pd.Series([1.0, None, 2.5]),
        pd.Series([Decimal(1), None, Decimal("2.5")], dtype=object),
        pd.Series([1.0, None, 2.5], dtype="Float64"),
    ],
)
def test_a_number_is_the_same_from_csv_json_lines_and_parquet(column: pd.Series[Any]) -> None:
    read = numbers(column)
    assert [None if math.isnan(each) else each for each in read.column] == [1.0, None, 2.5]
    assert faulty(read) == {}


def test_a_boolean_is_not_a_number_whatever_python_says() -> None:
    assert faulty(numbers(pd.Series([True, 1], dtype=object))) == {"not_a_number": [0]}
    assert faulty(numbers(pd.Series([True, False]))) == {"not_a_number": [0, 1]}


def test_a_number_far_too_large_is_infinite_and_not_a_crash() -> None:
    assert faulty(numbers(pd.Series([10**400, 7], dtype=object))) == {"not_finite": [0]}


def test_truth_is_read_in_any_case_and_anything_else_is_a_fault() -> None:
    read = booleans(pd.Series(["TRUE", "yes", "Y", "1", "false", "No", "n", "0", "", "NA", "2", "maybe"]))
    assert read.column.iloc[:8].tolist() == [True] * 4 + [False] * 4
    assert read.column.iloc[8:].isna().all()
    assert (faulty(read), str(read.column.dtype)) == ({"not_a_boolean": [10, 11]}, "boolean")


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1.0, 0.0, None]),
        pd.Series([1, 0, None], dtype="Int64"),
        pd.Series([True, False, None], dtype="boolean"),
        pd.Series([True, False, None], dtype=object),
    ],
)
def test_truth_is_the_same_however_it_was_stored(column: pd.Series[Any]) -> None:
    assert booleans(column).column.tolist() == [True, False, pd.NA]


def test_a_category_is_its_text_and_na_may_be_one() -> None:
    assert categories(pd.Series([" a ", "NA", "", "01234"])).column.iloc[[0, 1, 3]].tolist() == ["a", "NA", "01234"]
    mixed = pd.Series(
        [98178, 98178.0, np.int64(98178), Decimal(98178), True, 2.5, date(2026, 1, 2), None], dtype=object
    )
    read = categories(mixed).column
    assert read.iloc[:7].tolist() == ["98178", "98178", "98178", "98178", "true", "2.5", "2026-01-02"]
    assert read.isna().tolist() == [False] * 7 + [True]


def test_a_category_that_is_not_finite_is_its_text_and_not_a_crash() -> None:
    assert categories(pd.Series([math.inf, Decimal("Infinity")], dtype=object)).column.tolist() == ["inf", "Infinity"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02", "2026-01-02T00:00:00"),
        ("2026-01-02 10:30", "2026-01-02T10:30:00"),
        ("2026-01-02T10:30:00.250001", "2026-01-02T10:30:00.250001"),
        ("20260102", "2026-01-02T00:00:00"),
        ("20260102T103000", "2026-01-02T10:30:00"),
        ("2026/01/02", "2026-01-02T00:00:00"),
        ("2 Jan 2026", "2026-01-02T00:00:00"),
        ("January 2, 2026", "2026-01-02T00:00:00"),
        ("2026-01-02T10:30:00Z", "2026-01-02T02:30:00"),
        ("2026-01-02T10:30:00+02:00", "2026-01-02T00:30:00"),
        ("2026-07-02 10:30:00-0700", "2026-07-02T10:30:00"),
        ("20260102T103000Z", "2026-01-02T02:30:00"),
    ],
)
def test_a_time_is_the_wall_clock_of_the_projects_zone(text: str, expected: str) -> None:
    read = times(pd.Series([text]), LOS_ANGELES)
    assert (faulty(read), str(read.column.dtype)) == ({}, "datetime64[us]")
    assert read.column[0].isoformat() == expected


@pytest.mark.parametrize(
    "text", ["03/04/2026", "2026-02-30", "soon", "1767312000", "2026", "2026-01", "10:30", "2026-01-02T25:00"]
)
def test_a_time_in_doubt_is_a_fault(text: str) -> None:
    read = times(pd.Series(["2026-01-02", text, ""]), LOS_ANGELES)
    assert faulty(read) == {"not_a_time": [1]}
    assert read.column.isna().tolist() == [False, True, True]


@pytest.mark.parametrize("text", ["now", "today", " Today "])
@pytest.mark.parametrize("time_format", [None, "%d.%m.%Y", "%d.%m.%Y %z", "epoch_s", "excel"])
def test_a_cell_that_asks_the_clock_is_a_fault_in_every_format(text: str, time_format: str | None) -> None:
    """Pandas reads these words as the present: the same cell would be another time in the next night."""
    read = times(pd.Series([text, ""]), LOS_ANGELES, time_format)
    assert faulty(read) == {"not_a_time": [0]}


def test_a_time_is_the_same_from_csv_and_from_parquet() -> None:
    naive = pd.Series([datetime(2026, 1, 2, 2, 30)]).astype("datetime64[ns]")  # noqa: DTZ001 - that is the point
    aware = pd.Series([datetime(2026, 1, 2, 10, 30, tzinfo=UTC)]).astype("datetime64[ms, UTC]")
    objects = pd.Series([datetime(2026, 1, 2, 10, 30, tzinfo=UTC)], dtype=object)
    texts = pd.Series(["2026-01-02T10:30Z"])
    assert {str(times(column, LOS_ANGELES).column[0]) for column in (naive, aware, objects, texts)} == {
        "2026-01-02 02:30:00"
    }
    assert (
        times(pd.Series([date(2026, 1, 2)], dtype=object), LOS_ANGELES).column[0].isoformat() == "2026-01-02T00:00:00"
    )


def test_a_midnight_is_written_as_a_date() -> None:
    column = times(pd.Series(["2026-01-02", "2026-01-02 00:00:01", ""]), "UTC").column
    assert time_texts(column).iloc[:2].tolist() == ["2026-01-02", "2026-01-02T00:00:01"]
    assert time_texts(column).isna().tolist() == [False, False, True]


@pytest.mark.parametrize("column", [pd.Series([98103, 7]), pd.Series([98103, 7], dtype="Int64")])
def test_whole_numbers_are_their_digits(column: pd.Series[Any]) -> None:
    assert categories(column).column.tolist() == ["98103", "7"]
    gap = pd.Series([98103, None], dtype="Int64")
    assert categories(gap).column.isna().tolist() == [False, True]


def test_what_is_bad_has_any_fault_and_the_clean_has_none() -> None:
    read = numbers(pd.Series(["1", "two", "inf", ""]))
    assert read.bad.tolist() == [False, True, True, False]
    assert not read.clean
    assert numbers(pd.Series(["1", ""])).clean
    assert numbers(pd.Series(["١٢"])).bad.all()


@pytest.mark.parametrize(
    ("decimal", "thousands", "exact", "rounded"),
    [
        (",", None, ["1,5", "0,10", "-7"], ["1,50000000000000000001", "9007199254740993"]),
        (",", ".", ["1.234,5", "1.234"], ["9.007.199.254.740.993", "1.234,50000000000000000001"]),
        (".", ",", ["1,234.5"], ["9,007,199,254,740,993"]),
    ],
)
def test_a_text_with_more_digits_than_its_number_is_found_in_every_way_of_writing(
    decimal: str, thousands: str | None, exact: list[str], rounded: list[str]
) -> None:
    scope = {"owner": "ann", "objective": "x", "metric": "mean_absolute_error"}
    source = {"uri": "rows", "id": ["id"], "event_time": "day", "label": {"column": "y"}, "thousands": thousands}
    spec = ProjectSpec.model_validate(
        {"project": "shop", "scope": scope, "source": source | {"decimal": decimal}, "features": {"numbers": ["area"]}}
    )
    read = converted(pd.Series([*exact, *rounded], dtype="str"), "numbers", spec)
    assert faulty(read) == {"not_exact": [len(exact) + place for place in range(len(rounded))]}
    assert read.column.iloc[: len(exact)].notna().all()
