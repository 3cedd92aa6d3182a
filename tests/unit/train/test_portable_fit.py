"""From rows to a portable model, with time treated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from tasks.errors import DataError
from tasks.spec.project_spec import ProjectSpec
from tasks.train import Recipe, fit_model
from tasks.train.assessment.baselines import baseline_prediction

Make = Callable[..., ProjectSpec]
Market = Callable[..., pd.DataFrame]
AS_OF = date(2024, 4, 4)  # day 94: five days late, so all 90 days have matured


def level_of(model_rows: pd.DataFrame, predictions: np.ndarray) -> float:
    """Mean of what the predictions hold beyond 2 * area and the zip's 10."""
    return float((predictions - 2 * model_rows["area"] - 10 * (model_rows["zip"] == "b")).mean())


def test_the_portable_model_answers_as_the_trained_one(spec_of: Make, market: Market) -> None:
    fitted = fit_model(Recipe(iterations=20), market(), spec_of(), AS_OF)
    assert fitted.parity <= 1e-12
    assert (fitted.rows, fitted.trained_from, fitted.trained_until) == (720, date(2024, 1, 1), date(2024, 3, 30))
    assert fitted.portable.schema.trained_until == "2024-03-30"
    assert fitted.portable.schema.categories == {"zip": ("a", "b")}
    rows = market()
    assert np.abs(fitted.portable.predict(rows) - rows["price"]).mean() < 8


def test_of_a_pinball_loss_trees_predict_its_quantile_and_the_trivial_rule_is_that_of_all_labels(
    spec_of: Make, market: Market
) -> None:
    scope = {"metric": "pinball_loss_90", "baseline": "quantile"}
    rows, spec = market(), spec_of(scope=scope)
    fitted = fit_model(Recipe(iterations=60), rows, spec, AS_OF)
    assert fitted.parity <= 1e-12
    below = (rows["price"] <= fitted.portable.predict(rows)).mean()
    assert below == pytest.approx(0.9, abs=0.03)
    assert baseline_prediction(rows, spec) == pytest.approx(rows["price"].quantile(0.9))
    with pytest.raises(ValidationError, match="expected one of mean, median, last_value, a feature"):
        spec_of(scope={"baseline": "quantile"})


def test_rows_without_known_labels_are_not_used_for_training(spec_of: Make, market: Market) -> None:
    fitted = fit_model(Recipe(iterations=5), market(), spec_of(), date(2024, 3, 6))
    assert fitted.trained_until == date(2024, 3, 1)
    assert fitted.rows == 61 * 8


def test_a_level_that_jumped_is_met_by_the_correction(spec_of: Make, market: Market) -> None:
    rows = market(jump_on=76, jump=30.0)  # the newest 14 days: the level's own
    newest = rows[rows["day"] >= "2024-03-17"]
    plain = fit_model(Recipe(iterations=20), rows, spec_of(), AS_OF).portable.predict(newest)
    level = fit_model(Recipe(("level",), level_days=14, iterations=20), rows, spec_of(), AS_OF).portable.predict(newest)
    assert abs(level_of(newest, plain) - 30) > 12
    assert abs(level_of(newest, level) - 30) < 6


def test_the_correction_leaves_out_what_the_newest_rows_already_taught(spec_of: Make, market: Market) -> None:
    # a jump of 30 over 14 of 90 days: the model on all rows has risen by about 30 * 14 / 90, the rest is added
    rows = market(jump_on=76, jump=30.0)
    offset = fit_model(Recipe(("level",), level_days=14, iterations=20), rows, spec_of(), AS_OF).portable.schema.offset
    assert offset == pytest.approx(30 * (1 - 14 / 90), abs=2)


def test_event_time_is_held_at_the_newest_training_day(spec_of: Make, market: Market) -> None:
    rows = market(jump_on=60, jump=30.0)
    model = fit_model(Recipe(("event_time",), iterations=40), rows, spec_of(), AS_OF).portable
    assert model.schema.time is not None
    assert (model.schema.time.origin, model.schema.time.held_at_days) == ("2024-01-01", 89)
    later = rows.assign(day=pd.Timestamp("2030-01-01"))
    newest = rows.assign(day=pd.Timestamp("2024-03-30"))
    assert model.predict(later).tolist() == model.predict(newest).tolist()
    assert abs(level_of(rows, model.predict(later)) - 30) < 6


def test_with_a_short_half_life_newer_rows_decide(spec_of: Make, market: Market) -> None:
    rows = market(jump_on=60, jump=30.0)
    plain = fit_model(Recipe(iterations=20), rows, spec_of(), AS_OF).portable
    recent = fit_model(Recipe(("recency",), half_life_days=7, iterations=20), rows, spec_of(), AS_OF).portable
    assert level_of(rows, recent.predict(rows)) > level_of(rows, plain.predict(rows)) + 8


def test_too_few_rows_on_one_side_make_no_correction(spec_of: Make, market: Market) -> None:
    assert (
        fit_model(Recipe(("level",), level_days=400, iterations=5), market(), spec_of(), AS_OF).portable.schema.offset
        == 0
    )


def test_a_log_scale_learns_ratios_and_answers_in_the_labels_unit(spec_of: Make, market: Market) -> None:
    rows = market()
    fitted = fit_model(Recipe(iterations=20), rows, spec_of(training={"target_scale": "log"}), AS_OF)
    assert fitted.portable.schema.link == "exp"
    assert np.abs(np.log(rows["price"] / fitted.portable.predict(rows))).mean() < 0.08


def test_a_binary_label_gets_probabilities_and_its_level_in_log_odds(spec_of: Make, market: Market) -> None:
    rows = market()
    chance = np.where(rows["day"] >= "2024-03-17", 0.8, 0.2)
    rows["price"] = np.random.default_rng(1).random(len(rows)) < chance
    spec = spec_of(scope={"metric": "log_loss"}, training={"task": "binary"})
    recipe = Recipe(("level",), level_days=14, iterations=5)
    model = fit_model(recipe, rows, spec, AS_OF).portable
    assert model.schema.link == "logistic"
    assert 0.65 < model.predict(rows).mean() < 0.9
    with pytest.raises(DataError, match="both classes"):
        fit_model(recipe, rows.assign(price=True), spec, AS_OF)


def test_missing_values_and_rare_categories_are_learned_around(spec_of: Make, market: Market) -> None:
    rows = market()
    rows["area"] = rows["area"].where(rows.index % 7 > 0)
    rows["zip"] = [f"z{place % 300}" for place in rows.index]  # more than trees can hold
    rows.loc[rows.index[::7], "zip"] = None
    fitted = fit_model(Recipe(iterations=10), rows, spec_of(), AS_OF)
    assert len(fitted.portable.schema.categories["zip"]) == 254
    assert np.isfinite(fitted.portable.predict(rows)).all()


def test_a_category_that_is_always_missing_is_no_error(spec_of: Make, market: Market) -> None:
    rows = market(days=30).assign(zip=pd.Series([None] * 240, dtype="str"))
    fitted = fit_model(Recipe(iterations=3), rows, spec_of(), AS_OF)
    assert np.isfinite(fitted.portable.predict(rows.assign(zip="a"))).all()


def test_the_same_rows_and_seed_give_the_same_model(spec_of: Make, market: Market) -> None:
    recipe = Recipe(("recency", "level"), half_life_days=30, level_days=14, iterations=5)
    again = [fit_model(recipe, market(), spec_of(), AS_OF) for _ in range(2)]
    assert again[0] == again[1]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"price": np.nan}, "720 of 720 labels in 'price' that are not known"),
        ({"price": -1.0}, "not above 0"),
        ({"day": pd.NaT}, "720 rows without 'day'"),
        ({"area": "large"}, "'area' holds"),
    ],
)
def test_rows_that_cannot_be_learned_from_are_refused_by_name(
    spec_of: Make, market: Market, change: dict[str, Any], found: str
) -> None:
    spec = spec_of(training={"target_scale": "log"})
    with pytest.raises(DataError, match=found):
        fit_model(Recipe(iterations=2), market().assign(**change), spec, AS_OF)


def test_lost_columns_no_rows_and_no_matured_rows_are_refused(spec_of: Make, market: Market) -> None:
    with pytest.raises(DataError, match=r"lacking \['zip'\]"):
        fit_model(Recipe(), market().drop(columns="zip"), spec_of(), AS_OF)
    with pytest.raises(DataError, match="found 0 rows"):
        fit_model(Recipe(), market().iloc[:0], spec_of(), AS_OF)
    with pytest.raises(DataError, match="no row of 'flats' with a label known on 2024-01-03"):
        fit_model(Recipe(), market(), spec_of(), date(2024, 1, 3))
