"""Dates are watched by their age: the calendar is no drift, and a source of dates that breaks is recognised."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.drift import Leeway, Reference, Suspicion, build_reference, find_suspicions
from tasks.profiles import Ruler, fit_ruler, profile, with_dates
from tasks.records import DriftStatistic
from tests.unit.drift.comparing import compare

POLICY = Leeway(effect=0.1, false_alarms_per_year=4, nights_per_year=365)
START, NIGHTS, ROWS = date(2026, 1, 5), 28, 400


def night(number: int, days: int = 1) -> pd.DataFrame:
    """Rows of some days: placed on the day itself, ordered 1 to 9 days before, on houses of up to 40 years."""
    rng = np.random.default_rng(number)
    event = np.datetime64(START) + number + np.arange(ROWS) % days
    return pd.DataFrame(
        {
            "placed": event.astype("datetime64[us]"),
            "ordered": (event - rng.integers(1, 10, ROWS)).astype("datetime64[us]"),
            "built": (event - rng.integers(0, 40 * 365, ROWS)).astype("datetime64[us]"),
            "size": rng.normal(size=ROWS),
            "event_date": pd.Series(event.astype("datetime64[us]")).dt.date,
        }
    )


@pytest.fixture(scope="module")
def reference() -> Reference:
    frames = [night(number) for number in range(NIGHTS)]
    known = pd.concat(frames)
    ruler = fit_ruler(known, numbers=["size"], categories=[], booleans=[])
    ruler = with_dates(ruler, known, ["placed", "ordered", "built"])
    days = [(START + timedelta(days=number)).isoformat() for number in range(NIGHTS)]
    return build_reference([(day, profile(frame, ruler)) for day, frame in zip(days, frames, strict=True)])


def seen(reference: Reference, frame: pd.DataFrame) -> tuple[list[DriftStatistic], tuple[Suspicion, ...]]:
    summary = profile(frame, reference.total.ruler)
    moved = compare(reference, summary, POLICY).moved
    return [one for one in moved if one.strain > 1], find_suspicions(reference, summary, moved, POLICY.effect)


@pytest.mark.parametrize("days_later", [1, 30, 365, 1_000])
def test_the_calendar_is_no_drift(reference: Reference, days_later: int) -> None:
    assert seen(reference, night(NIGHTS + days_later)) == ([], ())


def test_a_date_has_the_statistics_of_a_number_under_its_own_name(reference: Reference) -> None:
    moved = compare(reference, profile(night(40), reference.total.ruler), POLICY).moved
    assert {one.statistic for one in moved if one.column == "ordered"} == {"level", "nulls", "shape", "outside"}


def test_dates_that_grow_older_have_drifted_and_are_not_broken(reference: Reference) -> None:
    frame = night(40)
    late = np.random.default_rng(1).random(ROWS) < 0.5
    frame["ordered"] = frame["ordered"].where(
        ~late, frame["event_date"].astype("datetime64[us]") - pd.Timedelta(days=9)
    )
    alarms, broken = seen(reference, frame)
    assert {one.column for one in alarms} == {"ordered"}
    assert next(one.direction for one in alarms if one.statistic == "level") == 1
    assert broken == ()


def nulls(frame: pd.DataFrame) -> None:
    frame.loc[::3, "built"] = pd.NaT


def empty(frame: pd.DataFrame) -> None:
    frame["built"] = pd.NaT


def stuck(frame: pd.DataFrame) -> None:
    frame["built"] = pd.Timestamp("1970-01-01")


def near(frame: pd.DataFrame) -> None:
    frame["ordered"] = pd.Timestamp(START + timedelta(days=38))


def default_value(frame: pd.DataFrame) -> None:
    frame.loc[::4, "built"] = pd.Timestamp("1970-01-01")


def far(frame: pd.DataFrame) -> None:
    frame.loc[::5, "ordered"] += pd.to_timedelta(365 * (1 + np.arange(80) % 70), unit="D")


BROKEN = [
    (nulls, 1, "null_burst", "built", "33.5% of the rows have no value, 0.0% before"),
    (empty, 1, "empty_column", "built", "not one row has a value"),
    (stuck, 1, "stuck", "built", "every row has the date 1970-01-01, 0.0% before"),
    (stuck, 3, "stuck", "built", "every row has the date 1970-01-01, 0.0% before"),
    (near, 3, "stuck", "ordered", "every row has the date 2026-02-12, 0.0% before"),
    (default_value, 1, "stuck", "built", "25% of the rows have the date 1970-01-01, 0.0% before"),
    (default_value, 3, "stuck", "built", "25% of the rows have the date 1970-01-01, 0.0% before"),
    (far, 1, "unclear", "ordered", "20.0% of the rows lie outside 1 to 9 days before the event date"),
]


@pytest.mark.parametrize(("change", "days", "kind", "column", "evidence"), BROKEN)
def test_a_broken_source_of_dates_is_recognised_and_its_column_named(
    reference: Reference, change: Callable[[pd.DataFrame], None], days: int, kind: str, column: str, evidence: str
) -> None:
    frame = night(40, days)
    change(frame)
    _, broken = seen(reference, frame)
    assert [(one.kind, one.columns, one.evidence) for one in broken] == [(kind, (column,), evidence)]


def test_a_slice_of_dates_is_named_in_days() -> None:
    from tasks.drift.measures.row_share_slices import slice_name
    from tasks.drift.measures.score_layout import score_layout

    frame = pd.concat([night(number) for number in range(4)])
    total = profile(frame, with_dates(Ruler({}), frame, ["ordered"]))
    assert slice_name(score_layout(total), total, 0, 0) == "ordered, 1 days before the event date"
