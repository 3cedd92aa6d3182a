"""Fits one recipe to the rows up to a day, with its time treatments.

The treatments, none of which uses later rows:

window      rows older than `window_days` days, counted from the newest row, are not used.
recency     the weight of a row is 0.5 ** (age / half-life), with the age counted from the newest row.
reweighted  the weight of a row is how much more likely it is among the newest rows than among all rows.
event_time  days since the first row are a feature, capped at the newest training day when scoring, because trees cannot
            extrapolate.
level       the mean residual of the newest rows under a model that has *not* seen them is the shift of the level. A
            model fitted on all rows has learned part of the shift, the share of the newest rows in the weight; the
            rest, shift * (1 - share), is added to its score.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tasks.arrays import FloatArray
from tasks.errors import DataError
from tasks.spec.project_spec import ProjectSpec
from tasks.train.data.covariate_shift_weights import covariate_shift_weights
from tasks.train.data.training_table import TrainingTable
from tasks.train.fit.sklearn_pipeline import DAYS, fitted_pipeline, raw_scores
from tasks.train.model_search.recipes import Recipe

FEWEST_CLASSES = 3  # of a multiclass task
FEWEST_FOR_A_LEVEL = 20  # rows needed before and after the first day of the level; with fewer there is no correction
LARGEST_OFFSET = 5.0  # of log odds
HALVINGS = 50


@dataclass(frozen=True, slots=True)
class FittedRecipe:
    """A fitted pipeline with its level correction; `newest_day` is the last whole training day.

    `offset` is the level correction on the scale of the model: a number, or one for each of several classes.
    """

    recipe: Recipe
    pipeline: Any
    newest_day: int
    held_at_days: float | None
    offset: float | tuple[float, ...]
    rows: int

    def score(self, rows: TrainingTable) -> FloatArray:
        """Return raw scores on the scale of the model, with level correction: (n,), or (n, k) for several classes."""
        scores = raw_scores(self.pipeline, inputs(rows, self.held_at_days))
        return np.asarray(scores + np.asarray(self.offset), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class FitCache:
    """The rows, the spec and a cache of fits, which recipes share because fits are expensive."""

    rows: TrainingTable
    spec: ProjectSpec
    fits: dict[tuple[Recipe, int, int | None], FittedRecipe] = field(default_factory=dict)

    def fitted_recipe(self, recipe: Recipe, until: int, scored_from: int | None = None) -> FittedRecipe:
        """Return the recipe fitted on all rows up to a day (days since the origin of the table).

        Parameters
        ----------
        scored_from : int, optional
            First day of the rows to score; if the spec names groups, rows of the same groups are not used.

        Raises
        ------
        DataError
            There are no rows, or a class has none.
        """
        base, start = without_level(recipe), None if self.rows.groups is None else scored_from
        if (base, until, start) not in self.fits:
            self.fits[base, until, start] = self._fitted(base, until, start)
        fit = self.fits[base, until, start]
        if "level" not in recipe.treatments:
            return replace(fit, recipe=recipe)
        return replace(fit, recipe=recipe, offset=self._offset(recipe, until, start))

    def learning_rows(self, recipe: Recipe, until: int, scored_from: int | None) -> TrainingTable:
        """Return the training rows of a recipe: those of its window, without the groups to score."""
        rows = self.rows.between(0, until)
        if scored_from is not None:
            days = self.spec.split.fold_days
            rows = rows.without_groups_of(self.rows.between(scored_from, scored_from + days - 1))
        if recipe.window_days is None or not len(rows):
            return rows
        return rows.between(int(rows.days.max()) - recipe.window_days + 1, until)

    def _fitted(self, recipe: Recipe, until: int, scored_from: int | None) -> FittedRecipe:
        rows = self.learning_rows(recipe, until, scored_from)
        _require_rows_and_classes(rows, self.spec)
        held_days = float(rows.days.max()) if "event_time" in recipe.treatments else None
        weights = _weights(recipe, rows, self.spec)
        given = inputs(rows, held_days), rows.target
        pipeline = fitted_pipeline(recipe, self.spec, given, weights, rows.weights)
        return FittedRecipe(recipe, pipeline, int(rows.days.max()), held_days, 0.0, len(rows))

    def _offset(self, recipe: Recipe, until: int, scored_from: int | None) -> float | tuple[float, ...]:
        rows = self.learning_rows(recipe, until, scored_from)
        last_older = int(rows.days.max()) - recipe.level_days
        older, newest = rows.between(0, last_older), rows.between(last_older + 1, until)
        if min(len(older), len(newest)) < FEWEST_FOR_A_LEVEL or lacks_a_class(older, self.spec):
            return 0.0
        scores = self.fitted_recipe(without_level(recipe), last_older, scored_from).score(newest)
        weights = _weights(recipe, rows, self.spec)
        share = (
            len(newest) / len(rows) if weights is None else weights[rows.days >= last_older + 1].sum() / weights.sum()
        )
        truth, counts = newest.truth, newest.weights
        if self.spec.training.task == "multiclass":
            return tuple((class_score_offsets(scores, truth, counts) * (1 - float(share))).tolist())
        if self.spec.training.task == "binary":
            return log_odds_offset(scores, truth, counts) * (1 - float(share))
        return float(np.average(newest.target - scores, weights=counts)) * (1 - float(share))


def log_odds_offset(scores: FloatArray, truth: FloatArray, weights: FloatArray | None = None) -> float:
    """Return the shift of log odds at which the mean probability equals the share of ones.

    It is computed by bisection and limited to 5 (odds of 148), because a share of 0 or 1 needs infinity.

    Examples
    --------
    Scores of 0 are one half; three ones of four rows are odds of 3, so the shift is log 3 = 1.0986.

    >>> round(log_odds_offset(np.zeros(4), np.array([1.0, 1.0, 1.0, 0.0])), 4)
    1.0986
    """
    low, high, share = -LARGEST_OFFSET, LARGEST_OFFSET, np.average(truth, weights=weights)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        probability = 0.5 * (1 + np.tanh((scores + middle) / 2))
        low, high = (middle, high) if np.average(probability, weights=weights) < share else (low, middle)
    return (low + high) / 2


def class_score_offsets(scores: FloatArray, truth: FloatArray, weights: FloatArray | None = None) -> FloatArray:
    """Return the offset of each class at which mean probabilities equal the shares of the classes.

    They are computed by repeated scaling; a class without rows counts as half a row, to keep logarithms finite.

    Examples
    --------
    Equal scores of two classes, of which the first has three rows of four: its odds are 3, and log 3 = 1.0986.

    >>> moves = class_score_offsets(np.zeros((4, 2)), np.array([0.0, 0.0, 0.0, 1.0]))
    >>> round(float(moves[0] - moves[1]), 4)
    1.0986
    """
    counts = np.bincount(truth.astype(np.int64), weights, minlength=scores.shape[1])[: scores.shape[1]]
    wanted = np.maximum(counts, 0.5) / np.maximum(counts, 0.5).sum()
    moves = np.zeros(scores.shape[1])
    for _ in range(HALVINGS):
        powers = np.exp(scores + moves - (scores + moves).max(axis=1, keepdims=True))
        shares = np.average(powers / powers.sum(axis=1, keepdims=True), axis=0, weights=weights)
        moves += np.log(wanted / shares)
    return np.asarray(np.clip(moves - moves.mean(), -LARGEST_OFFSET, LARGEST_OFFSET), dtype=np.float64)


def without_level(recipe: Recipe) -> Recipe:
    """Return the recipe without its level correction, which determines the fit."""
    rest = tuple(part for part in recipe.treatments if part != "level")
    return replace(recipe, treatments=rest or ("all_history",))


def inputs(rows: TrainingTable, held_at_days: float | None) -> Any:
    """Return the columns of a pipeline, with the capped event time if the recipe uses it."""
    if held_at_days is None:
        return rows.features
    return rows.features.assign(**{DAYS: np.minimum(rows.days, held_at_days)})


def lacks_a_class(rows: TrainingTable, spec: ProjectSpec) -> bool:
    """Return whether a class has no rows, or several are fewer than three; always False for a regression."""
    classes = {"regression": 0, "binary": 2, "multiclass": max(FEWEST_CLASSES, len(rows.classes))}[spec.training.task]
    return classes > 0 and np.unique(rows.truth).size < classes


def _weights(recipe: Recipe, rows: TrainingTable, spec: ProjectSpec) -> FloatArray | None:
    """Return how much each row counts in a fit, or None when all count alike.

    The weights of a recipe have the mean 1 over the rows as they count: then a row with weight 2 is one that is there
    twice, however much a penalty or a least number of rows counts against it.
    """
    weights, given = np.ones(len(rows)), rows.weights
    if recipe.half_life_days is not None:
        weights *= 0.5 ** ((rows.days.max() - rows.days) / recipe.half_life_days)
    if "reweighted" in recipe.treatments:
        weights *= covariate_shift_weights(rows, recipe.level_days, spec.training.seed)
    if recipe.class_weight == "balanced" and spec.training.task != "regression":
        _, places = np.unique(rows.truth, return_inverse=True)
        counts = np.bincount(places, given)
        weights *= (counts.sum() / (len(counts) * counts))[places]
    counted = weights / np.average(weights, weights=given) * (1.0 if given is None else given)
    return None if (counted == 1).all() else np.asarray(counted, dtype=np.float64)


def _require_rows_and_classes(rows: TrainingTable, spec: ProjectSpec) -> None:
    if not len(rows) or lacks_a_class(rows, spec):
        raise DataError(
            f"found {len(rows)} matured rows of {spec.project!r} with labels {np.unique(rows.truth)[:3].tolist()}; "
            "expected rows, and both classes for a binary label, or rows of every class. Wait for labels, or widen the "
            "history."
        )
