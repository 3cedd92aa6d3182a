"""Training as a whole: try the recipes within the time allowed, choose one, fit it, and show the leaderboard."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from tasks.errors import DataError
from tasks.spec.models import ProjectSpec
from tasks.train.fitting import Fitted, fitted
from tasks.train.learning import Workshop
from tasks.train.recipes import Recipe, candidates
from tasks.train.table import table
from tasks.train.validation import FoldResult, choose, folds, newest_day, weighted_loss

TRYING_SHARE = 0.8  # of training_minutes; the rest is for the final fit and its proof
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trained:
    """The fitted model, every recipe with what became of it, and how long it all took.

    Attributes
    ----------
    leaderboard : list of dict
        Per recipe: `recipe` (its name), `described` (its parts), `status` ("chosen", "tried" or "not_tried"), `loss`
        (weighted mean over folds, None without one), `folds` (first and last day, rows, loss and bias of each).
    """

    fitted: Fitted
    leaderboard: list[Line]
    seconds: float

    @property
    def recipe(self) -> Recipe:
        """The recipe that was chosen; refit it once the gate has passed."""
        return self.fitted.recipe


def train(
    rows: pd.DataFrame,
    spec: ProjectSpec,
    as_of: date,
    *,
    progress: Callable[[Line], None] | None = None,
    stopwatch: Callable[[], float] = time.monotonic,
) -> Trained:
    """Return the recipe that forward validation chose, fitted on all given rows that had matured.

    A hold-out for the gate is the caller's to keep back: what is in `rows` is learned from. With too little history for
    a single fold the simplest recipe is taken. Recipes are tried until 80 % of `scope.training_minutes` is used; the
    first is always tried.

    Parameters
    ----------
    rows : DataFrame
        Feature columns (after the project's feature function), event time and label.
    spec : ProjectSpec
        What is tried, and how it is judged.
    as_of : date
        The night that trains.
    progress : callable, optional
        Is given each line of the leaderboard when its recipe has been tried.
    stopwatch : callable, optional
        Seconds from any start.

    Raises
    ------
    DataError
        Fewer matured rows than `training.min_rows`, or rows that cannot be learned from.
    ParityError
        The portable model does not answer as the trained one.
    """
    start = stopwatch()
    workshop = Workshop(table(rows, spec), spec)
    _refuse_too_few(workshop, as_of)
    results: dict[Recipe, list[FoldResult]] = {}
    recipes = candidates(spec.training)
    for recipe in recipes:
        if results and stopwatch() - start > TRYING_SHARE * 60 * spec.scope.training_minutes:
            break
        results[recipe] = folds(workshop, recipe, as_of)
        if progress:
            progress(_line(recipe, results, None))
    flat = [result for tried in results.values() for result in tried]
    chosen = choose(flat) if flat else recipes[0]
    model = fitted(workshop, chosen, as_of)
    return Trained(model, [_line(recipe, results, chosen) for recipe in recipes], stopwatch() - start)


def _line(recipe: Recipe, results: dict[Recipe, list[FoldResult]], chosen: Recipe | None) -> Line:
    tried = results.get(recipe, [])
    loss = weighted_loss(tried)
    status = "tried" if recipe in results else "not_tried"
    return {
        "recipe": recipe.name,
        "described": recipe.described(),
        "status": "chosen" if recipe == chosen else status,
        "loss": None if math.isnan(loss) else loss,
        "folds": [_fold(result) for result in tried],
    }


def _fold(result: FoldResult) -> Line:
    return {
        "start": result.start.isoformat(),
        "end": result.end.isoformat(),
        "rows_fitted": result.rows_fitted,
        "rows_scored": result.rows_scored,
        "loss": None if math.isnan(result.loss) else result.loss,
        "bias": None if math.isnan(result.bias) else result.bias,
    }


def _refuse_too_few(workshop: Workshop, as_of: date) -> None:
    count, spec = len(workshop.rows.between(0, newest_day(workshop, as_of))), workshop.spec
    if count < spec.training.min_rows:
        raise DataError(
            f"found {count} rows of {spec.project!r} whose labels were known on {as_of}; training.min_rows asks for "
            f"{spec.training.min_rows}. Wait for more labels, or lower min_rows knowingly."
        )
