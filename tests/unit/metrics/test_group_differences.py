"""Differences between groups."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.metrics import AnsweredRows, GapTest, GroupedAnswers, group_gaps
from tasks.statistics import Blocks, jackknife_interval
from tests.unit.metrics.test_metrics_with_intervals import spec_of

DAYS, EACH = 6, 20


def answers(*, seed: int = 3) -> tuple[AnsweredRows, pd.DataFrame]:
    """Rows of six days, of two towns; in Ely every third label is a 1, in Rye every second."""
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
    assert (gap.low, gap.high) == pytest.approx(jackknife_interval(gap.difference, by_hand, 0.95, in_order=True))


def test_only_a_measure_with_a_limit_is_tested_and_one_far_past_it_has_a_small_p_value() -> None:
    rows, groups = answers()
    town = np.where(rows.truth == 1, np.where(rows.decision == 1, "found", "lost"), "other")
    found = gaps(rows, pd.DataFrame({"town": np.where(np.arange(len(town)) % 10 > 0, town, "other")}))
    assert found["found", "true_positive_rate"].p_value < 0.01
    assert found["found", "true_positive_rate"].gap.is_past_limit
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
