"""The whole training: choose, fit, tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from itertools import count

import pandas as pd
import pytest

from tasks.errors import DataError
from tasks.spec.project_spec import ProjectSpec
from tasks.train import SearchOptions, baseline_prediction, importances, train

Make = Callable[..., ProjectSpec]
Market = Callable[..., pd.DataFrame]
AS_OF = date(2024, 4, 4)


def test_a_rising_market_is_met_by_a_recipe_that_treats_time(spec_of: Make, market: Market) -> None:
    seen: list[dict[str, object]] = []
    trained = train(market(jump_on=50, jump=40.0), spec_of(), AS_OF, search=SearchOptions(progress=seen.append))
    statuses = [line["status"] for line in trained.leaderboard]
    assert trained.recipe.corrections > 0
    assert sorted(statuses) == ["chosen", *["tried"] * 4]
    assert [line["recipe"] for line in seen] == [line["recipe"] for line in trained.leaderboard]
    assert trained.fitted.portable.schema.recipe["name"] == trained.recipe.name
    assert trained.seconds > 0


def test_the_leaderboard_is_strict_json_with_every_fold(spec_of: Make, market: Market) -> None:
    spec = spec_of(training={"time_treatments": ["all_history"], "iterations": [2]})
    (line,) = json.loads(json.dumps(train(market(), spec, AS_OF).leaderboard, allow_nan=False))
    assert line["status"] == "chosen"
    assert [fold["start"] for fold in line["folds"]] == ["2024-03-03", "2024-03-17"]
    assert line["loss"] == pytest.approx((line["folds"][0]["loss"] + 2 * line["folds"][1]["loss"]) / 3)


def test_when_time_is_up_the_rest_is_not_tried_and_said_so(spec_of: Make, market: Market) -> None:
    spec = spec_of(scope={"training_minutes": 1.0}, training={"iterations": [2]})
    ticks = count(step=60.0)  # each look at the watch finds a minute gone, more than 48 seconds
    trained = train(market(), spec, AS_OF, search=SearchOptions(stopwatch=lambda: next(ticks)))
    assert [line["status"] for line in trained.leaderboard[2:]] == ["not_tried"] * 3
    assert [line["loss"] is None for line in trained.leaderboard] == [False, False, True, True, True]


def test_without_history_for_a_fold_the_simplest_recipe_is_taken(spec_of: Make, market: Market) -> None:
    trained = train(market(days=15), spec_of(training={"iterations": [2]}), AS_OF)
    assert trained.recipe.treatments == ("all_history",)
    assert trained.leaderboard[0]["loss"] is None


def test_too_few_labels_are_refused(spec_of: Make, market: Market) -> None:
    with pytest.raises(DataError, match=r"found 80 rows .* asks for 100"):
        train(market(days=10), spec_of(), AS_OF)


def test_a_column_that_decides_is_important_and_one_that_does_not_is_hardly(spec_of: Make, market: Market) -> None:
    spec = spec_of(training={"time_treatments": ["event_time"]})
    rows = market()
    model = train(rows, spec, AS_OF).fitted.portable
    found = importances(model, rows, spec, seed=1)
    assert list(found) == ["area", "floor", "garden", "zip"]
    assert found["area"] > 10 * found["zip"] > 10 * max(found["floor"], found["garden"]) >= 0
    assert importances(model, rows, spec, seed=1) == found


@pytest.mark.parametrize(("rule", "expected"), [("mean", 4.0), ("median", 2.0), ("last_value", 10.0)])
def test_a_trivial_rule_is_one_number(spec_of: Make, rule: str, expected: float) -> None:
    days = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-08", "2024-01-10"])
    # the newest week is 2024-01-04 to 2024-01-10
    rows = pd.DataFrame({"day": days, "price": [-4.0, 2.0, 2.0, 5.0, 15.0]})
    assert baseline_prediction(rows, spec_of(scope={"baseline": rule})) == expected


def test_the_trivial_rule_of_a_binary_label_is_a_probability(spec_of: Make) -> None:
    rows = pd.DataFrame({"day": pd.to_datetime(["2024-01-01"] * 4), "price": [True, False, False, False]})
    spec = spec_of(scope={"metric": "log_loss", "baseline": "median"}, training={"task": "binary"})
    assert baseline_prediction(rows, spec) == 0.25
