"""Training as a whole: try the recipes within the time allowed, choose one, fit it, and show the leaderboard."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from tasks.errors import DataError
from tasks.spec.models import ProjectSpec
from tasks.train.fitting import Fitted, fitted
from tasks.train.learning import Workshop, without_level
from tasks.train.recipes import Recipe, candidates
from tasks.train.table import Table, table
from tasks.train.validation import FoldResult, choose, folds, newest_day, weighted_loss

TRYING_SHARE = 0.8  # of training_minutes; the rest is for the final fit and its proof
Line = dict[str, Any]
Spread = Callable[..., Iterable[Any]]


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
    spread: Spread = map,
) -> Trained:
    """Return the recipe that forward validation chose, fitted on all given rows that had matured.

    A hold-out for the gate is the caller's to keep back: what is in `rows` is learned from. With too little history for
    a single fold the simplest recipe is taken. Recipes are tried until 80 % of `scope.training_minutes` is used; the
    first ones, which share their fits, are always tried.

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
    spread : callable, optional
        How pieces of work reach workers, with the meaning of the built-in `map`, which does them here one by one. Where
        they are all handed out at once, the time allowed counts for each.

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
    budget = TRYING_SHARE * 60 * spec.scope.training_minutes
    recipes = candidates(spec.training)
    groups = [Group(tuple(same), workshop.rows, spec, as_of) for same in _sharing_fits(recipes)]
    left = (budget - (stopwatch() - start) if place else math.inf for place in range(len(groups)))
    results: dict[Recipe, list[FoldResult]] = {}
    for tried in spread(Group.tried, groups, left):
        results |= tried
        for recipe in tried:
            if progress:
                progress(_line(recipe, results, None))
    flat = [result for tried in results.values() for result in tried]
    chosen = choose(flat) if flat else recipes[0]
    model = fitted(workshop, chosen, as_of)
    return Trained(model, [_line(recipe, results, chosen) for recipe in recipes], stopwatch() - start)


@dataclass(frozen=True)
class Group:
    """Recipes that share fits, with all that trying them needs: one piece of work for one worker."""

    recipes: tuple[Recipe, ...]
    rows: Table
    spec: ProjectSpec
    as_of: date

    def tried(self, seconds: float) -> dict[Recipe, list[FoldResult]]:
        """Return the folds of each recipe, or nothing when no time is left."""
        if seconds <= 0:
            return {}
        workshop = Workshop(self.rows, self.spec)
        return {recipe: folds(workshop, recipe, self.as_of) for recipe in self.recipes}


def _sharing_fits(recipes: Sequence[Recipe]) -> list[list[Recipe]]:
    """Return the recipes by what is fitted for them; a level correction is added to the fit of the one without it."""
    groups: dict[Recipe, list[Recipe]] = {}
    for recipe in recipes:
        groups.setdefault(without_level(recipe), []).append(recipe)
    return list(groups.values())


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
