"""Labels of days that resemble each other: whole weeks are a little too high or too low, and nothing is wrong."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.drift import Leeway, build_reference
from tasks.monitor import DriftMonitor, PredictionReference, answers
from tasks.profiles import fit_ruler, profile
from tasks.records import Statistic

START, KNOWN, NIGHTS, ROWS, WEEK = date(2026, 1, 5), 112, 119, 100, 7
LIVES, FEW, CORRELATION, DEVIATION = 24, 4, 0.8, 0.3  # of the effects of days, in standard deviations of a residual
LEEWAY = Leeway(effect=0.1, false_alarms_per_year=4, nights_per_year=365)


def day(number: int) -> date:
    return START + timedelta(days=number)


def effects(draws: np.random.Generator, count: int) -> FloatArray:
    """Return the effects of days: a first-order autoregression."""
    steps = draws.normal(0, DEVIATION * np.sqrt(1 - CORRELATION**2), count)
    found = [float(draws.normal(0, DEVIATION))]
    for step in steps[1:]:
        found.append(CORRELATION * found[-1] + float(step))
    return np.array(found)


def life(seed: int) -> tuple[PredictionReference, pd.DataFrame]:
    """Return what the known days say about predictions, and the rows of the days after them."""
    draws = np.random.default_rng([3, seed])
    days = np.repeat(np.arange(KNOWN + NIGHTS), ROWS)
    prediction = draws.normal(size=len(days))
    label = prediction + effects(draws, KNOWN + NIGHTS)[days] + draws.normal(size=len(days))
    rows = pd.DataFrame({"day": days, "prediction": prediction, "label": label})
    rows["event_date"] = [day(int(number)) for number in days]
    known = answers(rows[rows["day"] < KNOWN], "mean_absolute_error", binary=False)
    assert known is not None
    return known, rows[rows["day"] >= KNOWN]


def monitor_of(known: PredictionReference) -> DriftMonitor:
    idle = pd.DataFrame({"x": np.arange(20.0)})
    ruler = fit_ruler(idle, numbers=["x"], categories=[], booleans=[])
    return DriftMonitor(build_reference([(str(START), profile(idle, ruler))]), LEEWAY, WEEK, known)


def weeks_with_alarms(known: PredictionReference, rows: pd.DataFrame, statistic: Statistic) -> int:
    monitor, found = monitor_of(known), 0
    memory = monitor.begin()
    for first in range(KNOWN, KNOWN + NIGHTS, WEEK):
        week = rows[rows["day"].between(first, first + WEEK - 1)]
        sums = known.sums(week["prediction"].to_numpy(), week["label"].to_numpy())
        memory, learnt = monitor.outcomes(memory, day(first), *sums)
        found += any(one.statistic == statistic for one in learnt.alarms)
    return found


def test_the_loss_of_weeks_that_are_shifted_as_quiet_weeks_are_is_no_alarm() -> None:
    alarms = sum(weeks_with_alarms(*life(seed), Statistic.LOSS) for seed in range(LIVES))
    assert alarms <= 1, f"{alarms} weeks of {LIVES * NIGHTS // WEEK}"


def test_a_loss_that_rises_without_a_shift_is_found_where_days_resemble_each_other() -> None:
    found = 0
    for seed in range(FEW):
        known, rows = life(seed)
        noisier = rows.assign(label=rows["label"] + np.random.default_rng(seed).normal(0, 0.8, len(rows)))
        found += weeks_with_alarms(known, noisier, Statistic.LOSS) > 0
    assert found == FEW
