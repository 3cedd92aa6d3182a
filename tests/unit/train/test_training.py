"""The whole training: choose, fit, tell."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path

import pandas as pd
import pytest

from tasks.errors import DataError
from tasks.spec.project_spec import ProjectSpec
from tasks.train import Recipe, SearchOptions, baseline_prediction, fit_model, importances, train
from tasks.train.assessment.baselines import baseline_predictions

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


def test_a_number_without_a_value_in_a_fold_is_left_out_there_and_used_where_it_has_some(
    spec_of: Make, market: Market
) -> None:
    rows = market(jump_on=85, jump=40.0).assign(rain=float("nan"))
    rows.loc[rows["day"] >= "2024-03-20", "rain"] = 1.0
    spec = spec_of(features={"numbers": ["area", "floor", "rain"]}, training={"iterations": [5]})
    trained = train(rows, spec, AS_OF)
    assert {line["status"] for line in trained.leaderboard} == {"chosen", "tried"}
    assert trained.fitted.parity <= 1e-9


@pytest.mark.parametrize("estimator", ["hist_gradient_boosting", "random_forest", "linear"])
def test_a_number_that_is_always_empty_changes_no_prediction(estimator: str, spec_of: Make, market: Market) -> None:
    recipe, rows = Recipe(estimator=estimator, iterations=5), market()
    with_rain = spec_of(features={"numbers": ["area", "floor", "rain"]})
    wider = fit_model(recipe, rows.assign(rain=float("nan")), with_rain, AS_OF).portable
    plain = fit_model(recipe, rows, spec_of(), AS_OF).portable
    if estimator != "random_forest":  # which draws from the columns by chance
        assert wider.predict(rows.assign(rain=float("nan"))) == pytest.approx(plain.predict(rows))
    assert wider.predict(rows.assign(rain=3.0)) == pytest.approx(wider.predict(rows.assign(rain=float("nan"))))


def test_parts_of_an_event_time_with_a_time_of_day_are_learned_and_proven(spec_of: Make, market: Market) -> None:
    rows = market()
    rows["day"] = (rows["day"] + pd.to_timedelta(rows.index * 97 % 86_400, unit="s")).astype("datetime64[us]")
    rows["price"] += 50.0 * (rows["day"].dt.hour >= 12)
    spec = spec_of(training={"event_time_parts": ["weekday", "hour"], "iterations": [40]})
    trained = train(rows, spec, AS_OF)
    assert trained.fitted.parity <= 1e-9
    at = rows.iloc[[0, 0]].assign(day=pd.to_datetime(["2024-03-01 01:00", "2024-03-01 13:00"]))
    low, high = trained.fitted.portable.predict(at)
    assert high - low > 25


BROKEN = {"use": "sklearn.linear_model:QuantileRegressor", "parameters": {"quantile": 7.0}}


def test_an_estimator_that_raises_is_a_failed_line_and_the_others_are_trained(spec_of: Make, market: Market) -> None:
    estimators = [BROKEN, {"use": "linear"}]
    treatments = {"time_treatments": ["all_history"], "iterations": [5]}
    trained = train(market(), spec_of(training={"estimators": estimators, **treatments}), AS_OF)
    status = {line["recipe"]: line["status"] for line in trained.leaderboard}
    assert sorted(status.values()) == ["chosen", "failed"]
    (reason,) = (line["reason"] for line in trained.leaderboard if line["status"] == "failed")
    assert "'sklearn.linear_model:QuantileRegressor' cannot be used on" in reason
    assert "InvalidParameterError: The 'quantile' parameter" in reason


def test_an_own_baseline_that_fails_on_some_rows_leaves_them_to_the_constant(
    spec_of: Make, market: Market, tmp_path: Path
) -> None:
    (tmp_path / "rules.py").write_text(
        "def area(rows):\n    assert (rows['area'] > 0).all()\n    return rows['area'] * 2\n"
        "def short(rows):\n    return [1.0]\n"
    )
    past, rows = market(), market().head(3).assign(area=[10.0, -1.0, 20.0])
    found = baseline_predictions(past, rows, spec_of(scope={"baseline": "rules:area"}), tmp_path)
    assert found.tolist() == [20.0, past["price"].median(), 40.0]
    with pytest.raises(DataError, match="got 3 rows and returned 1; expected one each"):
        baseline_predictions(past, rows, spec_of(scope={"baseline": "rules:short"}), tmp_path)


def test_what_own_code_says_of_private_rows_is_not_shown(spec_of: Make, market: Market, tmp_path: Path) -> None:
    private = {"privacy": {"drop": ["name"]}}
    estimators = [BROKEN, {"use": "linear"}]
    treatments = {"time_treatments": ["all_history"], "iterations": [5]}
    trained = train(market(), spec_of(training={"estimators": estimators, **treatments}, **private), AS_OF)
    (reason,) = (line["reason"] for line in trained.leaderboard if line["status"] == "failed")
    assert "InvalidParameterError: what it says is not shown" in reason
    assert "quantile" not in reason.partition("cannot be used")[2]
    (tmp_path / "private_rules.py").write_text("def area(rows):\n    raise ValueError('Ann Lee')\n")
    spec = spec_of(scope={"baseline": "private_rules:area"}, **private)
    with pytest.raises(DataError, match="cannot be used: ValueError: what it says is not shown"):
        baseline_predictions(market(), market().head(3), spec, tmp_path)


def test_labels_of_two_classes_are_refused_by_a_multiclass_task(spec_of: Make, market: Market) -> None:
    spec = spec_of(scope={"metric": "log_loss", "baseline": "mean"}, training={"task": "multiclass"})
    rows = market().assign(price=lambda found: found["price"].gt(100).map({True: "dear", False: "cheap"}))
    with pytest.raises(DataError, match=r"labels of 2 classes .*\(cheap, dear\); a multiclass task learns from 3"):
        train(rows, spec, AS_OF)
