"""Dates are profiled by their age, the days from the date to the row's event date, and as they are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tasks.errors import DataError
from tasks.profiles import Axis, NumberProfile, Ruler, digest, profile, to_bytes, with_dates
from tests.unit.profiles.streaming import profile_stream

DAY_US = 86_400_000_000.0
RULER = Ruler({}, dates={"built": Axis(20_000 * DAY_US, DAY_US)}, ages={"built": Axis(30.0, 10.0)})
SUNDAY, MONDAY = date(2026, 11, 22), date(2026, 11, 23)
EVENING = datetime(2026, 11, 20, 23, 59)  # noqa: DTZ001 - the contract has no zone
FRAME = pd.DataFrame(
    {
        "built": pd.Series([EVENING, datetime(2026, 11, 22), None, datetime(2026, 11, 25)]),  # noqa: DTZ001 - as above
        "event_date": [SUNDAY, SUNDAY, SUNDAY, MONDAY],
    }
)


def ages(frame: pd.DataFrame, ruler: Ruler = RULER) -> NumberProfile:
    found = profile(frame, ruler).columns["built"]
    assert isinstance(found, NumberProfile)
    return found


def test_an_age_is_in_whole_days_and_below_0_after_the_event_date() -> None:
    found = ages(FRAME)
    assert found.value_counts is not None
    assert found.value_counts.counts == {2.0: 1, 0.0: 1, -2.0: 1}
    assert (found.rows, found.nulls) == (4, 1)


def test_the_dates_themselves_are_kept_and_not_among_the_columns_that_are_compared() -> None:
    table = profile(FRAME, RULER)
    assert list(table.columns) == ["built"]
    assert table.dates["built"].minimum == EVENING.replace(tzinfo=UTC).timestamp() * 1e6
    assert table.dates["built"].distinct == 3


def test_rows_that_move_with_the_calendar_have_the_same_ages() -> None:
    later = FRAME.assign(
        built=FRAME["built"] + pd.Timedelta(days=400),
        event_date=[day + timedelta(days=400) for day in FRAME["event_date"]],
    )
    assert ages(later) == ages(FRAME)


def test_profiles_of_dates_add_up_whichever_way_rows_are_cut() -> None:
    rng = np.random.default_rng(0)
    day = np.datetime64("2026-01-05") + rng.integers(0, 90, 3_000)
    built = pd.Series((day - rng.integers(-3, 900, 3_000)).astype("datetime64[us]")).where(rng.random(3_000) > 0.1)
    frame = pd.DataFrame({"built": built, "event_date": pd.Series(day).astype("datetime64[us]").dt.date})
    ruler = with_dates(Ruler({}), frame, ["built"])
    whole, half = profile(frame, ruler), [profile(part, ruler) for part in (frame[1_234:], frame[:1_234])]
    assert to_bytes(half[0] + half[1]) == to_bytes(whole)
    assert profile_stream(pa.table(frame).to_batches(700), ruler) == whole


@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("us", "UTC"), pa.date32()])
def test_a_date_may_come_in_any_type(kind: pa.DataType) -> None:
    plain = FRAME.assign(built=pd.Series([date(2026, 11, 20), SUNDAY, None, date(2026, 11, 25)], dtype=object))
    built = pa.array(plain["built"], from_pandas=True).cast(pa.timestamp("us")).cast(kind, safe=False)
    batch = pa.record_batch({"built": built, "event_date": pa.array(plain["event_date"])})
    assert profile_stream([batch], RULER) == profile(plain, RULER)


def test_dates_that_a_projects_function_writes_as_text_are_read_as_the_model_reads_them() -> None:
    texts = pd.Series(["2026-11-20", "2026-11-22 10:00", None, "2026-11-25"], dtype="str")
    assert ages(FRAME.assign(built=texts)) == ages(FRAME)
    with pytest.raises(DataError, match="column 'built' holds text; dates or times were expected"):
        ages(FRAME.assign(built="soon"))


@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NaT])
def test_a_column_without_a_date_is_nulls(nothing: Any) -> None:
    assert ages(FRAME.assign(built=nothing)).nulls == 4


def test_a_date_needs_the_event_date_and_dates() -> None:
    with pytest.raises(DataError, match=r"the frame lacks \['event_date'\]"):
        profile(FRAME.drop(columns="event_date"), RULER)
    with pytest.raises(DataError, match=r"the frame lacks \['event_date'\]"):
        with_dates(Ruler({}), FRAME.drop(columns="event_date"), ["built"])
    with pytest.raises(DataError, match=r"column 'built' holds int64; dates or times were expected"):
        profile(FRAME.assign(built=20_000), RULER)


def test_a_ruler_without_dates_stays_what_it_was() -> None:
    plain = Ruler({"size": Axis()})
    assert with_dates(plain, FRAME, []) is plain
    assert plain.needed == ("size",)
    assert digest(with_dates(plain, FRAME, ["built"])) != digest(plain)
