"""What is read quickly is read as it is read slowly, value for value."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.spec.cells import cell_types as cells
from tasks.spec.cells import time_cells
from tasks.spec.cells.cell_types import Read
from tasks.validate.typing.text_columns import by_value, moments, numbers

ODD = ["", " ", "NA", "nan", "-nan", "NaN(1)", "inf", "-Infinity", "1e400", "1e-400", "0x1A", "1_000", "1,5", "1.234,5"]
ODD += ["+1", "+.5", "5.", ".5e-3", "1e", "--1", "-0", "00012", " 7 ", "7\n", "1d5", "٣", "1.5.2", "9007199254740993"]
TEXTS = st.one_of(st.none(), st.sampled_from(ODD), st.floats(allow_nan=False).map(repr), st.text(max_size=5))


def assert_same(mine: Read, theirs: Read) -> None:
    pd.testing.assert_series_equal(mine.column, theirs.column, check_exact=False, rtol=1e-15)
    assert {code: rows.tolist() for code, rows in mine.faults.items()} == {
        code: rows.tolist() for code, rows in theirs.faults.items()
    }


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=12), st.sampled_from([".", ","]))
def test_numbers_in_text_are_what_the_spec_says_they_are(texts: list[str | None], decimal: Literal[".", ","]) -> None:
    column = pd.Series(texts, dtype="str", index=range(5, 5 + len(texts)))
    assert_same(numbers(column, decimal), cells.numbers(column, decimal))


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=12))
def test_a_number_is_read_by_itself_whatever_is_around_it(texts: list[str | None]) -> None:
    together = numbers(pd.Series(texts, dtype="str")).column
    alone = [numbers(pd.Series([text], dtype="str")).column.iloc[0] for text in texts]
    np.testing.assert_array_equal(together, alone)


MOMENTS = ["2026-01-02T08:30:00", "2026-01-02 08:30:01", "1700-02-28T23:59:59", "0001-01-01T00:00:00", "", None]
ODD_MOMENTS = ["0000-01-02T08:30:00", "2026-02-29T08:30:00", "2026-01-02T23:59:60", "2026-01-02T08+01:00", "2026-01-02"]
ODD_MOMENTS += ["2026-01-02T24:00:00", " 2026-01-02T8:30:00", "2026/01/02 08:30:00", "NA", "2026-01-02T08:30Z", "now"]
ODD_MOMENTS += ["2026-10-25T02:10:00+01:00", "9999-12-31T23:59:59", "2026-01-02t08:30:00", "2026-01-02T08:30:00.5"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(MOMENTS), max_size=6),
    st.lists(st.sampled_from(ODD_MOMENTS), max_size=1),
    st.sampled_from(["UTC", "Europe/Berlin"]),
)
def test_times_to_the_second_are_what_the_spec_says_they_are(
    plain: list[str | None], odd: list[str], time_zone: str
) -> None:
    column = pd.Series([*plain, *odd], dtype="str", index=range(5, 5 + len(plain) + len(odd)))
    read = partial(time_cells.times, time_zone=time_zone)
    mine, theirs = moments(column, read), read(column)
    pd.testing.assert_series_equal(mine.column, theirs.column)
    np.testing.assert_array_equal(mine.second, theirs.second)
    assert_same(mine, theirs)


def test_times_of_one_form_are_read_without_the_slow_reader() -> None:
    def refused(_: pd.Series) -> Read:
        raise AssertionError("asked")

    assert moments(pd.Series(MOMENTS, dtype="str"), refused).column.dt.year.tolist()[:4] == [2026, 2026, 1700, 1]
    with pytest.raises(AssertionError, match="asked"):
        moments(pd.Series([*MOMENTS, "2026-02-29T08:30:00"], dtype="str"), refused)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 2, None], dtype="Int64"),
        pd.Series([True, None], dtype="object"),
        pd.Series(["1", 2.5, None, [3]], dtype="object"),
        pd.Series([], dtype="str"),
    ],
    ids=["whole", "booleans", "mixed", "none"],
)
def test_what_is_no_column_of_text_is_read_as_ever(column: pd.Series) -> None:
    assert_same(numbers(column), cells.numbers(column))
    assert_same(by_value(cells.categories, column), cells.categories(column))


READERS: dict[str, Callable[[pd.Series], Read]] = {
    "booleans": cells.booleans,
    "categories": cells.categories,
    "times": partial(time_cells.times, time_zone="Europe/Berlin"),
}
VALUES = ["", " NA ", "yes", "N", "2026-01-02", "2026-01-02T08:30:00Z", "03/04/2026", "2 Jan 2026", "b", None]


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(VALUES), min_size=1, max_size=40), st.sampled_from([1, 40]))
def test_a_text_that_repeats_is_read_once_and_as_ever(name: str, texts: list[Any], times: int) -> None:
    column = pd.Series(texts * times, dtype="str")
    assert_same(by_value(READERS[name], column), READERS[name](column))


def test_a_value_that_repeats_is_looked_at_once() -> None:
    seen: list[int] = []

    def counted(column: pd.Series) -> Read:
        seen.append(len(column))
        return cells.categories(column)

    by_value(counted, pd.Series(["a", "b"] * 5_000, dtype="str"))
    by_value(counted, pd.Series(map(str, range(5_000)), dtype="str"))
    assert seen == [3, 5_000]  # two values and the missing one; and a column of which nearly every value is another
