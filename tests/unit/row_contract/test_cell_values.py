"""A row that is served has the values that the nightly batch would give it; what the batch refuses is refused."""

from __future__ import annotations

import string
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.row_contract.cell_values import CellFaultError, boolean, category, number, time_reader
from tasks.spec.cells import cell_types
from tasks.spec.cells.cell_types import Read
from tasks.spec.cells.time_cells import times

ZONES = ("UTC", "America/Los_Angeles", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe")
TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)
NUMBER_TEXTS = st.text("0123456789+-.,eE _'xnaifNAIF\xa0\t", max_size=12)
WORDS = st.sampled_from(
    ["", " ", "NA", "n/a", "NaN", "-nan", "null", "None", "true", "YES", "y", "no", "0", "1.0", "-0.0", "inf", "+INF",
     "Infinity", "1e400", "1e-400", "0x10", "1_000", "\u0661", "5.", ".5", "98178.0"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)
)
NESTED = st.sampled_from([[], [1], {"a": 1}])
OFFSETS = st.sampled_from(["", "Z", "+02:00", "-0330", "+14:00", "-11:59", "+01:60", "+24:00"])
TIME_TEXTS = st.builds(
    lambda moment, cut, offset: moment.isoformat()[:cut] + offset,
    st.datetimes(datetime(1650, 1, 1), datetime(2250, 1, 1)),  # noqa: DTZ001 - wall-clock times
    st.sampled_from([7, 10, 13, 16, 19, 23, 26]),
    OFFSETS,
)  # fmt: skip


CHANGES = st.builds(  # around the hours in which clocks change
    lambda day, minutes, offset: f"{day}T{minutes // 60:02d}:{minutes % 60:02d}{offset}",
    st.sampled_from(["2025-03-09", "2025-03-30", "2025-04-05", "2025-10-05", "2025-10-26", "2025-11-02"]),
    st.integers(0, 24 * 60 - 1),
    OFFSETS,
)


def hold(values: list[Any], read: Callable[[Any], Any], batch: Callable[[pd.Series], Read]) -> None:
    """Assert both laws for each value."""
    column = batch(pd.Series(values, dtype=object))
    seconds = np.zeros(len(values)) if column.second is None else column.second
    for value, theirs, refused, second in zip(values, column.column.tolist(), column.bad, seconds, strict=True):
        try:
            ours = read(value)
        except CellFaultError as fault:
            assert fault.code  # noqa: PT017 - every value is tried, whether it is refused or not
            continue
        assert not refused, value
        if ours is None:
            assert pd.isna(theirs), value
        elif isinstance(ours, datetime):
            assert (ours.replace(fold=0), ours.fold) == (theirs.to_pydatetime(), second), value
        else:
            assert repr(ours) == repr(theirs), value


@given(values=st.lists(st.one_of(SCALARS, WORDS, NUMBER_TEXTS, NESTED), min_size=30, max_size=60))
@settings(max_examples=20, deadline=None)
@pytest.mark.parametrize("decimal", [".", ","])
def test_numbers_are_those_of_the_batch(decimal: Any, values: list[Any]) -> None:
    hold(values, partial(number, decimal=decimal), partial(cell_types.numbers, decimal=decimal))


@given(values=st.lists(st.one_of(SCALARS, WORDS, TEXTS, NESTED), min_size=30, max_size=60))
@settings(max_examples=20, deadline=None)
def test_booleans_and_categories_are_those_of_the_batch(values: list[Any]) -> None:
    hold(values, boolean, cell_types.booleans)
    hold(values, category, cell_types.categories)


@given(zone=st.sampled_from(ZONES), values=st.lists(st.one_of(WORDS, TIME_TEXTS, CHANGES), min_size=30, max_size=60))
@settings(max_examples=40, deadline=None)
def test_times_are_those_of_the_batch(zone: str, values: list[Any]) -> None:
    hold(values, time_reader(zone), partial(times, time_zone=zone))


@pytest.mark.parametrize(
    ("read", "value", "code"),
    [
        (number, True, "not_a_number"),
        (number, "12 rooms", "not_a_number"),
        (number, [1], "not_a_number"),
        (number, 2**53 + 1, "not_exact"),
        (number, 10**30, "not_exact"),
        (number, "Infinity", "not_finite"),
        (number, float("inf"), "not_finite"),
        (number, float("nan"), "not_finite"),
        (number, "1e999", "not_finite"),
        (number, "\u0661", "not_a_number"),
        (boolean, "maybe", "not_a_boolean"),
        (boolean, 2, "not_a_boolean"),
        (boolean, {}, "not_a_boolean"),
        (category, ["a"], "not_a_category"),
        (category, {"a": 1}, "not_a_category"),
        (category, "x" * 1001, "too_long"),
        (category, "half \ud800", "not_a_text"),
        (category, "nul \0", "not_a_text"),
        (time_reader("UTC"), 20260102, "not_a_time"),
        (time_reader("UTC"), "03/04/2026", "not_a_time"),
        (time_reader("UTC"), "2026-02-30", "not_a_time"),
        (time_reader("UTC"), "2026-01-02T24:00", "not_a_time"),
        (time_reader("UTC"), "2026-01-02T10:00:00+15:00", "not_a_time"),
        (time_reader("UTC"), "9999-01-01", "not_a_time"),
        (time_reader("UTC"), "2026-01-02T10:00:00.1234567", "not_a_time"),
    ],
)
def test_what_cannot_be_read_has_a_code(read: Callable[[Any], Any], value: Any, code: str) -> None:
    with pytest.raises(CellFaultError) as refused:
        read(value)
    assert refused.value.code == code


def test_every_printable_character_is_stripped_from_a_category_as_the_batch_does() -> None:
    odd = [
        f"{mark}a{mark}"
        for mark in [*string.whitespace, "\x1c", "\x85", "\xa0", "\u2003", "\u200b", "\u3000", "\ufeff"]
    ]
    hold(odd, category, cell_types.categories)
