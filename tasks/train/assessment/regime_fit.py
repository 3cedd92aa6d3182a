"""The choice of a recipe soon after a change: every candidate is cross-fitted on the days since the change.

Forward validation needs months before the hold-out, and a hold-out of its own needs weeks after the change: until then
every candidate would learn from the old regime alone, and be compared on rows of which it knows nothing. Cross-fitting
leaves out one block of the new days after the other, so that each row of them is answered by a fit that knows the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from tasks.errors import DataError
from tasks.spec.project_spec import ProjectSpec
from tasks.train.assessment.cross_fitting import CrossFit, cross_fit_among
from tasks.train.assessment.forward_validation import FoldResult
from tasks.train.data.training_table import TrainingTable, training_table
from tasks.train.fit.calibration import FittedCalibration, fit_calibration
from tasks.train.fit.portable_fit import FittedModel, fit_from_cache
from tasks.train.fit.recipe_fit import FitCache
from tasks.train.model_search.recipes import Recipe, candidate_recipes, without_window


@dataclass(frozen=True, slots=True, eq=False)
class RegimeFit:
    """The chosen recipe fitted on all rows, its answers to the days since the change, and the result of each recipe."""

    fitted: FittedModel
    calibration: FittedCalibration
    crossed: CrossFit
    results: tuple[FoldResult, ...]


def fit_in_regime(known: pd.DataFrame, spec: ProjectSpec, as_of: date, start: date) -> RegimeFit:
    """Choose the recipe with the lowest cross-fitted loss on the days since a change, and fit it to all rows.

    The recipes are those of the spec, and those that learn from the new days alone. They are compared on the same rows:
    one that cannot answer all of them is left out.

    Parameters
    ----------
    known : DataFrame
        Labelled rows with `event_date`, oldest first.
    start : date
        The first day since the change.

    Raises
    ------
    DataError
        No recipe could be cross-fitted: a block has too few rows, or a class has none.
    """
    rows, blocks = training_table(known, spec), spec.split.folds + 1
    first, end = rows.day_of(start), int(rows.days.max()) + 1
    edges = first + np.arange(blocks + 1) * (end - first) / blocks
    tried: list[tuple[Recipe, CrossFit]] = []
    since = rows.days >= first
    for recipe in _candidates(spec, end - first):
        used = since if recipe.window_days is not None else np.ones(len(rows), dtype=bool)
        crossed = cross_fit_among(without_window(recipe), FittedCalibration(), (rows, used), spec, edges)
        if crossed is not None and len(crossed.rows) == since.sum() and np.isfinite(crossed.losses).all():
            tried.append((recipe, crossed))
    if not tried:
        raise DataError(f"no recipe can be cross-fitted on the days since {start}: there are too few labelled rows")
    recipe, crossed = min(tried, key=lambda one: one[1].mean(one[1].losses))
    cache = FitCache(rows, spec)
    calibration = fit_calibration(cache, recipe, as_of)
    results = tuple(_result(each, found, rows, (start, rows.date_of(end - 1))) for each, found in tried)
    return RegimeFit(fit_from_cache(cache, recipe, as_of, calibration), calibration, crossed, results)


def _candidates(spec: ProjectSpec, days: int) -> list[Recipe]:
    """Return the recipes of the spec, and those of the newest days alone."""
    recipes = candidate_recipes(spec.training)
    alone = [replace(recipe, treatments=("window",), half_life_days=None, window_days=days) for recipe in recipes]
    return list(dict.fromkeys([*recipes, *alone]))


def _result(recipe: Recipe, crossed: CrossFit, rows: TrainingTable, days: tuple[date, date]) -> FoldResult:
    loss, bias = crossed.mean(crossed.losses), crossed.mean(crossed.residuals)
    return FoldResult(recipe, *days, len(rows), len(crossed.losses), loss, bias)
