"""The rule of a release: found with the proven model, said in the released one's own codes."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from tasks.model import confidence
from tasks.model.input_matrix import input_matrix
from tasks.train import Recipe
from tasks.train.fit.deferral_rule import leading_inputs, release_deferral, row_errors
from tasks.train.fit.portable_fit import fit_model
from tasks.train.model_search.recipes import candidate_recipes
from tests.unit.train.conftest import market, spec_of

WEIGHTS = {"area": 0.5, "floor": 0.0, "zip": 0.9, "garden": 0.1}
RECIPE = Recipe(iterations=20)


def test_the_leading_inputs_are_numbers_and_booleans_that_matter() -> None:
    spec, rows = spec_of(), market()
    model = fit_model(RECIPE, rows, spec, date(2024, 3, 1)).portable
    assert leading_inputs(model, WEIGHTS, spec) == ["area", "garden"]


@pytest.mark.parametrize("target", [None, 1e-9, 1e9])
def test_the_rule_passes_on_none_all_or_few_rows_as_the_target_asks(target: float | None) -> None:
    rows = market(120)
    spec = spec_of(automation={"target_error": target})
    past = rows[rows["day"] < "2024-03-01"]
    holdout = rows[rows["day"] >= "2024-03-01"]
    proven = fit_model(RECIPE, past, spec, date(2024, 3, 5)).portable
    released = fit_model(RECIPE, rows, spec, date(2024, 6, 1)).portable
    rule = release_deferral(proven, released, holdout, spec, WEIGHTS)
    if target is None:
        assert rule is None
        return
    assert rule is not None
    assert rule.errors is not None
    assert rule.errors.inputs == ("area", "garden")
    assert len(rule.typical) == len(released.schema.inputs)
    assert (rule.threshold is None, rule.share) == ((True, 0.0) if target < 1 else (False, 1.0))


def test_a_row_of_classes_is_right_or_wrong() -> None:
    rows = market()
    rows = rows.assign(price=(rows["price"] > rows["price"].median()).astype(float))
    spec = spec_of(scope={"metric": "log_loss", "baseline": "mean"}, training={"task": "binary"})
    model = fit_model(RECIPE, rows, spec, date(2024, 6, 1)).portable
    errors = row_errors(model, rows, spec, model.predict(rows))
    assert set(np.unique(errors)) <= {0.0, 1.0}
    assert errors.mean() < 0.2
    assert confidence(model.predict(rows), input_matrix(rows, model.schema), model.schema).min() >= 0.5


def test_a_recipe_and_its_parts_are_one() -> None:
    for recipe in candidate_recipes(spec_of().training):
        assert Recipe.from_dict(recipe.described()) == recipe
