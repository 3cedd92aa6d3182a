"""Replayed strategies: kept in files, judged on the same rows, and one of them recommended."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from flows.backtest.comparison import recommended, summarise
from flows.backtest.outcomes import StrategyOutcome, keep_outcome, kept_outcome
from tasks.spec import ProjectSpec

FIRST, DAYS, ROWS_A_DAY = date(2026, 1, 1), 40, 5
SPEC = ProjectSpec.model_validate(
    {
        "project": "p",
        "scope": {"owner": "o", "objective": "x", "metric": "mean_absolute_error"},
        "source": {"uri": "in", "id": ["id"], "event_time": "t", "label": {"column": "y"}},
        "features": {"numbers": ["a"]},
    }
)


def outcome(name: str, error: float, trainings: int, rows: slice = slice(None)) -> StrategyOutcome:
    """Answers that are off by a number, a little more or less in turn."""
    count = DAYS * ROWS_A_DAY
    number = np.arange(count)
    served = pd.DataFrame(
        {
            "row_id": [f"r{each}" for each in number],
            "event_date": [FIRST + timedelta(days=int(each // ROWS_A_DAY)) for each in number],
            "prediction": 10.0 + error + 0.1 * (-1.0) ** number,
            "label": 10.0,
        }
    )
    nights = tuple(FIRST + timedelta(days=day) for day in range(trainings))
    return StrategyOutcome(name, DAYS, 3, 0, 0, nights, 1, 2.0, served.iloc[rows])


def test_strategies_are_judged_on_the_rows_that_all_have_answered() -> None:
    first, second = summarise([outcome("policy", 1.0, 2), outcome("nightly", 0.5, 30, slice(20, None))], SPEC)
    assert (first.left_out, second.left_out) == (20, 0)
    assert (round(first.loss, 6), round(second.loss, 6)) == (1.0, 0.5)
    assert first.surely_worse
    assert not second.surely_worse


def test_the_fewest_trainings_are_recommended_among_those_not_surely_worse_than_the_best() -> None:
    never, policy, nightly = outcome("never", 1.0, 0), outcome("policy", 0.5, 2), outcome("nightly", 0.5, 30)
    said = recommended(summarise([never, policy, nightly], SPEC), SPEC)
    assert said.startswith("recommended: policy, with the fewest trainings (3 trainings) of 2 strategies")


def test_where_errors_are_priced_the_lowest_cost_is_recommended() -> None:
    priced = SPEC.model_copy(
        update={"scope": SPEC.scope.model_copy(update={"loss_cost_per_row": 1.0, "training_cost": 100.0})}
    )
    said = recommended(summarise([outcome("never", 1.0, 0), outcome("policy", 0.5, 2)], priced), priced)
    # 200 rows at 1.0 and a refused training, or at 0.5 and three trainings: 300 against 400
    assert said.startswith("recommended: never, with the lowest cost of 300; its error is 0.5 above the lowest")


def test_a_kept_outcome_is_read_as_it_was_and_replaces_an_older_one(tmp_path: Path) -> None:
    kept = outcome("policy", 0.5, 2)
    keep_outcome(tmp_path, "0" * 16, kept)
    keep_outcome(tmp_path, "1" * 16, kept)
    assert kept_outcome(tmp_path, "policy", "0" * 16) is None
    found = kept_outcome(tmp_path, "policy", "1" * 16)
    assert found is not None
    assert replace(found, served=kept.served) == kept
    assert found.served.astype({"event_date": object}).equals(kept.served.reset_index(drop=True))
