"""Laws of looking every night: intervals that hold at all looks, and a year of looks within the budget."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.monitor import Promise, newest_cohort, performance
from tasks.records import Performance
from tasks.spec.project_spec import Monitoring
from tasks.statistics import Spread, all_looks_margin, estimate_spread, single_look_margin

laws = settings(deadline=None, derandomize=True, max_examples=60)
FIRST, NIGHTS, ROWS_A_DAY, HOLDOUT_DAYS = date(2026, 1, 1), 365, 10, 28
POLICY = Monitoring()
KNOWN = Spread(10**6, 5, 1.0, 0.0, 1.0)


def test_a_years_looks_together_err_as_often_as_one_is_said_to() -> None:
    # skewed losses, and a promise that is itself a mean; of 1,000 years .05 may err, give or take .007
    rng, years, promised = np.random.default_rng(0), 1_000, 300
    gaps = rng.exponential(size=(years, NIGHTS, ROWS_A_DAY)).mean(axis=2).cumsum(axis=1) / np.arange(1, NIGHTS + 1)
    gaps -= rng.exponential(size=(years, promised)).mean(axis=1)[:, None]
    looks = list(range(10, NIGHTS))  # the law is one of many rows: from 100 on
    erred = {}
    for reach in (single_look_margin, all_looks_margin):
        reaches = np.array([reach(KNOWN, ROWS_A_DAY * (look + 1), promised, 0.05) for look in looks])
        erred[reach.__name__] = float((np.abs(gaps[:, looks]) > reaches).any(axis=1).mean())
    assert erred[all_looks_margin.__name__] < 0.05 + 3 * 0.007
    assert erred[single_look_margin.__name__] > 3 * 0.05  # what looking nightly does to an interval for one look


@laws
@given(st.integers(2, 10**6), st.integers(2, 10**6), st.floats(1e-4, 0.4))
def test_all_looks_reach_farther_than_one_and_no_look_less_than_the_promise_is_unsure(
    rows: int, promised: int, alpha: float
) -> None:
    many = all_looks_margin(KNOWN, rows, promised, alpha)
    assert many > single_look_margin(KNOWN, rows, promised, alpha)
    assert many >= all_looks_margin(KNOWN, 10 * rows, promised, alpha) > (1 / promised) ** 0.5


@laws
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=40), st.integers(1, 7))
def test_a_spread_scales_as_its_values_and_days_only_add_to_it(values: list[float], rows_a_day: int) -> None:
    days = np.arange(len(values)) // rows_a_day
    once, twice = estimate_spread(np.array(values), days), estimate_spread(2 * np.array(values), days)
    assert once.effective >= once.variance
    assert np.isclose(twice.effective, 4 * once.effective)
    assert 0 < once.degrees < len(values)


@cache
def year(seed: int, wobble: float, change: float, begins: int) -> tuple[list[int], list[Performance]]:
    """The nights that are past their leeway, and what was measured on each: the loss rises by `change` on one day."""
    rng = np.random.default_rng(seed)
    days = np.repeat(np.arange(-HOLDOUT_DAYS, NIGHTS), ROWS_A_DAY)
    level = 1 + wobble * rng.normal(size=HOLDOUT_DAYS + NIGHTS) + change * (np.arange(-HOLDOUT_DAYS, NIGHTS) >= begins)
    errors = np.maximum(level, 0)[days + HOLDOUT_DAYS] * np.abs(rng.normal(size=len(days))) * (np.pi / 2) ** 0.5
    dates = np.array([FIRST + timedelta(days=int(day)) for day in range(NIGHTS)], dtype=object)
    label = errors * rng.choice([-1.0, 1.0], len(days))
    held, lived = days < 0, days >= 0
    promise = Promise("mean_absolute_error", errors[held].mean(), label[held].mean(), int(held.sum()))
    rows = pd.DataFrame({"event_date": dates[days[lived]], "prediction": 0.0, "label": label[lived]})
    found = {}
    for night in range(max(begins, POLICY.cohort_days), min(begins + 150, NIGHTS), 2):
        since = rows.iloc[: (night + 1) * ROWS_A_DAY]
        cohort = newest_cohort(since, until=dates[night], days=POLICY.cohort_days)
        seen = performance(cohort, promise, POLICY, 365.25, since=since)
        assert seen is not None
        found[night] = seen
    return [night for night, seen in found.items() if seen.past_leeway], list(found.values())


def test_days_that_wobble_do_not_use_the_budget_up() -> None:
    missed = [sum(not seen.loss.low <= seen.loss.expected <= seen.loss.high for seen in looks)
              for _, looks in (year(seed, 0.2, 0.0, 0) for seed in range(5))]  # fmt: skip
    assert np.median(missed) * 2 * NIGHTS / 150 <= POLICY.false_alarms_per_year


def test_a_sudden_change_is_found_within_a_cohort() -> None:
    delays = [min(year(seed, 0.1, 0.5, 100)[0]) - 100 for seed in range(5)]
    assert np.median(delays) <= POLICY.cohort_days / 2
    assert max(delays) <= POLICY.cohort_days


def test_what_a_cohort_is_not_sure_of_is_found_by_all_rows_since_training() -> None:
    looks = [seen for seed in range(5) for seen in year(seed, 0.1, 0.25, 0)[1]]
    by_all = [
        seen for seen in looks if seen.past_leeway and not (seen.loss.rose_past_leeway or seen.bias.grew_past_leeway)
    ]
    assert len(by_all) > 10
    assert all(seen.sustained is not None and seen.sustained.loss.rose_past_leeway for seen in by_all)
