"""Times are profiled as instants, weekdays and hours; texts as lengths and how many differ."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tasks.errors import DataError
from tasks.profiles import Axis, CategoryProfile, NumberProfile, Ruler, fit_ruler, profile, profile_stream

DAY_US = 86_400_000_000.0
RULER = Ruler({}, times={"sold": Axis(20_000 * DAY_US, DAY_US)}, texts={"note": Axis(3.0, 2.0)})
FRIDAY_NOON, MONDAY = datetime(2026, 11, 20, 12, 30), datetime(2026, 11, 23)  # noqa: DTZ001 - the contract has no zone
FRAME = pd.DataFrame({"sold": [FRIDAY_NOON, MONDAY, None, MONDAY], "note": ["zażółć", "", None, "ok"]})


def test_weekdays_and_hours_are_counted() -> None:
    columns = profile(FRAME, RULER).columns
    assert columns["sold.weekday"] == CategoryProfile(4, 1, {"Fri": 1, "Mon": 2})
    assert columns["sold.hour"] == CategoryProfile(4, 1, {"12": 1, "00": 2})


def test_the_first_and_the_last_instant_are_exact() -> None:
    instants = profile(FRAME, RULER).times["sold"]
    assert instants.minimum == FRIDAY_NOON.replace(tzinfo=UTC).timestamp() * 1e6
    assert instants.maximum == MONDAY.replace(tzinfo=UTC).timestamp() * 1e6
    assert (instants.present, instants.distinct) == (3, 2)


def test_instants_are_not_among_the_columns_that_are_compared() -> None:
    assert list(profile(FRAME, RULER).columns) == ["sold.weekday", "sold.hour", "note.length"]


def test_days_before_1970_have_weekdays_too() -> None:
    frame = FRAME.assign(sold=datetime(1969, 12, 31, 23))  # noqa: DTZ001 - the contract has no zone
    columns = profile(frame, RULER).columns
    assert columns["sold.weekday"] == CategoryProfile(4, 0, {"Wed": 4})
    assert columns["sold.hour"] == CategoryProfile(4, 0, {"23": 4})


@pytest.mark.parametrize(
    "kind", [pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("us", "Europe/Warsaw"), pa.date32()]
)
def test_a_time_may_come_in_any_type(kind: pa.DataType) -> None:
    sold = pa.array([date(2026, 11, 20), date(2026, 11, 23), None]).cast(pa.timestamp("us")).cast(kind, safe=False)
    ruler = Ruler({}, times=RULER.times)
    plain = profile(pd.DataFrame({"sold": [date(2026, 11, 20), date(2026, 11, 23), None]}), ruler)
    assert profile_stream([pa.record_batch({"sold": sold})], ruler) == plain


def test_lengths_are_in_characters_and_empty_texts_are_counted() -> None:
    lengths = profile(FRAME, RULER).columns["note.length"]
    assert isinstance(lengths, NumberProfile)
    assert (lengths.minimum, lengths.maximum, lengths.nulls) == (0.0, 6.0, 1)
    assert lengths.share_of(0.0) == 0.25


def test_different_texts_are_counted_and_none_is_kept() -> None:
    frame = pd.DataFrame({"sold": MONDAY, "note": [f"note {i}" for i in range(2_000)] * 2})
    table = profile(frame, RULER)
    assert table.distinct("note") == pytest.approx(2_000, rel=0.14)
    assert (table + table).distinct("note") == table.distinct("note")


@pytest.mark.parametrize("dtype", [pd.StringDtype(), np.dtype("O"), pd.CategoricalDtype(), pd.StringDtype("pyarrow")])
def test_texts_may_be_held_in_any_way(dtype: Any) -> None:
    held = FRAME.assign(note=FRAME["note"].astype(dtype))
    assert profile(held, RULER) == profile(FRAME, RULER) == profile_stream(pa.table(FRAME).to_batches(), RULER)


def test_every_kind_of_column_says_how_many_values_it_has() -> None:
    frame = FRAME.assign(plan=["a", "b", "a", "a"], x=[1.0, 2.0, 3.0, math.nan])
    ruler = fit_ruler(frame, numbers=["x"], categories=["plan"], booleans=[], times=["sold"], texts=["note"])
    table = profile(frame, ruler)
    found = [round(table.distinct(name)) for name in ("x", "plan", "sold", "note")]
    assert found == [3, 2, 2, 3]


def test_the_wrong_kind_is_refused_with_its_name() -> None:
    with pytest.raises(DataError, match=r"column 'sold' holds .*; dates or times were expected"):
        profile(FRAME.assign(sold=["yesterday", "x", "y", "z"]), RULER)
    with pytest.raises(DataError, match=r"column 'note' holds .*; text was expected"):
        profile(FRAME.assign(note=[1, 2, 3, 4]), RULER)
    with pytest.raises(DataError, match="column 'note' holds object of mixed kinds; text was expected"):
        profile(FRAME.assign(note=pd.Series(["a", 2, 3.0, None], dtype="object")), RULER)


def test_a_column_whose_name_a_profile_needs_is_refused() -> None:
    frame = FRAME.assign(**{"sold.hour": [1.0, 2.0, 3.0, 4.0]})
    with pytest.raises(DataError, match=r"\['sold.hour'\] bear names that profiles of times and texts need"):
        fit_ruler(frame, numbers=["sold.hour"], categories=[], booleans=[], times=["sold"])
