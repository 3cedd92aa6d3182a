"""The frame that arrives is the one that was sent, to the bit; a function makes the same of it in either process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from tasks.user_code.frame_codec import decoded, encoded
from tasks.user_code.function_calls import UserFunction, features_made
from tasks.user_code.row_attempts import applied
from tasks.user_code.user_modules import module_of

BERLIN = ZoneInfo("Europe/Berlin")
FLOATS = st.floats(width=64) | st.sampled_from([-0.0, np.nan, np.inf, 2.0**53 + 1])
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(pd.Timestamp) | st.none()  # noqa: DTZ001 - zones are tried too
TEXTS = st.text(st.characters(codec="utf-8"), max_size=4) | st.none()
CELLS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=3) | st.binary(max_size=3)
    | st.dates() | st.times() | st.timedeltas() | st.decimals(allow_nan=False)
    | st.datetimes() | st.datetimes(timezones=st.sampled_from([UTC, BERLIN, timezone(timedelta(hours=-3))]))
    | st.sampled_from(
        [
            *(pd.NaT, pd.NA, np.float64(0.1), np.int8(3), np.datetime64("2026-01-02", "us"), np.True_),
            pd.Timestamp("2025-10-26 01:30", tz=UTC).tz_convert(BERLIN),
            *(pd.Timestamp("2026-01-02").as_unit("s"), pd.Timedelta("3ms")),
            *([1, "a", None], (date(2026, 1, 2),), {"k": [Decimal("1.50")]}),
        ]
    )
)  # fmt: skip


def column(cells: st.SearchStrategy[Any], make: Callable[[list[Any]], Any]) -> st.SearchStrategy[Any]:
    return st.lists(cells, min_size=4, max_size=4).map(make)


def of_type(dtype: Any) -> Callable[[list[Any]], Any]:
    return lambda cells: pd.array(cells, dtype=dtype)


def moments(unit: str, zone: Any = None) -> Callable[[list[Any]], Any]:
    def made(cells: list[Any]) -> Any:
        times = pd.Series(cells, dtype=f"datetime64[{unit}]")
        return (times if zone is None else times.dt.tz_localize("UTC").dt.tz_convert(zone)).array

    return made


COLUMNS = (
    column(FLOATS, lambda cells: np.array(cells, "f8"))
    | column(st.integers(-128, 127), lambda cells: np.array(cells, "i1"))
    | column(st.integers(0, 2**64 - 1), lambda cells: np.array(cells, "u8"))
    | column(st.booleans(), lambda cells: np.array(cells, "?"))
    | column(st.floats(width=16), lambda cells: np.array(cells, "f2"))
    | column(st.none() | st.booleans(), of_type("boolean"))
    | column(st.none() | st.integers(-(2**63), 2**63 - 1), of_type("Int64"))
    | column(st.none() | FLOATS, of_type("Float64"))
    | column(TEXTS, of_type("str"))
    | column(TEXTS, of_type("string[python]"))
    | column(TEXTS, of_type("string[pyarrow]"))
    | column(TEXTS, of_type("category"))
    | column(st.none() | st.integers(0, 9), of_type("int64[pyarrow]"))
    | column(st.none() | st.integers(0, 3), lambda cells: pd.Categorical(cells, [3, 1, 0, 2], ordered=True))
    | column(st.floats(0, 9), lambda cells: pd.cut(np.array(cells), [0, 2.5, 5]))
    | column(MOMENTS, lambda cells: pd.Series(cells, dtype="datetime64[us]").dt.to_period("Q-MAR").array)
    | column(MOMENTS, moments("us"))
    | column(MOMENTS, moments("ns"))
    | column(MOMENTS, moments("us", BERLIN))
    | column(MOMENTS, moments("s", UTC))
    | column(MOMENTS, moments("ms", timezone(timedelta(hours=5, minutes=45))))
    | column(st.dates() | st.none(), lambda cells: pd.Series(cells, dtype=object))
    | column(st.text(max_size=2) | st.none(), lambda cells: pd.Series(cells, dtype=object))
    | column(CELLS, lambda cells: pd.Series(cells, dtype=object))
)
INDEXES = st.sampled_from(
    [
        pd.RangeIndex(4),
        pd.RangeIndex(9, 1, -2, name="n"),
        pd.Index([7, 7, 9, 1]),
        pd.Index(["a", None, "b", "b"], name="key"),
        pd.MultiIndex.from_arrays([[1, 1, 2, 2], list("abcd")], names=["x", None]),
        pd.DatetimeIndex(["2026-01-01", "2027-01-01", "2028-01-01", pd.NaT]),
        pd.Index([1, "a", None, 2.0], dtype=object),
    ]
)


def framed(columns: list[Any], index: pd.Index) -> pd.DataFrame:
    series = [pd.Series(values, dtype=values.dtype).set_axis(index) for values in columns]
    return pd.DataFrame(dict(enumerate(series)), index=index)


FRAMES = st.builds(framed, st.lists(COLUMNS, max_size=5), INDEXES)


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Check values, types, missing values and labels; of numbers also the sign of zero."""
    assert_frame_equal(found, expected, check_exact=True, check_freq=False)
    for place in range(expected.shape[1]):
        one, other = found.iloc[:, place], expected.iloc[:, place]
        assert str(one.dtype) == str(other.dtype)
        if other.dtype == object:
            assert [(type(cell), repr(cell)) for cell in one] == [(type(cell), repr(cell)) for cell in other]
        elif other.dtype == np.float64:
            assert np.signbit(one[one == 0]).tolist() == np.signbit(other[other == 0]).tolist()


@settings(max_examples=60)
@given(FRAMES)
def test_the_frame_that_arrives_is_the_one_that_was_sent(frame: pd.DataFrame) -> None:
    for part in (frame, frame.iloc[:0], frame.iloc[[2, 0]]):
        assert_same(decoded(encoded(part)), part)


def test_cells_of_unknown_kinds_arrive_as_their_texts() -> None:
    frame = pd.DataFrame({"cell": pd.Series([Fraction(1, 2), {3}, object], dtype=object)})
    half, three, _ = decoded(encoded(frame))["cell"]
    assert (str(half), repr(half), repr(three), isinstance(three, tuple)) == ("1/2", "Fraction(1, 2)", "{3}", True)


FUNCTION = """
import pandas as pd

def add(frame):
    if "fails" in frame and (frame["fails"] == 1).any():
        raise ValueError("one")
    made = frame.iloc[:, ::-1].assign(
        twice=frame["number"] * 2, number=-frame["number"], label=frame["moment"].dt.tz_localize("Europe/Berlin"),
        kind=pd.cut(frame["number"], [-1e300, 0, 1e300]), day=frame["moment"].dt.date,
        mixed=["a", 1, None, 0.5][:len(frame)],
    )
    return made.drop(columns="moment").rename(columns={"number": "negative"})
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rides")
    (folder / "features.py").write_text(FUNCTION)
    return folder


@settings(max_examples=25)
@given(
    frame=FRAMES,
    numbers=st.lists(FLOATS, min_size=4, max_size=4),
    fails=st.lists(st.integers(0, 1), min_size=4, max_size=4),
)
def test_a_function_makes_the_same_in_its_own_process_as_in_this_one(
    frame: pd.DataFrame, numbers: list[float], fails: list[int], folder: Path
) -> None:
    moments = pd.DatetimeIndex(["2025-10-25 12:00", pd.NaT, "2026-03-28 12:00", "2026-01-01 00:00"]).as_unit("us")
    rows = frame.assign(number=numbers, fails=fails, moment=moments)
    here, failures = applied(module_of("features", folder).add, rows)
    there = features_made(UserFunction("features:add", folder), rows, pure=False)
    assert there.failures == failures
    assert (here is None) == (there.rows is None)
    if here is not None and there.rows is not None:
        assert_same(there.rows, here)
