"""Prediction intervals: what they promise, and that a row has the same one wherever it is answered."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from tasks.inference import answers
from tasks.model import Predictor
from tasks.model.input_matrix import input_matrix
from tasks.score.prediction_rows import predictions
from tasks.spec.project_spec import ProjectSpec
from tasks.train import Recipe, fit_model, train
from tasks.train.data.training_table import training_table
from tasks.train.fit.calibration import FittedCalibration, fit_calibration
from tasks.train.fit.conformal_reach import conformal_reach
from tasks.train.fit.recipe_fit import FitCache

Make = Callable[..., ProjectSpec]
Market = Callable[..., pd.DataFrame]
AS_OF = date(2024, 4, 4)
FLAT = Recipe(estimator="linear")


def uneven(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of which those in zip b are ten times as noisy."""
    noise = np.random.default_rng(4).normal(size=len(rows)) * np.where(rows["zip"] == "b", 10, 1)
    return rows.assign(price=2 * rows["area"] + 100 + noise)


def fitted(rows: pd.DataFrame, spec: ProjectSpec) -> Predictor:
    calibration = fit_calibration(FitCache(training_table(rows, spec), spec), FLAT, AS_OF)
    return fit_model(FLAT, rows, spec, AS_OF, calibration).portable


def covered(rows: pd.DataFrame, model: Predictor) -> np.ndarray:
    bounds = answers(input_matrix(rows, model.schema), model).bounds
    assert bounds is not None
    return ((rows["price"] >= bounds[0]) & (rows["price"] <= bounds[1])).to_numpy()


def test_intervals_hold_as_many_new_labels_as_they_promise_in_every_slice(spec_of: Make, market: Market) -> None:
    spec = spec_of(training={"interval": 0.9, "interval_by": "zip"})
    rows = uneven(market(days=130, a_day=60))
    past, new = rows[rows["day"] < "2024-04-01"], rows[rows["day"] >= "2024-04-06"]
    model, plain = fitted(past, spec), fitted(past, spec_of(training={"interval": 0.9}))
    in_b = (new["zip"] == "b").to_numpy()
    for part in (in_b, ~in_b):
        assert 0.86 < covered(new, model)[part].mean() < 0.95
    assert 0.86 < covered(new, plain).mean() < 0.95
    assert covered(new, plain)[in_b].mean() < 0.85
    assert covered(new, plain)[~in_b].mean() > 0.97
    interval = model.schema.interval
    assert interval is not None
    assert (interval.share, interval.by, interval.rows) == (0.9, "zip", 28 * 60)
    assert interval.reaches[1] > 5 * interval.reaches[0]


def test_an_interval_of_a_logarithm_is_a_factor(spec_of: Make, market: Market) -> None:
    spec, rows = spec_of(training={"interval": 0.8, "target_scale": "log"}), uneven(market())
    model = fitted(rows, spec)
    found = answers(input_matrix(rows, model.schema), model)
    assert found.bounds is not None
    np.testing.assert_allclose(found.bounds[1] / found.prediction, found.prediction / found.bounds[0])


def test_a_row_has_the_same_bits_in_a_batch_and_by_itself(spec_of: Make, market: Market) -> None:
    spec = spec_of(training={"interval": 0.9, "interval_by": "zip", "target_scale": "log"})
    rows = uneven(market()).assign(batch_id="b", revision=1, event_date=AS_OF)
    rows = rows.assign(row_id=rows["id"].astype(str), zip=rows["zip"].where(rows.index % 7 > 0, "elsewhere"))
    model = fitted(rows, spec)
    batch = predictions(rows, model, 1, "champion", datetime(2026, 1, 1, tzinfo=UTC))
    for place in range(0, 60, 3):
        alone = answers(input_matrix(rows.iloc[place : place + 1], model.schema), model).bounds
        assert alone is not None
        assert (float(alone[0][0]).hex(), float(alone[1][0]).hex()) == tuple(
            float(batch[name].iloc[place]).hex() for name in ("lower", "upper")
        )


def test_without_the_key_nothing_is_fitted_and_no_bound_is_given(spec_of: Make, market: Market) -> None:
    rows = market().assign(row_id="a", batch_id="b", revision=1, event_date=AS_OF)
    model = fitted(rows, spec_of())
    assert model.schema.interval is None
    assert answers(input_matrix(rows, model.schema), model).bounds is None
    made = predictions(rows.iloc[:3], model, 1, "champion", datetime(2026, 1, 1, tzinfo=UTC))
    assert made[["lower", "upper"]].isna().all(axis=None)


def test_too_few_residuals_give_no_interval(spec_of: Make, market: Market) -> None:
    assert fitted(market(days=40, a_day=3), spec_of(training={"interval": 0.9})).schema.interval is None


def test_a_training_learns_the_interval_of_its_recipe_and_provenance_repeats_it(spec_of: Make, market: Market) -> None:
    spec = spec_of(training={"interval": 0.9, "interval_by": "zip", "estimators": [{"use": "linear"}]})
    trained = train(uneven(market()), spec, AS_OF)
    stored = json.loads(json.dumps(trained.fitted_calibration.to_dict()))
    assert FittedCalibration.from_dict(stored) == trained.fitted_calibration
    interval = trained.fitted.portable.schema.interval
    assert interval is not None
    assert trained.fitted_calibration.reach is not None
    assert asdict(interval)["reach"] == trained.fitted_calibration.reach.reach


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.floats(0.05, 0.95))
def test_the_label_to_come_is_inside_with_at_least_the_promised_chance(sizes: list[float], share: float) -> None:
    """Of n + 1 exchangeable sizes each is as likely the one to come."""
    values = np.array(sizes)
    inside = [values[place] <= conformal_reach(np.delete(values, place), share) for place in range(len(values))]
    assert np.mean(inside) >= share - 1e-9


@given(st.lists(st.integers(1, 4), min_size=2, max_size=30))
def test_a_row_that_counts_twice_is_two_in_the_reach(counts: list[int]) -> None:
    sizes, weights = np.sin(np.arange(len(counts)) * 12.9898), np.array(counts, dtype=float)
    needed = 0.6 * (weights.sum() + weights.mean())  # the row to come counts as the mean
    found = conformal_reach(sizes, 0.6, weights)
    repeated = np.sort(np.repeat(sizes, counts))
    place = math.ceil(needed - 1e-9) - 1
    assert found == (repeated[place] if place < len(repeated) else math.inf)
