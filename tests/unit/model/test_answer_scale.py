"""Calibration is a table of plain numbers that answers as scikit-learn's does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.inference.answer_scale import calibrate, predictions_from_scores, scores_from_probabilities
from tasks.model import Calibration, ModelSchema, OnnxModel

FROZEN = Path(__file__).parent / "frozen"
BINARY = ModelSchema("demo", "binary", "log_loss", "day", link="logistic")
THREE = ModelSchema("demo", "multiclass", "log_loss", "day", link="softmax")


def test_an_isotonic_table_is_the_fitted_regressions() -> None:
    from sklearn.isotonic import IsotonicRegression

    rng = np.random.default_rng(0)
    score = rng.normal(size=500)
    truth = rng.random(500) < 1 / (1 + np.exp(-2 * score))
    fitted = IsotonicRegression(out_of_bounds="clip").fit(score, truth)
    table = Calibration(
        "isotonic", scores=tuple(fitted.X_thresholds_.tolist()), probabilities=tuple(fitted.y_thresholds_.tolist())
    )
    asked = np.concatenate([score, [-9.0, 9.0]])
    assert calibrate(asked, table) == pytest.approx(fitted.predict(asked), abs=1e-12)


def test_a_sigmoid_table_is_platts() -> None:
    table = Calibration("sigmoid", slope=2.0, intercept=-1.0)
    assert calibrate(np.array([0.5, 1.0, 1e4, -1e4]), table) == pytest.approx([0.5, 1 / (1 + np.exp(-1)), 1, 0])


def test_a_calibrated_model_answers_through_its_table_and_not_through_the_link() -> None:
    model = OnnxModel(
        ModelSchema.from_json((FROZEN / "schema_1.json").read_bytes()), (FROZEN / "model_1.onnx").read_bytes()
    )
    table = Calibration("isotonic", scores=(10.5, 20.5), probabilities=(0.2, 0.8))
    tabled = replace(model, schema=replace(model.schema, task="binary", link="logistic", calibration=(table,)))
    rows = pd.DataFrame({"area": [40.0, 60.0], "garden": True, "zip": "98103", "day": pd.Timestamp("2024-02-01")})
    assert tabled.predict(rows) == pytest.approx([0.2, 0.8])


def test_each_class_has_its_table_and_the_rest_is_shared_out() -> None:
    """Three alike have log odds of -log 2, of which the tables say 0.2, 0.2 and 0.4: they add up to 0.8."""
    flat = [Calibration("isotonic", scores=(-1.0, 1.0), probabilities=(low, low)) for low in (0.2, 0.2, 0.4)]
    schema = replace(THREE, calibration=tuple(flat))
    assert predictions_from_scores(np.array([[0.0, 0.0, 0.0], [7.0, 7.0, 7.0]]), schema) == pytest.approx(
        np.array([[0.25, 0.25, 0.5]] * 2)
    )


def test_where_all_tables_say_nothing_the_classes_are_alike() -> None:
    none = Calibration("isotonic", scores=(0.0,), probabilities=(0.0,))
    found = predictions_from_scores(np.array([[3.0, 0.0, 0.0]]), replace(THREE, calibration=(none,) * 3))
    assert found == pytest.approx(np.full((1, 3), 1 / 3))


def test_a_table_that_changes_nothing_leaves_several_classes_as_they_are() -> None:
    same = replace(THREE, calibration=(Calibration("sigmoid"),) * 3)
    score = np.array([[0.2, -1.0, 2.0], [5.0, 5.0, 4.0]])
    assert predictions_from_scores(score, same) == pytest.approx(predictions_from_scores(score, THREE))


def test_scores_of_probabilities_are_turned_back_by_the_link() -> None:
    binary = np.array([0.01, 0.5, 0.9])
    assert predictions_from_scores(scores_from_probabilities(binary), BINARY) == pytest.approx(binary)
    three = np.array([[0.2, 0.3, 0.5], [0.9, 0.1, 0.0]])
    assert predictions_from_scores(scores_from_probabilities(three), THREE) == pytest.approx(three, abs=1e-8)
    assert np.isfinite(scores_from_probabilities(np.array([0.0, 1.0]))).all()


def test_scores_past_the_exponentials_range_are_still_probabilities() -> None:
    assert predictions_from_scores(np.array([[1e4, 0.0, -1e4]]), THREE).tolist() == [[1.0, 0.0, 0.0]]
