"""The choice of a recipe soon after a change: every candidate is cross-fitted on the days since the change.

Forward validation needs months before the hold-out, and a hold-out of its own needs weeks after the change: until then
every candidate would learn from the old regime alone, and be compared on rows of which it knows nothing. Cross-fitting
leaves out one block of the new days after the other, so that each row of them is answered by a fit that knows the rest.
A class that came in one block alone has a probability of 0 there: the champion does not know it either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray
from tasks.spec.project_spec import ProjectSpec
from tasks.train.assessment.cross_fitting import CrossFit, cross_fit_among
from tasks.train.assessment.forward_validation import FoldResult
from tasks.train.data.training_table import TrainingTable, training_table
from tasks.train.fit.calibration import FittedCalibration, fit_calibration
from tasks.train.fit.portable_fit import FittedModel, fit_from_cache
from tasks.train.fit.recipe_fit import FitCache, lacks_a_class
from tasks.train.model_search.recipes import Recipe, candidate_recipes, without_window


@dataclass(frozen=True, slots=True, eq=False)
class RegimeFit:
    """The chosen recipe fitted on all rows, its answers to the days since the change, and the result of each recipe."""

    fitted: FittedModel
    calibration: FittedCalibration
    crossed: CrossFit
    results: tuple[FoldResult, ...]


def fit_in_regime(known: pd.DataFrame, spec: ProjectSpec, as_of: date, start: date) -> RegimeFit | None:
    """Choose the recipe with the lowest cross-fitted loss on the days since a change, and fit it to all rows.

    The recipes are those of the spec, and those that learn from the new days alone, if these have every class. They are
    compared on the same rows: one that cannot answer all of them is left out. The answers are calibrated as those of
    the fit on all rows are.

    Parameters
    ----------
    known : DataFrame
        Labelled rows with `event_date`, oldest first.
    start : date
        The first day since the change.

    Returns
    -------
    RegimeFit or None
        None where no recipe could be cross-fitted: a block has too few rows, or the others lack one of two classes.
    """
    rows, blocks = training_table(known, spec), spec.split.folds + 1
    first, end = rows.day_of(start), int(rows.days.max()) + 1
    edges = _edges(rows, first, end, blocks)
    tried: list[tuple[Recipe, CrossFit]] = []
    since = rows.days >= first

    def answered(recipe: Recipe, calibration: FittedCalibration) -> CrossFit | None:
        used = since if recipe.window_days is not None else np.ones(len(rows), dtype=bool)
        return cross_fit_among(without_window(recipe), calibration, (rows, used), spec, edges)

    for recipe in _candidates(spec, end - first, alone=not lacks_a_class(rows.where(since), spec)):
        crossed = answered(recipe, FittedCalibration())
        if crossed is not None and len(crossed.rows) == since.sum() and np.isfinite(crossed.losses).all():
            tried.append((recipe, crossed))
    if not tried:
        return None
    recipe, crossed = min(tried, key=lambda one: one[1].mean(one[1].losses))
    cache = FitCache(rows, spec)
    calibration = fit_calibration(cache, recipe, as_of)
    if calibration.calibration:
        crossed = answered(recipe, calibration) or crossed
    results = tuple(_result(each, found, rows, (start, rows.date_of(end - 1))) for each, found in tried)
    return RegimeFit(fit_from_cache(cache, recipe, as_of, calibration), calibration, crossed, results)


def _edges(rows: TrainingTable, first: int, end: int, blocks: int) -> FloatArray:
    """Return the first days of blocks with about as many rows each, and the end: there are days without rows."""
    days = np.sort(np.floor(rows.days[(rows.days >= first) & (rows.days < end)]))
    starts = days[np.arange(1, blocks) * len(days) // blocks] if len(days) else np.zeros(0)
    return np.unique(np.concatenate([[float(first)], starts, [float(end)]]))


def _candidates(spec: ProjectSpec, days: int, *, alone: bool) -> list[Recipe]:
    """Return the recipes of the spec and, if asked, those of the newest days alone."""
    recipes = candidate_recipes(spec.training)
    if not alone:
        return recipes
    short = [replace(recipe, treatments=("window",), half_life_days=None, window_days=days) for recipe in recipes]
    return list(dict.fromkeys([*recipes, *short]))


def _result(recipe: Recipe, crossed: CrossFit, rows: TrainingTable, days: tuple[date, date]) -> FoldResult:
    loss, bias = crossed.mean(crossed.losses), crossed.mean(crossed.residuals)
    return FoldResult(recipe, *days, len(rows), len(crossed.losses), loss, bias)
