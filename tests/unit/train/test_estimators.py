"""Whatever is trained answers alike once it is exported, and says what it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.errors import DataError, SpecError
from tasks.model import OnnxModel, SkopsModel
from tasks.spec.project_spec import ProjectSpec
from tasks.train import Recipe, fit_model, importances, train

Make = Callable[..., ProjectSpec]
Market = Callable[..., pd.DataFrame]
AS_OF = date(2024, 4, 4)
SMALL = (("n_estimators", 10),)


def gappy(rows: pd.DataFrame) -> pd.DataFrame:
    """The market with every ninth area and every eleventh zip missing."""
    return rows.assign(area=rows["area"].where(rows.index % 9 > 0), zip=rows["zip"].where(rows.index % 11 > 0))


def sizes(rows: pd.DataFrame) -> pd.DataFrame:
    """A label of three classes, which area and zip decide."""
    return rows.assign(price=np.where(rows["area"] < 50, "small", np.where(rows["zip"] == "a", "middle", "large")))


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(("level",), level_days=14, estimator="linear", parameters=(("alpha", 2.0),)),
        Recipe(("event_time",), estimator="random_forest", parameters=SMALL),
        Recipe(("recency",), half_life_days=30, estimator="extra_trees", parameters=SMALL),
        Recipe(("window", "level"), window_days=60, level_days=14, iterations=10),
        Recipe(("reweighted",), level_days=14, iterations=10),
        Recipe(features=("area", "zip"), iterations=10, parameters=(("max_leaf_nodes", 7),)),
    ],
    ids=lambda recipe: recipe.name,
)
def test_every_kind_of_estimator_is_exported_with_missing_values_categories_and_dates(
    recipe: Recipe, spec_of: Make, market: Market
) -> None:
    spec, rows = spec_of(training={"event_time_parts": ["weekday", "month"]}), gappy(market())
    fitted = fit_model(recipe, rows, spec, AS_OF)
    assert isinstance(fitted.portable, OnnxModel)
    assert fitted.parity <= 1e-9
    assert [part.kind for part in fitted.portable.schema.dates] == ["weekday", "month"]
    assert np.isfinite(fitted.portable.predict(rows)).all()


DATED = {"numbers": ["area"], "categories": ["zip"], "dates": ["built"]}


def with_dates(rows: pd.DataFrame) -> pd.DataFrame:
    """The market with the day each flat was built, every seventh missing; those of the year 2000 cost 100 more."""
    days = np.random.default_rng(1).integers(0, 3650, len(rows))
    built = pd.Series(pd.Timestamp("1995-01-01") + pd.to_timedelta(days, unit="D"), index=rows.index)
    dear = 100.0 * (built.dt.year == 2000)
    return rows.assign(built=built.where(rows.index % 7 > 0).astype("datetime64[us]"), price=rows["price"] + dear)


@pytest.mark.parametrize("estimator", ["hist_gradient_boosting", "linear"])
def test_a_column_of_dates_is_a_feature_of_the_trained_and_of_the_exported_model(
    estimator: str, spec_of: Make, market: Market
) -> None:
    rows = with_dates(market())
    fitted = fit_model(Recipe(estimator=estimator, iterations=40), rows, spec_of(features=DATED), AS_OF)
    schema = fitted.portable.schema
    assert [part.name for part in schema.dates] == [
        "built:year", "built:month", "built:day_of_year", "built:weekday", "built:days"
    ]  # fmt: skip
    assert fitted.parity <= 1e-9
    days = np.array(["2000-06-01", "NaT", "1899-01-01", "9999-12-31"], dtype="datetime64[us]")
    asked = rows.iloc[:4].assign(built=days)
    assert np.isfinite(fitted.portable.predict(asked)).all()
    if estimator == "hist_gradient_boosting":
        same = rows.iloc[:1].assign(area=70.0, zip="a")
        then, before = (fitted.portable.predict(same.assign(built=pd.Timestamp(day))) for day in ("2000-06-01", "1999"))
        assert then - before == pytest.approx(100, abs=20)


def test_a_date_is_weighed_as_one_and_left_out_as_one(spec_of: Make, market: Market) -> None:
    spec, rows = spec_of(features=DATED), with_dates(market())
    fitted = fit_model(Recipe(iterations=40), rows, spec, AS_OF)
    found = importances(fitted.portable, rows, spec, seed=0)
    assert found["zip"] < found["built"] < found["area"]
    without = fit_model(Recipe(iterations=10, features=("area", "zip")), rows, spec, AS_OF)
    assert without.portable.schema.dates == ()
    assert importances(without.portable, rows, spec, seed=0)["built"] == 0.0


def test_any_scikit_learn_estimator_may_be_named_and_is_kept_where_no_graph_can_say_it(
    spec_of: Make, market: Market
) -> None:
    given = {"use": "sklearn.neighbors:KNeighborsRegressor", "parameters": {"n_neighbors": [3, 5]}}
    spec = spec_of(training={"estimators": [given], "time_treatments": ["all_history"]})
    trained = train(gappy(market()), spec, AS_OF)
    assert isinstance(trained.fitted.portable, SkopsModel)
    assert trained.recipe.name == "all_history, sklearn.neighbors:KNeighborsRegressor, n_neighbors 3"
    assert trained.fitted.parity <= 1e-9


def test_an_estimator_that_cannot_weigh_rows_is_not_asked_to(spec_of: Make, market: Market) -> None:
    recipe = Recipe(("recency",), half_life_days=30, estimator="sklearn.neighbors:KNeighborsRegressor")
    with pytest.raises(DataError, match="no sample_weight"):
        fit_model(recipe, market(), spec_of(), AS_OF)


@pytest.mark.parametrize(
    ("estimator", "parameters", "message"),
    [
        ("sklearn.svm:NoSuch", (), "no attribute 'NoSuch'"),
        ("sklearn.no_such_package:Thing", (), "No module named"),
        ("os:system", (("command", "true"),), "not in scikit-learn"),
        ("sklearn.datasets:fetch_openml", (("name", "adult"),), "it is no estimator"),
        ("linear", (("colour", "red"),), "unexpected keyword argument 'colour'"),
    ],
)
def test_an_estimator_that_is_none_is_refused_by_name(
    estimator: str, parameters: Any, message: str, spec_of: Make, market: Market
) -> None:
    with pytest.raises(SpecError, match=message):
        fit_model(Recipe(estimator=estimator, parameters=parameters), market(), spec_of(), AS_OF)


@pytest.mark.parametrize("estimator", ["hist_gradient_boosting", "linear", "random_forest"])
def test_several_classes_are_learned_with_their_names(estimator: str, spec_of: Make, market: Market) -> None:
    spec = spec_of(scope={"metric": "log_loss"}, training={"task": "multiclass"})
    rows = sizes(market())
    parameters = SMALL if estimator == "random_forest" else ()
    recipe = Recipe(("level",), level_days=14, iterations=10, estimator=estimator, parameters=parameters)
    fitted = fit_model(recipe, rows, spec, AS_OF)
    schema, prediction = fitted.portable.schema, fitted.portable.predict(rows)
    assert schema.classes == ("large", "middle", "small")
    assert np.allclose(prediction.sum(axis=1), 1)
    right = np.array(schema.classes)[fitted.portable.decisions(prediction)] == rows["price"]
    assert right.mean() > 0.9
    found = importances(fitted.portable, rows, spec, seed=0)
    assert min(found["area"], found["zip"]) > 10 * max(found["floor"], found["garden"])


def test_rows_of_rare_classes_may_weigh_as_much_as_the_others(spec_of: Make, market: Market) -> None:
    spec = spec_of(scope={"metric": "log_loss"}, training={"task": "binary"})
    rows = market()
    rows["price"] = np.random.default_rng(0).random(len(rows)) < 0.1
    plain, balanced = (
        fit_model(Recipe(iterations=5, class_weight=weight), rows, spec, AS_OF).portable.predict(rows).mean()
        for weight in (None, "balanced")
    )
    assert plain == pytest.approx(0.1, abs=0.05)
    assert balanced > 2.5 * plain


def test_groups_that_are_scored_are_not_learned_from(spec_of: Make, market: Market) -> None:
    from tasks.train import without_holdout_groups
    from tests.unit.train.folds import forward_validation

    rows = market()
    rows["owner"] = rows["id"] % 40  # each day of eight rows has eight of forty owners
    rows.loc[rows["day"] >= "2024-03-17", "owner"] = 1000 + rows["id"] % 10  # the newest cohort's are new
    rows.loc[rows.index[:3], "owner"] = 1000  # but for three rows of the first day
    spec = spec_of(split={"group": "owner"})
    (newest,) = [each for each in forward_validation(Recipe(iterations=5), rows, spec, AS_OF) if each.end.day == 30]
    assert newest.rows_fitted == 72 * 8 - 3
    assert len(without_holdout_groups(rows, rows[rows["owner"] == 1000], spec)) == int((rows["owner"] != 1000).sum())
    assert without_holdout_groups(rows, rows, spec_of()) is rows
