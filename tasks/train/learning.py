"""Learning: one recipe applied to the rows up to a day, time treatments included.

Treatments, and why each is honest:

recency     a row weighs 0.5 ** (age / half-life), age counted from the newest row.
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

from tasks.errors import DataError
from tasks.model.matrix import FloatArray
from tasks.spec.models import ProjectSpec
from tasks.train.pipeline import DAYS, fitted_pipeline, raw_scores
from tasks.train.recipes import Recipe
from tasks.train.table import Table

FEWEST_FOR_A_LEVEL = 20  # rows needed on either side of the level's first day; with fewer no correction is made
FURTHEST_MOVE = 5.0  # of log odds
HALVINGS = 50


@dataclass(frozen=True, slots=True)
class Learned:
    """A fitted pipeline and what is added around it; `newest_day` is the last whole day it has seen."""

    recipe: Recipe
    pipeline: Any
    newest_day: int
    held_at_days: float | None
    offset: float
    rows: int

    def score(self, rows: Table) -> FloatArray:
        """Return raw scores on the model's scale, level correction included."""
        return raw_scores(self.pipeline, _inputs(rows, self.held_at_days)) + self.offset


@dataclass(frozen=True, slots=True)
class Workshop:
    """The rows, the spec and the fits already made: recipes share them, because a fit is what costs."""

    rows: Table
    spec: ProjectSpec
    fits: dict[tuple[Recipe, int], Learned] = field(default_factory=dict)

    def learned(self, recipe: Recipe, until: int) -> Learned:
        """Return the recipe fitted on all rows up to a day (days since the table's origin).

        Raises
        ------
        DataError
            There is no row, or a binary label has only one class.
        """
        base = without_level(recipe)
        if (base, until) not in self.fits:
            self.fits[base, until] = self._fitted(base, until)
        fit = self.fits[base, until]
        if "level" not in recipe.treatments:
            return replace(fit, recipe=recipe)
        return replace(fit, recipe=recipe, offset=self._offset(recipe, until))

    def _fitted(self, recipe: Recipe, until: int) -> Learned:
        rows = self.rows.between(0, until)
        _refuse_nothing_to_learn(rows, self.spec)
        held = float(rows.days.max()) if "event_time" in recipe.treatments else None
        weights = _weights(recipe, rows)
        pipeline = fitted_pipeline(recipe, self.spec, _inputs(rows, held), rows.target, weights)
        return Learned(recipe, pipeline, int(rows.days.max()), held, 0.0, len(rows))

    def _offset(self, recipe: Recipe, until: int) -> float:
        rows = self.rows.between(0, until)
        last_older = int(rows.days.max()) - recipe.level_days
        older, newest = rows.between(0, last_older), rows.between(last_older + 1, until)
        if min(len(older), len(newest)) < FEWEST_FOR_A_LEVEL or _one_class(older, self.spec):
            return 0.0
        scores = self.learned(without_level(recipe), last_older).score(newest)
        weights = _weights(recipe, rows)
        share = (
            len(newest) / len(rows) if weights is None else weights[rows.days >= last_older + 1].sum() / weights.sum()
        )
        if self.spec.training.task == "binary":
            return log_odds_move(scores, newest.truth) * (1 - float(share))
        return float((newest.target - scores).mean()) * (1 - float(share))


def log_odds_move(scores: FloatArray, truth: FloatArray) -> float:
    """Return the shift of log odds at which the mean probability is the share of ones.

    Found by bisection, and held within 5 (odds of 148), because a share of 0 or 1 would ask for infinity.

    Examples
    --------
    Scores of 0 say one half; three ones of four rows are odds of 3, so log 3 = 1.0986 is missing.

    >>> round(log_odds_move(np.zeros(4), np.array([1.0, 1.0, 1.0, 0.0])), 4)
    1.0986
    """
    low, high = -FURTHEST_MOVE, FURTHEST_MOVE
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        probability = 0.5 * (1 + np.tanh((scores + middle) / 2))
        low, high = (middle, high) if probability.mean() < truth.mean() else (low, middle)
    return (low + high) / 2


def without_level(recipe: Recipe) -> Recipe:
    """Return what is fitted for a recipe: the same without its level correction."""
    rest = tuple(part for part in recipe.treatments if part != "level")
    return replace(recipe, treatments=rest or ("all_history",))


def _inputs(rows: Table, held_at_days: float | None) -> Any:
    if held_at_days is None:
        return rows.features
    return rows.features.assign(**{DAYS: np.minimum(rows.days, held_at_days)})


def _weights(recipe: Recipe, rows: Table) -> FloatArray | None:
    """Return weights with mean 1, or None when all rows weigh alike."""
    if recipe.half_life_days is None:
        return None
    weights = 0.5 ** ((rows.days.max() - rows.days) / recipe.half_life_days)
    return np.asarray(weights / weights.mean(), dtype=np.float64)


def _one_class(rows: Table, spec: ProjectSpec) -> bool:
    return spec.training.task == "binary" and np.unique(rows.truth).size < 2  # noqa: PLR2004 - zeros and ones


def _refuse_nothing_to_learn(rows: Table, spec: ProjectSpec) -> None:
    if not len(rows) or _one_class(rows, spec):
        raise DataError(
            f"found {len(rows)} matured rows of {spec.project!r} with labels {np.unique(rows.truth)[:3].tolist()}; "
            "expected rows, and both classes for a binary label. Wait for labels, or widen the history."
        )
