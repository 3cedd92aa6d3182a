"""Forward validation: fits on the rows known on a day and scores the following days, as in service."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from tasks.arrays import FloatArray
from tasks.errors import DataError
from tasks.inference.answer_scale import LINKS
from tasks.inference.schema import Link
from tasks.spec.project_spec import ProjectSpec
from tasks.statistics.losses import LOSSES, RESIDUALS
from tasks.train.data.training_table import TrainingTable
from tasks.train.fit.recipe_fit import FitCache, FittedRecipe, lacks_a_class
from tasks.train.model_search.recipes import Recipe

FEWEST_SCORED = 20  # fewer rows are not enough for a fold
TIE = 0.001  # recipes with losses that differ by less than a thousandth are equally good


@dataclass(frozen=True, slots=True)
class FoldResult:
    """One recipe on one fold: days and rows of the scored cohort, mean loss and bias on the scale of the metric."""

    recipe: Recipe
    start: date
    end: date
    rows_fitted: int
    rows_scored: int
    loss: float
    bias: float


def score_folds(cache: FitCache, recipe: Recipe, as_of: date) -> list[FoldResult]:
    """Return the results of a recipe in the newest cohorts, oldest first.

    The newest cohort ends with the newest matured row; each is `split.fold_days` long. A cohort that starts on day s is
    scored by a fit on the rows with labels known on s: events up to s - label delay, and before s.

    Parameters
    ----------
    cache : FitCache
        The rows and the spec. Rows that had not matured on `as_of` are not used.
    recipe : Recipe
        The recipe to evaluate.
    as_of : date
        The night that trains.

    Returns
    -------
    list of FoldResult
        Up to `split.folds`; folds with fewer than half of `training.min_rows` to fit on, or 20 to score, are left out.
    """
    results = [score_fold(cache, recipe, end) for end in fold_ends(cache, as_of)]
    return [result for result in results if result is not None]


def fold_ends(cache: FitCache, as_of: date) -> list[int]:
    """Return the last day of each cohort, oldest first, in days since the table's origin."""
    spec, newest = cache.spec, newest_day(cache, as_of)
    return [newest - step * spec.split.fold_days for step in reversed(range(spec.split.folds))]


def score_fold(cache: FitCache, recipe: Recipe, end: int) -> FoldResult | None:
    """Return the result of the recipe on the cohort that ends on a day; None with too few rows."""
    fitted_and_scored = fit_before_cohort(cache, recipe, end)
    if fitted_and_scored is None:
        return None
    fitted, scored = fitted_and_scored
    spec, rows = cache.spec, cache.rows
    prediction = LINKS[link(spec)](fitted.score(scored))
    losses = LOSSES[spec.scope.metric](scored.truth, prediction)
    residuals = RESIDUALS[spec.scope.metric](scored.truth, prediction)
    return FoldResult(
        recipe=recipe,
        start=rows.date_of(end - spec.split.fold_days + 1),
        end=rows.date_of(end),
        rows_fitted=fitted.rows,
        rows_scored=len(scored),
        loss=float(np.average(losses, weights=scored.weights)),
        bias=float(np.average(residuals, weights=scored.weights)),
    )


def fit_before_cohort(cache: FitCache, recipe: Recipe, end: int) -> tuple[FittedRecipe, TrainingTable] | None:
    """Return the recipe fitted on the rows known before a cohort, and the cohort that ends on a day; or None."""
    rows, spec = cache.rows, cache.spec
    start, delay = end - spec.split.fold_days + 1, max(spec.source.label.delay_days, 1)
    before, scored = rows.between(0, start - delay), rows.between(start, end)
    if len(before) < FEWEST_SCORED or len(scored) < FEWEST_SCORED:
        return None
    until, scored_from = int(before.days.max()), start
    enough = len(before.without_groups_of(scored)) >= max(FEWEST_SCORED, spec.training.min_rows // 2)
    learning_rows = cache.learning_rows(recipe, until, scored_from)
    if not enough or len(learning_rows) < FEWEST_SCORED or lacks_a_class(learning_rows, spec):
        return None
    return cache.fitted_recipe(recipe, until, scored_from), scored


def mean_loss(rows: TrainingTable, scores: FloatArray, spec: ProjectSpec) -> float:
    """Return the mean loss of rows, from scores on the scale of the model."""
    losses = LOSSES[spec.scope.metric](rows.truth, LINKS[link(spec)](scores))
    return float(np.average(losses, weights=rows.weights))


def choose_recipe(results: Sequence[FoldResult]) -> Recipe:
    """Return the recipe with the lowest weighted loss; a tie (within a thousandth) goes to the simpler one.

    The newest fold weighs 1, each older one half of its successor, because the next weeks are most similar to
    the last. A recipe with a loss that is not a number, or without a fold that others have, is not eligible.

    Raises
    ------
    DataError
        There is no eligible recipe.

    Examples
    --------
    Two folds, weights 1/3 and 2/3: "level" (0.3 + 2 * 0.1) / 3 = 0.167 beats all_history (0.2 + 2 * 0.2) / 3 = 0.2,
    although both have the same mean.

    >>> day, flat, level = date(2024, 1, 1), Recipe(), Recipe(("level",))
    >>> older, newer = (day, day, 9, 9), (date(2024, 2, 1), date(2024, 2, 28), 9, 9)
    >>> folds = [FoldResult(flat, *older, 0.2, 0), FoldResult(flat, *newer, 0.2, 0)]
    >>> folds += [FoldResult(level, *older, 0.3, 0), FoldResult(level, *newer, 0.1, 0)]
    >>> choose_recipe(folds).name
    'level 28 d, 200 rounds'
    """
    recipes = list(dict.fromkeys(result.recipe for result in results))
    most = max((sum(result.recipe == recipe for result in results) for recipe in recipes), default=0)
    scores = {recipe: weighted_loss([result for result in results if result.recipe == recipe]) for recipe in recipes}
    eligible = [
        recipe
        for recipe in recipes
        if sum(result.recipe == recipe for result in results) == most and not math.isnan(scores[recipe])
    ]
    if not eligible:
        raise DataError(
            f"found {len(results)} fold results and no recipe with a loss on every fold; expected at least one. "
            "The history is too short for split.folds * split.fold_days, or predictions are not numbers."
        )
    best = min(scores[recipe] for recipe in eligible)
    tied = [recipe for recipe in eligible if scores[recipe] <= best * (1 + TIE)]
    return min(tied, key=lambda recipe: (recipe.corrections, recipe.iterations, scores[recipe]))


def weighted_loss(results: Sequence[FoldResult]) -> float:
    """Return the mean loss of one recipe's folds, each older fold weighing half of the next; NaN without any."""
    ordered = sorted(results, key=lambda result: result.start, reverse=True)
    weights = [0.5**age for age in range(len(ordered))]
    total = sum(weight * result.loss for weight, result in zip(weights, ordered, strict=True))
    return total / sum(weights) if weights else math.nan


def newest_day(cache: FitCache, as_of: date) -> int:
    """Return the newest whole day with matured rows, in days since the table's origin.

    Raises
    ------
    DataError
        No row had matured.
    """
    matured = cache.rows.day_of(cache.spec.matured_until(as_of))
    matured_rows = cache.rows.between(0, matured)
    if not len(matured_rows):
        raise DataError(
            f"found no row of {cache.spec.project!r} with a label known on {as_of}; labels arrive "
            f"{cache.spec.source.label.delay_days} days late and the first event is of {cache.rows.origin}. "
            "Train later."
        )
    return int(matured_rows.days.max())


def link(spec: ProjectSpec) -> Link:
    """Return the name of the link from the scale of the model to label units or probabilities."""
    links: dict[str, Link] = {"binary": "logistic", "multiclass": "softmax"}
    regression_link: Link = "exp" if spec.training.target_scale == "log" else "identity"
    return links.get(spec.training.task, regression_link)
