"""Training: evaluates recipes within the time allowed, chooses one, fits it, and returns the leaderboard."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

import pandas as pd

from tasks.errors import DataError
from tasks.spec.project_spec import ProjectSpec
from tasks.train.assessment.cross_fitting import CrossFit
from tasks.train.assessment.forward_validation import FoldResult, choose_recipe, newest_day, score_folds, weighted_loss
from tasks.train.assessment.regime_fit import fit_in_regime
from tasks.train.data.training_table import TrainingTable, training_table
from tasks.train.fit.calibration import FittedCalibration, fit_calibration
from tasks.train.fit.portable_fit import FittedModel, fit_from_cache
from tasks.train.fit.recipe_fit import FEWEST_CLASSES, FitCache, without_level
from tasks.train.model_search.feature_selection import FeatureSelection, select_features
from tasks.train.model_search.recipes import Recipe, candidate_recipes
from tasks.train.model_search.search import search_recipes
from tasks.train.model_search.search_options import LeaderboardLine, ParallelMap, SearchOptions, TrialResult

Outcome: TypeAlias = "list[FoldResult] | str"
"""The folds of a recipe, or why it cannot be fitted."""
TRYING_SHARE = 0.8  # of training_minutes; the rest is for the final fit and its proof


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The fitted model, the result of every recipe, and the time taken.

    Attributes
    ----------
    leaderboard : list of dict
        Per recipe: `recipe` (its name), `described` (its parts), `status` ("chosen", "tried", "not_tried", "pruned" or
        "failed"), `loss` (weighted mean over folds, None without one), `folds` (first and last day, rows, loss and bias
        of each).
    fitted_calibration : FittedCalibration
        Calibration and decision threshold, from forward validation.
    selection : FeatureSelection or None
        Effect of each feature, if the spec asks for feature selection.
    """

    fitted: FittedModel
    leaderboard: list[LeaderboardLine]
    seconds: float
    fitted_calibration: FittedCalibration = field(default_factory=FittedCalibration)
    selection: FeatureSelection | None = None

    @property
    def recipe(self) -> Recipe:
        """The chosen recipe; it is refitted after the gate has passed."""
        return self.fitted.recipe


def train(
    rows: pd.DataFrame,
    spec: ProjectSpec,
    as_of: date,
    *,
    spread: ParallelMap = map,
    search: SearchOptions | None = None,
) -> TrainingResult:
    """Choose a recipe by forward validation and fit it to all matured rows.

    The caller keeps back a hold-out for the gate; all of `rows` is used for training. With too little history for a
    single fold the simplest recipe is chosen. Fixed recipes, then those of the search, are tried until 80 % of
    `scope.training_minutes` is used; the first ones, which share their fits, are always tried.

    Parameters
    ----------
    rows : DataFrame
        Feature columns (after the feature function of the project), event time and label.
    spec : ProjectSpec
        Candidates, folds and metric.
    as_of : date
        The night that trains.
    spread : callable, optional
        Runs work on workers, with the interface of the built-in `map`, which is the default. If it starts all items at
        once, the time limit applies to each.
    search : SearchOptions, optional
        The kind of drift, callbacks, and the storage of trials.

    Raises
    ------
    DataError
        Fewer matured rows than `training.min_rows`, or rows that cannot be learned from.
    ParityError
        The portable model does not predict as the trained one.
    """
    search = search or SearchOptions()
    start = search.stopwatch()
    cache = FitCache(training_table(rows, spec), spec)
    _refuse_too_few(cache, as_of)
    budget = TRYING_SHARE * 60 * spec.scope.training_minutes

    def left() -> float:
        return budget - (search.stopwatch() - start)

    recipes = candidate_recipes(spec.training)
    tried = _tried(recipes, cache, as_of, (spread, search, left))
    results = {recipe: folds for recipe, folds in tried.items() if not isinstance(folds, str)}
    trials = search_recipes(cache, as_of, search, left(), spread) if spec.training.trials else []
    complete = {trial.recipe: list(trial.folds) for trial in trials if trial.status == "complete"}
    flat = [result for folds in (complete | results).values() for result in folds]
    chosen = choose_recipe(flat) if flat else recipes[0]
    selection = select_features(cache, chosen, as_of) if spec.training.selection else None
    final = selection.recipe if selection else chosen
    calibration = fit_calibration(cache, final, as_of)
    model = fit_from_cache(cache, final, as_of, calibration)
    leaderboard = [_line(recipe, tried, chosen) for recipe in recipes] + [
        _trial_line(result, chosen) for result in trials
    ]
    return TrainingResult(model, leaderboard, search.stopwatch() - start, calibration, selection)


def train_in_regime(
    rows: pd.DataFrame, spec: ProjectSpec, as_of: date, start: date
) -> tuple[TrainingResult, CrossFit] | None:
    """Choose and fit a recipe soon after a change; return also its answers to the days since, as `fit_in_regime` does.

    Parameters
    ----------
    start : date
        The first day since the change.

    Returns
    -------
    tuple or None
        None where too little is known of the days since the change.
    """
    stopwatch = SearchOptions().stopwatch
    begun = stopwatch()
    found = fit_in_regime(rows, spec, as_of, start)
    if found is None:
        return None
    results = {result.recipe: [result] for result in found.results}
    leaderboard = [_line(recipe, results, found.fitted.recipe) for recipe in results]
    return TrainingResult(found.fitted, leaderboard, stopwatch() - begun, found.calibration), found.crossed


def _tried(
    recipes: Sequence[Recipe],
    cache: FitCache,
    as_of: date,
    how: tuple[ParallelMap, SearchOptions, Callable[[], float]],
) -> dict[Recipe, Outcome]:
    """Return the folds of each fixed recipe, or why it cannot be fitted, within the time limit."""
    spread, search, left = how
    groups = [RecipeGroup(tuple(same), cache.rows, cache.spec, as_of) for same in _sharing_fits(recipes)]
    times = (left() if index else math.inf for index in range(len(groups)))
    results: dict[Recipe, Outcome] = {}
    for tried in spread(RecipeGroup.tried, groups, times):
        results |= tried
        for recipe in tried:
            search.progress(_line(recipe, results, None))
    return results


@dataclass(frozen=True)
class RecipeGroup:
    """Recipes that share fits, with the rows and the spec: one work item for one worker."""

    recipes: tuple[Recipe, ...]
    rows: TrainingTable
    spec: ProjectSpec
    as_of: date

    def tried(self, seconds: float) -> dict[Recipe, Outcome]:
        """Return the folds of each recipe, or why it cannot be fitted; empty when no time is left."""
        if seconds <= 0:
            return {}
        cache = FitCache(self.rows, self.spec)
        return {recipe: self._outcome(cache, recipe) for recipe in self.recipes}

    def _outcome(self, cache: FitCache, recipe: Recipe) -> Outcome:
        try:
            return score_folds(cache, recipe, self.as_of)
        except DataError as error:
            return str(error)


def _sharing_fits(recipes: Sequence[Recipe]) -> list[list[Recipe]]:
    """Return recipes grouped by their fit; a level correction is added to the fit without it."""
    groups: dict[Recipe, list[Recipe]] = {}
    for recipe in recipes:
        groups.setdefault(without_level(recipe), []).append(recipe)
    return list(groups.values())


def _line(recipe: Recipe, results: Mapping[Recipe, Outcome], chosen: Recipe | None) -> LeaderboardLine:
    outcome = results.get(recipe, [])
    tried = [] if isinstance(outcome, str) else outcome
    loss = weighted_loss(tried)
    status = "tried" if recipe in results else "not_tried"
    failure = {"status": "failed", "reason": outcome} if isinstance(outcome, str) else {}
    return {
        "recipe": recipe.name,
        "described": recipe.described(),
        "status": "chosen" if recipe == chosen else status,
        "loss": None if math.isnan(loss) else loss,
        "folds": [_fold(result) for result in tried],
        **failure,
    }


def _trial_line(trial: TrialResult, chosen: Recipe) -> LeaderboardLine:
    outcomes: dict[Recipe, Outcome] = {trial.recipe: list(trial.folds)}
    line = _line(trial.recipe, outcomes, chosen)
    status = {"complete": line["status"], "pruned": "pruned", "failed": "failed"}[trial.status]
    return line | {"status": status, "trial": trial.number, "seconds": round(trial.seconds, 3), "reason": trial.reason}


def _fold(result: FoldResult) -> LeaderboardLine:
    return {
        "start": result.start.isoformat(),
        "end": result.end.isoformat(),
        "rows_fitted": result.rows_fitted,
        "rows_scored": result.rows_scored,
        "loss": None if math.isnan(result.loss) else result.loss,
        "bias": None if math.isnan(result.bias) else result.bias,
    }


def _refuse_too_few(cache: FitCache, as_of: date) -> None:
    known, spec = cache.rows.between(0, newest_day(cache, as_of)), cache.spec
    if len(known) < spec.training.min_rows:
        raise DataError(
            f"found {len(known)} rows of {spec.project!r} with labels known on {as_of}; training.min_rows asks for "
            f"{spec.training.min_rows}. Wait for more labels, or lower min_rows knowingly."
        )
    classes = [name for code, name in enumerate(known.classes) if (known.truth == code).any()]
    if known.classes and len(classes) < FEWEST_CLASSES:
        raise DataError(
            f"found labels of {len(classes)} classes of {spec.project!r} known on {as_of} ({', '.join(classes)}); a "
            f"multiclass task learns from {FEWEST_CLASSES} or more. Wait for labels of others; or, where there are "
            "only two classes, let labels be 1 and 0, with `training.task: binary`."
        )
