"""A delivery that is broken is quarantined, unless a person has called what it shows drift."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.drift import Leeway, RepeatedRows, build_reference
from tasks.monitor import DriftMonitor
from tasks.monitor.data_quality_checks import doubtful, looks_broken
from tasks.monitor.suspicion_watch import DailyRows
from tasks.profiles import fit_ruler, profile
from tasks.records import SuspicionState, Window

FIRST, LEARNED, NIGHTS, ROWS = date(2026, 1, 5), 28, 21, 200
MILE = 1.609344


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def rows(number: int, factor: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng([5, number])
    return pd.DataFrame({"dist": np.exp(2 + 0.5 * rng.normal(size=ROWS)) * factor, "age": rng.normal(size=ROWS)})


@pytest.fixture(scope="module")
def monitor() -> DriftMonitor:
    frames = [rows(number) for number in range(LEARNED)]
    ruler = fit_ruler(pd.concat(frames), numbers=["dist", "age"], categories=[], booleans=[])
    periods = [(day(number).isoformat(), profile(frame, ruler)) for number, frame in enumerate(frames)]
    return DriftMonitor(build_reference(periods), Leeway(effect=0.1, false_alarms_per_year=4, nights_per_year=365))


def earlier(monitor: DriftMonitor, *states: SuspicionState) -> DailyRows:
    """Return three weeks of rows as before, all of them accepted."""
    days = range(LEARNED, LEARNED + NIGHTS)
    return DailyRows({day(n): profile(rows(n), monitor.reference.total.ruler) for n in days}, {}, states)


def kinds(monitor: DriftMonitor, known: DailyRows, number: int) -> list[str]:
    summary = profile(rows(number, MILE), monitor.reference.total.ruler)
    return [one.kind for one in looks_broken(monitor, day(number), summary, RepeatedRows(0.0, summary.rows), known)]


@pytest.mark.parametrize(
    ("kind", "answer", "found"),
    [
        ("unit_change", None, ["unit_change"]),
        ("unit_change", "fault", ["unit_change"]),
        ("unit_change", "drift", []),
        ("stuck", "drift", ["unit_change"]),  # another fault of the same column
    ],
)
def test_what_a_person_called_drift_is_not_quarantined_again(
    monitor: DriftMonitor, kind: str, answer: str | None, found: list[str]
) -> None:
    last = LEARNED + NIGHTS
    state = SuspicionState(kind, ("dist",), day(last - 1), day(last - 1), answer=answer, answered=day(last - 1))  # type: ignore[arg-type]  # one of the answers
    assert kinds(monitor, earlier(monitor, state), last) == found


@pytest.mark.parametrize(
    ("shares", "found"),
    [
        ([(0.05, 60)], []),  # 5 % are 3 of 60 rows, which may be one event
        ([(0.05, 400)], ["duplicated_rows"]),  # or 20 of 400; the newest day has 200 rows either way
        ([(0.06, 50), (0.05, 400)], ["duplicated_rows"]),  # a larger share in a small file hides it not
        ([(0.06, 50), (0.0, 400)], []),
    ],
)
def test_repeated_rows_are_counted_in_their_own_delivery(
    monitor: DriftMonitor, shares: list[tuple[float, int]], found: list[str]
) -> None:
    last = LEARNED + NIGHTS - 1
    newest = Window(day(last), day(last), ROWS)
    seen = doubtful(monitor, newest, [RepeatedRows(*each) for each in shares], earlier(monitor))
    assert [one.kind for one in seen] == found


def test_repeated_rows_of_one_delivery_hide_no_fault_of_the_columns_in_another(monitor: DriftMonitor) -> None:
    last = LEARNED + NIGHTS - 1
    broken = rows(last)
    broken.loc[::4, "age"] = 7.5
    known = earlier(monitor)
    accepted = {**known.accepted, day(last): profile(broken, monitor.reference.total.ruler)}
    newest, night = Window(day(last), day(last), ROWS), DailyRows(accepted)
    copies, clean = RepeatedRows(0.05, 400), RepeatedRows(0.0, 400)
    both = doubtful(monitor, newest, [copies, clean], night)
    assert [one.kind for one in both] == ["duplicated_rows", "stuck"]
    assert [one.kind for one in doubtful(monitor, newest, [copies], night)] == ["duplicated_rows"]
