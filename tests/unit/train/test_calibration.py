"""Calibration, thresholds and feature selection are learned from forward validation."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.errors import DataError, SpecError
from tasks.model import Calibration
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics.losses import log_losses
from tasks.train import Recipe, baseline_predictions, learning_curve, train
from tasks.train.data.training_table import training_table
from tasks.train.fit.calibration import (
    FittedCalibration,
    Kind,
    calibrated_probabilities,
    fit_calibration,
    fit_calibration_tables,
)
from tasks.train.fit.portable_fit import fit_on_all_rows
from tasks.train.fit.recipe_fit import FitCache
from tasks.train.model_search.feature_selection import select_features

Make = Callable[..., ProjectSpec]
Market = Callable[..., pd.DataFrame]
AS_OF = date(2024, 4, 4)
BINARY = {"task": "binary", "time_treatments": ["all_history"]}
OVERFITTED = Recipe(iterations=60, learning_rate=0.5, parameters=(("min_samples_leaf", 2),))


def coins(rows: pd.DataFrame) -> pd.DataFrame:
    """A label that the area makes likelier, and chance decides: P = area / 140."""
    return rows.assign(price=np.random.default_rng(3).random(len(rows)) < rows["area"] / 140)


def test_probabilities_that_promise_too_much_are_corrected_where_the_metric_judges_them(
    spec_of: Make, market: Market
) -> None:
    rows = coins(market(a_day=20))
    spec = spec_of(scope={"metric": "log_loss"}, training=BINARY)
    cache = FitCache(training_table(rows, spec), spec)
    (found,) = fit_calibration(cache, OVERFITTED, AS_OF).calibration
    assert found.kind in {"sigmoid", "isotonic"}
    tame = fit_calibration(cache, Recipe(iterations=5), AS_OF)
    assert tame == FittedCalibration()  # nothing to correct
    misses = spec_of(scope={"metric": "error_rate"}, training=BINARY)
    assert fit_calibration(FitCache(training_table(rows, misses), misses), OVERFITTED, AS_OF).calibration == ()


def test_the_spec_may_name_the_correction_or_none(spec_of: Make, market: Market) -> None:
    rows = coins(market())
    kinds = {}
    for kind in ("none", "sigmoid", "isotonic"):
        spec = spec_of(scope={"metric": "brier_score"}, training=BINARY | {"calibration": kind})
        found = fit_calibration(FitCache(training_table(rows, spec), spec), Recipe(iterations=5), AS_OF)
        kinds[kind] = [each.kind for each in found.calibration]
    assert kinds == {"none": [], "sigmoid": ["sigmoid"], "isotonic": ["isotonic"]}


def test_costs_move_the_threshold_and_both_stay_with_the_model(spec_of: Make, market: Market) -> None:
    rows = coins(market(a_day=20))
    scope = {"metric": "log_loss", "false_positive_cost": 1.0, "false_negative_cost": 9.0}
    spec = spec_of(scope=scope, training=BINARY | {"calibration": "sigmoid"})
    trained = train(rows, spec, AS_OF)
    schema = trained.fitted.portable.schema
    assert schema.threshold is not None
    assert schema.threshold == pytest.approx(0.1, abs=0.15)  # 1 / (1 + 9), were probabilities exact
    assert schema.calibration == trained.fitted_calibration.calibration != ()
    assert trained.fitted.portable.decisions(np.array([schema.threshold - 0.01, schema.threshold])).tolist() == [0, 1]


def test_probabilities_of_several_classes_that_promise_too_much_are_corrected() -> None:
    """Scores four times as large as the truth's own: every class is said too surely, and no table finds the factor."""
    rng = np.random.default_rng(0)
    own = rng.normal(size=(3000, 3))
    chances = np.exp(own) / np.exp(own).sum(axis=1, keepdims=True)
    truth = (rng.random((3000, 1)) > chances.cumsum(axis=1)).sum(axis=1).astype(float)
    learned = slice(0, 2000), slice(2000, None)
    kinds: tuple[Kind, ...] = ("sigmoid", "isotonic")
    for kind in kinds:
        tables = fit_calibration_tables(4 * own[learned[0]], truth[learned[0]], kind)
        before, after = (
            log_losses(truth[learned[1]], calibrated_probabilities(4 * own[learned[1]], given)).mean()
            for given in ((), tables)
        )
        best = log_losses(truth[learned[1]], chances[learned[1]]).mean()
        assert best < after < best + 0.1 < before
        assert calibrated_probabilities(4 * own, tables).sum(axis=1) == pytest.approx(1)


def test_a_class_that_came_with_the_newest_rows_leaves_the_tables_of_the_others_to_the_others(
    spec_of: Make, market: Market
) -> None:
    task = BINARY | {"task": "multiclass", "calibration": "sigmoid"}
    spec = spec_of(scope={"metric": "log_loss"}, training=task)
    rows = market(a_day=20)
    sizes = pd.qcut(rows["area"], [0, 0.3, 0.6, 0.8, 1], labels=["small", "medium", "large", "huge"]).astype(str)
    rows, newer = rows.assign(price=sizes.replace("huge", "large")), rows.assign(price=sizes)
    trained = train(rows, spec, AS_OF)
    assert trained.fitted.portable.schema.class_names == ("large", "medium", "small")
    newer = newer.assign(event_date=newer["day"].dt.date)
    released = fit_on_all_rows(trained.recipe, trained.fitted_calibration, newer, spec).portable
    assert released.schema.class_names == ("huge", "large", "medium", "small")
    assert released.schema.calibration == (Calibration("sigmoid"), *trained.fitted_calibration.calibration)
    chosen = np.array(released.schema.class_names)[released.predict(newer).argmax(axis=1)]
    assert (chosen == newer["price"]).mean() > 0.95


def test_features_that_do_nothing_are_left_out_when_the_spec_asks(spec_of: Make, market: Market) -> None:
    spec = spec_of(training={"selection": True, "time_treatments": ["all_history"]})
    trained = train(market(), spec, AS_OF)
    assert trained.selection is not None
    selection = json.loads(json.dumps(trained.selection.to_dict(), allow_nan=False))
    assert selection["dropped"] == ["floor", "garden"]
    schema = trained.fitted.portable.schema
    assert (schema.numbers, schema.booleans, list(schema.categories)) == (("area",), (), ["zip"])
    assert trained.recipe.features == ("area", "zip")
    assert np.isfinite(trained.fitted.portable.predict(market()[["area", "zip"]])).all()


def test_features_are_kept_when_the_recipe_is_worse_without_them(
    spec_of: Make, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of()
    cache, recipe = FitCache(training_table(market(), spec), spec), Recipe(iterations=20)
    seen = select_features(cache, recipe, AS_OF).uses
    uses = {use.feature: use.rise / use.noise for use in seen if use.noise > 0}
    assert uses["area"] > uses["zip"] > 2
    monkeypatch.setattr(
        "tasks.train.model_search.feature_selection.NOISE", (uses["area"] + uses["zip"]) / 2
    )  # zip would seem useless
    found = select_features(cache, recipe, AS_OF)
    assert found.loss_without > 1.01 * found.loss
    assert found.recipe == recipe
    assert all(use.kept for use in found.uses)


def test_the_learning_curve_falls_and_says_whether_more_would_help(spec_of: Make, market: Market) -> None:
    curve = learning_curve(Recipe(iterations=20), market(), spec_of(), AS_OF)
    assert [round(rows / curve.rows[-1], 1) for rows in curve.rows] == [0.3, 0.5, 1.0]
    assert curve.losses[0] > curve.losses[2]
    assert json.loads(json.dumps(curve.to_dict(), allow_nan=False))["answer"] == curve.answer
    assert math.isnan(learning_curve(Recipe(), market(days=15), spec_of(), AS_OF).gain)


PAST = pd.DataFrame(
    {
        "day": pd.to_datetime(["2024-01-01"] * 4),
        "area": [10.0, 20.0, 30.0, 40.0],
        "zip": ["a", "a", "b", "b"],
        "price": [1.0, 3.0, 10.0, 20.0],
    }
)
NEW = pd.DataFrame({"area": [5.0, None], "zip": ["b", "c"]})


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("median", [6.5, 6.5]),
        ("area", [5.0, 6.5]),  # the column itself; the median where it is missing
        ("zip", [15.0, 6.5]),  # the median of its zip; of all where the zip is new
    ],
)
def test_a_trivial_rule_may_be_a_column(rule: str, expected: list[float], spec_of: Make) -> None:
    assert baseline_predictions(PAST, NEW, spec_of(scope={"baseline": rule})).tolist() == expected


def test_a_trivial_rule_may_be_the_projects_own_and_never_sees_the_label(spec_of: Make, tmp_path: Path) -> None:
    code = "def twice(rows):\n    assert 'price' not in rows\n    return 2 * rows['area']\n"
    (tmp_path / "own_rule_of_flats.py").write_text(code + "def one(rows):\n    return [1.0]\n")
    spec = spec_of(scope={"baseline": "own_rule_of_flats:twice"})
    assert baseline_predictions(PAST, NEW.assign(price=0.0), spec, tmp_path).tolist() == [10.0, 6.5]
    with pytest.raises(DataError, match="got 2 rows and returned 1"):
        baseline_predictions(PAST, NEW, spec_of(scope={"baseline": "own_rule_of_flats:one"}), tmp_path)
    with pytest.raises(SpecError, match="put the module next to"):
        baseline_predictions(PAST, NEW, spec_of(scope={"baseline": "own_rule_of_flats:none"}), tmp_path)


def test_a_trivial_rule_of_several_classes_is_their_shares(spec_of: Make) -> None:
    spec = spec_of(scope={"metric": "log_loss", "baseline": "majority"}, training={"task": "multiclass"})
    past = PAST.assign(price=["x", "x", "y", "x"])
    assert baseline_predictions(past, NEW, spec).tolist() == [[0.75, 0.25]] * 2
    by_zip = spec_of(scope={"metric": "log_loss", "baseline": "zip"}, training={"task": "multiclass"})
    assert baseline_predictions(past, NEW, by_zip).tolist() == [[0.5, 0.5], [0.75, 0.25]]
