"""Differences between groups of a labelled cohort: the nights of a year share the budget of false alarms."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from tasks.drift import build_reference
from tasks.monitor import ChampionBaseline, Promise
from tasks.monitor.cohorts.cohort_metrics import cohort_gaps
from tasks.profiles import fit_ruler, profile
from tasks.records import GroupGap
from tests.unit.metrics.test_metrics_with_intervals import spec_of

FIRST, DAYS = date(2026, 1, 5), 28
MEASURES = ("selection_rate", "true_positive_rate", "false_positive_rate", "error", "calibration")


def baseline() -> ChampionBaseline:
    rows = pd.DataFrame({"age": [20.0, 30.0]})
    ruler = fit_ruler(rows, numbers=["age"], categories=[], booleans=[])
    reference = build_reference([("2026-01-04", profile(rows, ruler))])
    return ChampionBaseline(1, reference, Promise("log_loss", 0.5, 0.0, 2), FIRST - timedelta(days=1))


def found(seed: int, limit: float, *, worse: float = 0.0, **monitoring: Any) -> list[GroupGap]:
    """Measure ten towns of 280 rows each; the model is too low for the first town by a difference of its labels."""
    rng, count = np.random.default_rng(seed), DAYS * 100
    towns, answers = rng.integers(0, 10, count), rng.beta(1.2, 2.8, count)
    truth = rng.uniform(size=count) < answers + np.where(towns == 0, worse, 0.0)
    days = [FIRST + timedelta(days=number // 100) for number in range(count)]
    cohort = pd.DataFrame({"event_date": days, "label": truth.astype(float), "prediction": answers})
    limits = {"groups": ["town"], "limits": dict.fromkeys(MEASURES, limit)}
    spec = spec_of(fairness=limits, monitoring={"cohort_days": DAYS} | monitoring)
    return list(
        cohort_gaps(cohort, baseline(), spec, lambda rows: pd.DataFrame({"town": towns[: len(rows)].astype(str)}))
    )


def surely_beyond(gap: GroupGap, limit: float) -> bool:
    """Return whether the interval of a single difference is past a limit."""
    return gap.low is not None and gap.high is not None and (gap.low > limit or gap.high < -limit)


def test_without_a_true_difference_no_night_finds_one_though_single_intervals_do() -> None:
    nights = [found(seed, 0.0) for seed in range(6)]
    assert sum(any(surely_beyond(gap, 0.0) for gap in gaps) for gaps in nights) >= 3
    assert not any(gap.is_past_limit for gaps in nights for gap in gaps)


def test_a_true_difference_past_its_limit_is_found_on_every_night() -> None:
    for seed in range(3):
        past = {(gap.group, gap.measure) for gap in found(seed, 0.05, worse=0.3) if gap.is_past_limit}
        assert ("0", "calibration") in past
        assert {group for group, _ in past} == {"0"}


def test_who_accepts_fewer_false_alarms_a_year_sees_fewer_differences() -> None:
    few, many = (
        sum(
            gap.is_past_limit for seed in range(4) for gap in found(seed, 0.0, worse=0.12, false_alarms_per_year=budget)
        )
        for budget in (1e-6, 4)
    )
    assert few < many
