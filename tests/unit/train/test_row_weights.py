"""Rows that count differently: a row with weight 2 is one that is there twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import DataError
from tasks.spec.project_spec import ProjectSpec
from tasks.train import Recipe, baseline_prediction, fit_model
from tasks.train.assessment.cross_fitting import release_evidence
from tasks.train.assessment.forward_validation import score_folds
from tasks.train.data.training_table import training_table
from tasks.train.data.weighted_levels import weighted_median, weighted_quantile
from tasks.train.fit.calibration import FittedCalibration, fit_calibration_table, least_costly_threshold
from tasks.train.fit.recipe_fit import FitCache, log_odds_offset

Make = Callable[..., ProjectSpec]
Market = Callable[..., pd.DataFrame]
AS_OF = date(2024, 4, 4)
LINEAR = Recipe(("recency", "level"), half_life_days=30, level_days=14, estimator="linear")
COUNTS = st.lists(st.integers(1, 4), min_size=1, max_size=30)


def weighed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of which some count two or three times, and of which some have a missing number."""
    gaps = rows["area"].where(np.arange(len(rows)) % 17 > 0)
    return rows.assign(area=gaps, times=1.0 + np.arange(len(rows)) % 3)


def repeated(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.loc[rows.index.repeat(rows["times"].astype(int))].assign(times=1.0).reset_index(drop=True)


@pytest.mark.parametrize(
    ("task", "label"), [("regression", lambda price: price), ("binary", lambda price: (price > 150).astype(float))]
)
def test_a_fit_to_weighted_rows_is_that_to_repeated_ones(
    task: str, label: Callable[[pd.Series], pd.Series], spec_of: Make, market: Market
) -> None:
    metric = "log_loss" if task == "binary" else "mean_absolute_error"
    spec = spec_of(scope={"weight": "times", "metric": metric}, training={"task": task})
    rows = weighed(market(days=40))
    rows = rows.assign(price=label(rows["price"]))
    fitted, again = (fit_model(LINEAR, each, spec, AS_OF).portable for each in (rows, repeated(rows)))
    np.testing.assert_allclose(fitted.predict(rows), again.predict(rows), rtol=1e-5)
    alike = fit_model(LINEAR, rows, spec_of(scope={"metric": metric}, training={"task": task}), AS_OF).portable
    assert not np.allclose(fitted.predict(rows), alike.predict(rows), rtol=1e-4)


def test_folds_the_baseline_and_the_promise_have_weighted_means(spec_of: Make, market: Market) -> None:
    spec, rows = spec_of(scope={"weight": "times"}), weighed(market(days=60))
    flat = Recipe(estimator="linear")
    one, two = (score_folds(FitCache(training_table(each, spec), spec), flat, AS_OF) for each in (rows, repeated(rows)))
    assert [fold.loss for fold in one] == pytest.approx([fold.loss for fold in two])
    assert [fold.bias for fold in one] == pytest.approx([fold.bias for fold in two])
    assert baseline_prediction(rows, spec) == pytest.approx(baseline_prediction(repeated(rows), spec))
    promises = [release_evidence(flat, FittedCalibration(), each, spec) for each in (rows, repeated(rows))]
    means = [(each.promise.loss.promised.mean, each.promise.bias_unit) for each in promises if each]
    assert means[0] == pytest.approx(means[1])
    counts = [each.promise.loss.promised.count for each in promises if each]
    assert counts == [len(rows), rows["times"].sum()]  # a weighted row is one row: only repeated ones are more certain


def test_a_weight_that_is_missing_or_not_above_0_is_not_learned_from(spec_of: Make, market: Market) -> None:
    spec, rows = spec_of(scope={"weight": "times"}), market(days=20)
    with pytest.raises(DataError, match=r"found 160 of 160 rows without a number above 0 in 'times'"):
        training_table(rows, spec)
    with pytest.raises(DataError, match=r"found 2 of 160 rows"):
        training_table(rows.assign(times=np.where(rows.index < 2, -1.0, 1.0)), spec)


def test_an_estimator_that_cannot_weigh_rows_is_refused(spec_of: Make, market: Market) -> None:
    recipe = Recipe(estimator="sklearn.neighbors:KNeighborsRegressor")
    with pytest.raises(DataError, match=r"which scope.weight needs; take the estimator out"):
        fit_model(recipe, weighed(market(days=20)), spec_of(scope={"weight": "times"}), AS_OF)


@given(COUNTS)
def test_a_weighted_level_is_that_of_repeated_numbers(counts: list[int]) -> None:
    values = np.sin(np.arange(len(counts)) * 12.9898)
    weights, all_of_them = np.array(counts, dtype=float), np.repeat(values, counts)
    assert weighted_median(values, weights) == pytest.approx(np.median(all_of_them))
    expected = np.quantile(all_of_them, 0.75, method="inverted_cdf")
    assert weighted_quantile(values, 0.75, weights) == expected


@given(COUNTS)
def test_a_calibration_a_threshold_and_an_offset_of_weighted_rows_are_those_of_repeated_ones(counts: list[int]) -> None:
    scores, weights = np.sin(np.arange(len(counts)) * 12.9898), np.array(counts, dtype=float)
    truth = (np.arange(len(counts)) % 3 > 0).astype(float)
    many, of_many = np.repeat(scores, counts), np.repeat(truth, counts)
    table, expected = (
        fit_calibration_table(scores, truth, "isotonic", weights),
        fit_calibration_table(many, of_many, "isotonic"),
    )
    assert np.interp(scores, table.scores, table.probabilities) == pytest.approx(
        np.interp(scores, expected.scores, expected.probabilities)
    )
    costs = 1.0, 3.0
    assert least_costly_threshold(scores, truth, costs, weights) == least_costly_threshold(many, of_many, costs)
    assert log_odds_offset(scores, truth, weights) == pytest.approx(log_odds_offset(many, of_many))
