from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from tasks.spec.infer.cells import read_booleans, read_categories, read_moments, read_numbers


@pytest.mark.parametrize(
    ("cells", "numbers", "bad"),
    [
        (["1", " 2.5 ", "-3e2", ".5"], [1, 2.5, -300, 0.5], 0),
        (["1", "", "NA", None, "null"], [1, None, None, None, None], 0),
        (["1,234", "1_000", "0x1f", "inf", "5 EUR", "1e999"], [None] * 6, 6),
        ([True, False], [1, 0], 0),
        ([Decimal("1.5"), None], [1.5, None], 0),
        ([1, float("inf")], [1, None], 1),
        ([dt.date(2026, 1, 1)], [None], 1),
        (["١٢"], [None], 1),
    ],
)
def test_numbers(cells: list[Any], numbers: list[float | None], bad: int) -> None:
    read = read_numbers(pd.Series(cells))
    assert [None if pd.isna(value) else value for value in read.typed] == numbers
    assert int(read.bad.sum()) == bad
    assert read.typed.dtype == "float64"


def test_booleans_of_every_spelling() -> None:
    read = read_booleans(pd.Series(["Y", "n", "TRUE", "False", "1", "0", "1.0", "0.0", " yes ", "no", "", "2"]))
    known = [True, False, True, False, True, False, True, False, True, False]
    assert read.typed[:10].tolist() == known
    assert read.typed[10:].isna().all()
    assert read.bad.tolist() == [False] * 11 + [True]


def test_typed_booleans_with_gaps() -> None:
    read = read_booleans(pd.Series([True, None, False], dtype="object"))
    assert read.clean
    assert read.typed.isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    "text", ["2026-11-20", "2026-11-20 00:00", "2026-11-20T00:00:00Z", "20261120", "20261120T000000"]
)
def test_moments_of_iso_8601(text: str) -> None:
    read = read_moments(pd.Series([text, ""]))
    assert read.clean
    assert read.typed[0] == pd.Timestamp("2026-11-20", tz="UTC")


@pytest.mark.parametrize("text", ["20/11/2026", "11-20-2026", "Nov 20, 2026", "2026-13-01", "2026-02-30", "1700000000"])
def test_moments_that_are_not_iso_8601_are_bad(text: str) -> None:
    assert read_moments(pd.Series([text])).bad.tolist() == [True]


def test_typed_moments_and_numbers_as_moments() -> None:
    stamps = pd.Series([pd.Timestamp("2026-11-20"), pd.NaT])
    assert read_moments(stamps).typed[0] == pd.Timestamp("2026-11-20", tz="UTC")
    assert read_moments(stamps).clean
    assert read_moments(pd.Series([dt.date(2026, 11, 20)])).typed[0] == pd.Timestamp("2026-11-20", tz="UTC")
    assert read_moments(pd.Series([1700000000, 5])).bad.all()


def test_categories_keep_their_digits_and_only_an_empty_cell_is_missing() -> None:
    assert read_categories(pd.Series([98103, 7])).typed.tolist() == ["98103", "7"]
    assert read_categories(pd.Series([98103.0, None, 1.5, 1e20])).typed[[0, 2, 3]].tolist() == [
        "98103",
        "1.5",
        "1" + "0" * 20,
    ]
    assert read_categories(pd.Series([True, False])).typed.tolist() == ["true", "false"]
    texts = read_categories(pd.Series(["NA", " none ", "", None])).typed
    assert texts[:2].tolist() == ["NA", "none"]
    assert texts[2:].isna().all()
