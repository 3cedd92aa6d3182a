"""The pipeline_steps of the data: the first step that moved is the first one reported."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tasks.drift import Leeway, build_reference, measure_window, statistics_past_leeway
from tasks.drift.reference_comparison import statistic_count
from tasks.monitor import DriftMonitor
from tasks.monitor.pipeline_stages import WindowDrift, delivered_drift, pipeline_steps
from tasks.profiles import TableProfile, fit_ruler, profile
from tasks.records import DriftStatistic, MonitoringResult, Statistic, Window
from tasks.spec.spec_sections.feature_sections import Columns, Features, FeatureTable

FEATURES = Features(
    numbers=["area"],
    function="deployments.mine.features:add",
    made=Columns(numbers=["ratio"]),
    tables=[
        FeatureTable(
            name="agents", uri="agents", entity=["agent"], event_time="since", columns=Columns(numbers=["fee"])
        )
    ],
)
DAY = date(2026, 3, 2)


def moved(column: str, strain: float = 2.0, where: str = "") -> DriftStatistic:
    return DriftStatistic(column, Statistic.LEVEL, strain * 0.1, 0.1, where=where)


@pytest.mark.parametrize(
    ("drift", "first"),
    [
        (WindowDrift((moved("area"), moved("ratio", 9)), (moved("prediction"),), (), 90), "rows as delivered (area)"),
        (WindowDrift((moved("area"),), (), (), 90, delivered=(), rows_delivered=90), "rows accepted (area)"),
        (WindowDrift((moved("fee"), moved("ratio", 9)), (), (), 90), "feature table agents (fee)"),
        (WindowDrift((moved("ratio"),), (moved("prediction"),), (), 90), "features of the project's function (ratio)"),
        (WindowDrift((), (moved("prediction"),), (moved("label"),), 90), "the champion's answers (prediction)"),
        (WindowDrift((), (), (moved("label"),), 90), "labels (label)"),
        (WindowDrift((moved("area", where="area up to 12"),), (), (), 90), "rows as delivered (area up to 12)"),
    ],
)
def test_the_first_step_that_moved_is_named(drift: WindowDrift, first: str) -> None:
    assert MonitoringResult(steps=pipeline_steps(FEATURES, drift)).first_step == first


def test_where_nothing_moved_there_is_no_first_step() -> None:
    quiet = WindowDrift((moved("area", 0.9),), (), (), 90)
    assert MonitoringResult(steps=pipeline_steps(FEATURES, quiet)).first_step == ""


def test_what_the_contract_held_back_is_seen_in_the_rows_as_delivered_only() -> None:
    held_back = WindowDrift((), (), (), 90, delivered=(moved("area"), moved("ratio")), rows_delivered=100)
    steps = pipeline_steps(FEATURES, held_back)
    assert [(step.name, step.rows, step.moved) for step in steps[:2]] == [
        ("rows as delivered", 100, ("area",)),
        ("rows accepted", 90, ()),
    ]


@pytest.fixture(scope="module")
def monitor() -> DriftMonitor:
    rng = np.random.default_rng(0)
    days = [(f"2026-01-{n:02}", pd.DataFrame({"area": rng.normal(size=200)})) for n in range(1, 29)]
    ruler = fit_ruler(pd.concat([frame for _, frame in days]), numbers=["area"], categories=[], booleans=[])
    return DriftMonitor(
        build_reference([(when, profile(frame, ruler)) for when, frame in days]), Leeway(0.1, 4, 365), 1
    )


def test_rows_as_delivered_are_accepted_and_refused_rows_together(monitor: DriftMonitor) -> None:
    rng = np.random.default_rng(1)
    whole = pd.DataFrame({"area": np.concatenate([rng.normal(size=200), np.full(40, 900.0)])})
    ruler = monitor.reference.total.ruler
    accepted, refused = profile(whole[:200], ruler), profile(whole[200:], ruler)
    assert accepted + refused == profile(whole, ruler)
    found = delivered_drift(monitor, Window(DAY, DAY, 200), {DAY: accepted}, {DAY: refused})
    assert found is not None
    assert found[1] == 240
    assert found[0][0].column == "area"
    assert found[0][0].strain > 1


def test_where_nothing_was_quarantined_in_the_window_the_rows_are_those_accepted(monitor: DriftMonitor) -> None:
    rows = TableProfile.empty(monitor.reference.total.ruler)
    assert delivered_drift(monitor, Window(DAY, DAY, 200), {DAY: rows}, {}) is None
    assert delivered_drift(monitor, Window(DAY, DAY, 200), {DAY: rows}, {date(2026, 3, 1): rows}) is None


def test_rows_in_another_unit_are_looked_for_in_the_rows_as_delivered_too(monitor: DriftMonitor) -> None:
    rng = np.random.default_rng(2)
    made = {n: pd.DataFrame({"area": np.exp(2 + rng.normal(size=400) / 2)}) for n in range(60)}
    days = {n: date(2026, 1, 1) + timedelta(days=n) for n in made}
    for n in (58, 59):
        made[n].loc[::3, "area"] *= 1.609344
    ruler = fit_ruler(pd.concat([made[n] for n in range(28)]), numbers=["area"], categories=[], booleans=[])
    parts = {days[n]: profile(frame, ruler) for n, frame in made.items()}
    known = build_reference([(days[n].isoformat(), parts[days[n]]) for n in range(28)])
    judged = DriftMonitor(known, monitor.policy, 2)
    accepted = {day: rows for day, rows in parts.items() if days[28] <= day < days[58]}
    refused = {days[n]: parts[days[n]] for n in (58, 59)}
    found = delivered_drift(judged, Window(days[58], days[59], 800), accepted, refused)
    assert found is not None
    assert "area in some rows as if" in " ".join(one.subject for one in found[0])


def test_a_statistic_has_one_level_whether_a_delivery_or_a_night_is_judged(monitor: DriftMonitor) -> None:
    rows = profile(pd.DataFrame({"area": np.random.default_rng(3).normal(0.3, 1, 300)}), monitor.reference.total.ruler)
    assert monitor.alpha * (statistic_count(monitor.reference.layout) + 1) == pytest.approx(monitor.policy.alpha(1))
    measured = measure_window(monitor.reference, rows, DAY)
    of_a_night = monitor.inputs(monitor.begin(), DAY, rows)[1].moved
    at_the_level = statistics_past_leeway(monitor.reference, measured, monitor.policy.effect, monitor.alpha)
    assert tuple(one for one in of_a_night if one.strain > 1) == at_the_level
