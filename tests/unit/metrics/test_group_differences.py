"""Differences between groups."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.metrics import AnsweredRows, GapTest, GroupedAnswers, corrected, group_gaps
from tasks.metrics.least_variance import rate_variance
from tasks.statistics import Blocks, ErrorBounds, jackknife_interval, t_quantile
from tests.unit.metrics.test_metrics_with_intervals import spec_of

DAYS, EACH = 12, 20


def answers(*, seed: int = 3) -> tuple[AnsweredRows, pd.DataFrame]:
    """Rows of twelve days, of two towns; in Ely every third label is a 1, in Rye every second."""
    rng, count = np.random.default_rng(seed), DAYS * EACH
    town = np.tile(["Ely", "Rye"], count // 2)
    truth = np.where(rng.uniform(size=count) < np.where(town == "Ely", 1 / 3, 1 / 2), 1.0, 0.0)
    probability = np.clip(0.2 + 0.5 * truth + rng.normal(0, 0.2, count), 0.01, 0.99)
    return AnsweredRows.decided(truth, probability, np.repeat(np.arange(DAYS), EACH)), pd.DataFrame({"town": town})


def gaps(rows: AnsweredRows, groups: pd.DataFrame, **more: Any) -> dict[tuple[str, str], GapTest]:
    limits = {"true_positive_rate": 0.1}
    spec = spec_of(**({"fairness": {"groups": [*groups], "limits": limits}} | more))
    entities = more.pop("entities", None)
    found = group_gaps(GroupedAnswers(rows, groups, entities), spec, 0.95)
    return {(one.gap.group, one.gap.measure): one for one in found}


def test_each_rate_is_that_of_the_rows_it_is_about() -> None:
    rows, groups = answers()
    found = gaps(rows, groups)
    ely, ones, chosen = (groups["town"] == "Ely").to_numpy(), rows.truth == 1, rows.decision == 1
    hand = {
        "selection_rate": (chosen[ely].mean(), chosen[~ely].mean(), ely.sum()),
        "true_positive_rate": (chosen[ely & ones].mean(), chosen[~ely & ones].mean(), (ely & ones).sum()),
        "false_positive_rate": (chosen[ely & ~ones].mean(), chosen[~ely & ~ones].mean(), (ely & ~ones).sum()),
        "calibration": (
            (rows.truth - rows.prediction)[ely].mean(),
            (rows.truth - rows.prediction)[~ely].mean(),
            ely.sum(),
        ),
    }
    for measure, (value, others, count) in hand.items():
        gap = found["Ely", measure].gap
        assert [gap.value, gap.others] == pytest.approx([value, others])
        assert gap.rows == count
        assert gap.difference == pytest.approx(value - others)
        assert found["Rye", measure].gap.difference == pytest.approx(-gap.difference)
    assert len(found) == 2 * 5


def test_the_interval_is_that_of_leaving_out_each_day_and_computing_again() -> None:
    rows, groups = answers()
    ely, ones = (groups["town"] == "Ely").to_numpy(), rows.truth == 1
    cut = Blocks.of_days(rows.days)
    by_hand = cut.without_each(
        lambda kept: float(rows.decision[kept & ely & ones].mean() - rows.decision[kept & ~ely & ones].mean())
    )
    gap = gaps(rows, groups)["Ely", "true_positive_rate"].gap
    sides = (ely & ones, ~ely & ones)
    variance = sum(rate_variance(rows.decision[side].sum(), int(side.sum())) for side in sides)
    bounds = ErrorBounds(math.sqrt(variance), min(len(set(rows.days[side])) for side in sides))
    hand = jackknife_interval(gap.difference, by_hand, 0.95, in_order=True, bounds=bounds)
    assert (gap.low, gap.high) == pytest.approx(hand)


def one_group(decision: np.ndarray, rows: int, days: int) -> GapTest:
    """The selection rate of a town of which every row is decided to be a 1, next to 400 rows with a decision."""
    count = rows + len(decision)
    chosen = np.concatenate([np.ones(rows), decision])
    when = np.concatenate([np.arange(rows) % days, np.arange(len(decision)) % 20])
    groups = pd.DataFrame({"town": np.where(np.arange(count) < rows, "Ely", "Rye")})
    limits = {"groups": ["town"], "limits": {"selection_rate": 0.1}}
    found = gaps(AnsweredRows(np.zeros(count), chosen / 2 + 0.25, chosen, when), groups, fairness=limits)
    return found["Ely", "selection_rate"]


def test_a_group_of_rows_that_are_all_alike_has_the_spread_of_a_rate_of_few_rows() -> None:
    """Of 10 rows 12 of 14 are ones: an error of the root of 12 / 14 x 2 / 14 / 14, which is .0935."""
    half = np.tile([0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0], 50)
    found = one_group(half, 10, 10)
    reach = t_quantile(0.95, 9) * math.hypot(0.0935, math.sqrt(0.25 / 404))
    assert found.gap.difference == 0.5
    assert (found.gap.low, found.gap.high) == pytest.approx((0.5 - reach, 0.5 + reach), abs=1e-3)
    assert 0 < found.p_value < 0.01


def test_a_group_with_rows_on_few_days_is_not_tested_however_far_it_is() -> None:
    nothing = np.zeros(400)
    assert one_group(nothing, 40, 10).p_value < 0.001
    assert np.isnan(one_group(nothing, 40, 9).p_value)


def test_without_a_true_difference_ten_small_groups_refuse_rarely() -> None:
    rng, refused = np.random.default_rng(0), 0
    town = np.repeat([*(f"town {number}" for number in range(10)), "others"], [*[20] * 10, 4000])
    limits = dict.fromkeys(("selection_rate", "true_positive_rate", "false_positive_rate", "error", "calibration"), 0.1)
    for _ in range(20):
        probability = rng.beta(1.2, 2.8, len(town))
        truth = (rng.uniform(size=len(town)) < probability).astype(float)
        rows = AnsweredRows.decided(truth, probability, rng.integers(0, 40, len(town)))
        found = gaps(rows, pd.DataFrame({"town": town}), fairness={"groups": ["town"], "limits": limits})
        refused += any(one.gap.is_past_limit for one in corrected([*found.values()], 0.05))
    assert refused <= 1  # of 20: 5 %


def test_only_a_measure_with_a_limit_is_tested_and_one_far_past_it_has_a_small_p_value() -> None:
    rows, groups = answers()
    town = np.where(rows.truth == 1, np.where(rows.decision == 1, "found", "lost"), "other")
    found = gaps(rows, pd.DataFrame({"town": np.where(np.arange(len(town)) % 10 > 0, town, "other")}))
    assert found["found", "true_positive_rate"].p_value < 0.01
    assert np.isnan(found["found", "selection_rate"].p_value)
    assert found["found", "selection_rate"].gap.limit is None
    assert gaps(rows, groups)["Ely", "true_positive_rate"].p_value > 0.05


def test_a_group_of_few_rows_and_one_with_few_others_is_not_shown() -> None:
    rows, groups = answers()
    few = groups["town"].where(np.arange(len(groups)) >= 4, "Wye")  # four rows, and the limit is five
    assert {group for group, _ in gaps(rows, pd.DataFrame({"town": few}))} == {"Ely", "Rye"}
    all_but_four = np.where(np.arange(len(groups)) >= 4, "Ely", "Wye")
    assert gaps(rows, pd.DataFrame({"town": all_but_four})) == {}


def test_rows_without_a_value_are_a_group_and_rows_without_a_label_count_in_none() -> None:
    rows, groups = answers()
    truth = rows.truth.copy()
    truth[:10] = np.nan
    holes = groups["town"].where(groups["town"] == "Ely")
    found = gaps(AnsweredRows(truth, rows.prediction, rows.decision, rows.days), pd.DataFrame({"town": holes}))
    assert {group for group, _ in found} == {"Ely", "missing"}
    assert found["Ely", "selection_rate"].gap.rows + found["missing", "selection_rate"].gap.rows == DAYS * EACH - 10


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_without_two_classes_errors_and_calibration_are_compared(task: str) -> None:
    rows, groups = answers()
    if task == "multiclass":
        rows = AnsweredRows.decided(rows.truth, np.column_stack([1 - rows.prediction, rows.prediction]), rows.days)
    found = gaps(rows, groups, task=task, fairness={"groups": ["town"]})
    assert {measure for _, measure in found} == {"error", "calibration"}


def test_groups_of_weighted_rows_differ_as_repeated_ones_do() -> None:
    rng, spec = np.random.default_rng(3), spec_of(fairness={"groups": ["town"]})
    times, truth = rng.integers(1, 4, 400), (rng.random(400) < 0.4).astype(float)
    rows = AnsweredRows.decided(truth, rng.random(400), np.arange(400) // 20)
    again = AnsweredRows(*(np.repeat(each, times) for each in (rows.truth, rows.prediction, rows.decision, rows.days)))
    towns = pd.DataFrame({"town": rng.choice(["Ely", "Rye"], 400)})
    weighted = GroupedAnswers(replace(rows, weights=times.astype(float)), towns)
    repeated = GroupedAnswers(again, towns.loc[towns.index.repeat(times)].reset_index(drop=True))
    found, expected = (group_gaps(each, spec, 0.95) for each in (weighted, repeated))
    assert [one.gap.difference for one in found] == pytest.approx([one.gap.difference for one in expected])
