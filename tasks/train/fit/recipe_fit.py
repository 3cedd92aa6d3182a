"""Learning: one recipe applied to the rows up to a day, time treatments included.

Treatments, and why each is honest:

window      rows older than so many days, counted from the newest row, are not learned from.
recency     a row weighs 0.5 ** (age / half-life), age counted from the newest row.
reweighted  a row weighs by how much more likely it is among the newest rows than among all rows.
event_time  days since the first row are a feature, held at the newest training day when scoring: trees cannot look
            ahead.
level       the mean residual of the newest rows under a model that has *not* seen them is how far the level has moved.
            The model fitted on all rows has taken in part of that move, namely the newest rows' share of the weight;
            the rest, move * (1 - share), is added to its score.
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

FEWEST_FOR_A_LEVEL = 20  # rows needed on either side of the level's first day; with fewer no correction is made
FURTHEST_MOVE = 5.0  # of log odds
HALVINGS = 50


@dataclass(frozen=True, slots=True)
class FittedRecipe:
    """A fitted pipeline and what is added around it; `newest_day` is the last whole day it has seen.

    `offset` is the level correction on the model's scale: a number, or one for each of several classes.
    """

    recipe: Recipe
    pipeline: Any
    newest_day: int
    held_at_days: float | None
    offset: float | tuple[float, ...]
    rows: int

    def score(self, rows: TrainingTable) -> FloatArray:
        """Return raw scores on the model's scale, level correction included: (n,), or (n, k) for several classes."""
        scores = raw_scores(self.pipeline, inputs(rows, self.held_at_days))
        return np.asarray(scores + np.asarray(self.offset), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class FitCache:
    """The rows, the spec and the fits already made: recipes share them, because a fit is what costs."""

    rows: TrainingTable
    spec: ProjectSpec
    fits: dict[tuple[Recipe, int, int | None], FittedRecipe] = field(default_factory=dict)

    def fitted_recipe(self, recipe: Recipe, until: int, scored_from: int | None = None) -> FittedRecipe:
        """Return the recipe fitted on all rows up to a day (days since the table's origin).

        Parameters
        ----------
        scored_from : int, optional
            First day of the rows it will be scored on; where the spec names groups, theirs are not learned from.

        Raises
        ------
        DataError
            There is no row, or a class has none.
        """
        base, start = without_level(recipe), None if self.rows.groups is None else scored_from
        if (base, until, start) not in self.fits:
            self.fits[base, until, start] = self._fitted(base, until, start)
        fit = self.fits[base, until, start]
        if "level" not in recipe.treatments:
            return replace(fit, recipe=recipe)
        return replace(fit, recipe=recipe, offset=self._offset(recipe, until, start))

    def learning_rows(self, recipe: Recipe, until: int, scored_from: int | None) -> TrainingTable:
        """Return the rows a recipe learns from: those of its window, without the groups it will be scored on."""
        rows = self.rows.between(0, until)
        if scored_from is not None:
            days = self.spec.split.fold_days
            rows = rows.without_groups_of(self.rows.between(scored_from, scored_from + days - 1))
        if recipe.window_days is None or not len(rows):
            return rows
        return rows.between(int(rows.days.max()) - recipe.window_days + 1, until)

    def _fitted(self, recipe: Recipe, until: int, scored_from: int | None) -> FittedRecipe:
        rows = self.learning_rows(recipe, until, scored_from)
        _refuse_nothing_to_learn(rows, self.spec)
        held = float(rows.days.max()) if "event_time" in recipe.treatments else None
        weights = _weights(recipe, rows, self.spec)
        pipeline = fitted_pipeline(recipe, self.spec, inputs(rows, held), rows.target, weights)
        return FittedRecipe(recipe, pipeline, int(rows.days.max()), held, 0.0, len(rows))

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
        if self.spec.training.task == "multiclass":
            return tuple((class_score_offsets(scores, newest.truth) * (1 - float(share))).tolist())
        if self.spec.training.task == "binary":
            return log_odds_offset(scores, newest.truth) * (1 - float(share))
        return float((newest.target - scores).mean()) * (1 - float(share))


def log_odds_offset(scores: FloatArray, truth: FloatArray) -> float:
    """Return the shift of log odds at which the mean probability is the share of ones.

    Found by bisection, and held within 5 (odds of 148), because a share of 0 or 1 would ask for infinity.

    Examples
    --------
    Scores of 0 say one half; three ones of four rows are odds of 3, so log 3 = 1.0986 is missing.

    >>> round(log_odds_offset(np.zeros(4), np.array([1.0, 1.0, 1.0, 0.0])), 4)
    1.0986
    """
    low, high = -FURTHEST_MOVE, FURTHEST_MOVE
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        probability = 0.5 * (1 + np.tanh((scores + middle) / 2))
        low, high = (middle, high) if probability.mean() < truth.mean() else (low, middle)
    return (low + high) / 2


def class_score_offsets(scores: FloatArray, truth: FloatArray) -> FloatArray:
    """Return what to add to each class's score so that mean probabilities are the classes' shares.

    Found by repeated scaling; a class without a row counts as half a row, because its logarithm would be infinite.

    Examples
    --------
    Equal scores of two classes, of which the first has three rows of four: its odds are 3, and log 3 = 1.0986.

    >>> moves = class_score_offsets(np.zeros((4, 2)), np.array([0.0, 0.0, 0.0, 1.0]))
    >>> round(float(moves[0] - moves[1]), 4)
    1.0986
    """
    counts = np.bincount(truth.astype(np.int64), minlength=scores.shape[1])[: scores.shape[1]]
    wanted = np.maximum(counts, 0.5) / np.maximum(counts, 0.5).sum()
    moves = np.zeros(scores.shape[1])
    for _ in range(HALVINGS):
        powers = np.exp(scores + moves - (scores + moves).max(axis=1, keepdims=True))
        moves += np.log(wanted / (powers / powers.sum(axis=1, keepdims=True)).mean(axis=0))
    return np.asarray(np.clip(moves - moves.mean(), -FURTHEST_MOVE, FURTHEST_MOVE), dtype=np.float64)


def without_level(recipe: Recipe) -> Recipe:
    """Return what is fitted for a recipe: the same without its level correction."""
    rest = tuple(part for part in recipe.treatments if part != "level")
    return replace(recipe, treatments=rest or ("all_history",))


def inputs(rows: TrainingTable, held_at_days: float | None) -> Any:
    """Return the columns a pipeline sees, with the held event time when it uses it."""
    if held_at_days is None:
        return rows.features
    return rows.features.assign(**{DAYS: np.minimum(rows.days, held_at_days)})


def lacks_a_class(rows: TrainingTable, spec: ProjectSpec) -> bool:
    """Tell whether some class has no row to learn it from; of numbers none can."""
    classes = {"regression": 0, "binary": 2, "multiclass": max(2, len(rows.classes))}[spec.training.task]
    return classes > 0 and np.unique(rows.truth).size < classes


def _weights(recipe: Recipe, rows: TrainingTable, spec: ProjectSpec) -> FloatArray | None:
    """Return weights with mean 1, or None when all rows weigh alike."""
    weights = np.ones(len(rows))
    if recipe.half_life_days is not None:
        weights *= 0.5 ** ((rows.days.max() - rows.days) / recipe.half_life_days)
    if "reweighted" in recipe.treatments:
        weights *= covariate_shift_weights(rows, recipe.level_days, spec.training.seed)
    if recipe.class_weight == "balanced" and spec.training.task != "regression":
        _, places, counts = np.unique(rows.truth, return_inverse=True, return_counts=True)
        weights *= (len(rows) / (len(counts) * counts))[places]
    return None if (weights == 1).all() else np.asarray(weights / weights.mean(), dtype=np.float64)


def _refuse_nothing_to_learn(rows: TrainingTable, spec: ProjectSpec) -> None:
    if not len(rows) or lacks_a_class(rows, spec):
        raise DataError(
            f"found {len(rows)} matured rows of {spec.project!r} with labels {np.unique(rows.truth)[:3].tolist()}; "
            "expected rows, and both classes for a binary label, or rows of every class. Wait for labels, or widen the "
            "history."
        )
