"""Forward validation sees only what was known, and chooses by what came next."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest

from tasks.errors import DataError
from tasks.spec.project_spec import ProjectSpec
from tasks.train import FoldResult, Recipe, choose_recipe
from tests.unit.train.folds import forward_validation

Make = Callable[..., ProjectSpec]
Market = Callable[..., pd.DataFrame]
AS_OF = date(2024, 4, 4)
FLAT, LEVEL, BOTH = Recipe(), Recipe(("level",)), Recipe(("recency", "level"), half_life_days=90)


def results(recipe: Recipe, *losses: float) -> list[FoldResult]:
    """Folds of one day each, oldest first."""
    return [
        FoldResult(recipe, date(2024, 1, place + 1), date(2024, 1, place + 1), 100, 20, loss, 0.0)
        for place, loss in enumerate(losses)
    ]


def test_cohorts_end_with_the_newest_matured_row_and_leave_the_label_delay_out(spec_of: Make, market: Market) -> None:
    older, newer = forward_validation(Recipe(iterations=5), market(), spec_of(), AS_OF)
    # days 76 to 89, and 62 to 75; labels five days late: fitted on days 0 to 71, and 0 to 57
    assert (newer.start, newer.end) == (date(2024, 3, 17), date(2024, 3, 30))
    assert (newer.rows_fitted, newer.rows_scored) == (72 * 8, 14 * 8)
    assert (older.start, older.end) == (date(2024, 3, 3), date(2024, 3, 16))
    assert (older.rows_fitted, older.rows_scored) == (58 * 8, 14 * 8)


def test_a_label_without_delay_still_leaves_the_scored_days_out(spec_of: Make, market: Market) -> None:
    spec = spec_of(source={"label": {"column": "price", "delay_days": 0}})
    assert forward_validation(Recipe(iterations=5), market(), spec, AS_OF)[-1].rows_fitted == 76 * 8


def test_what_comes_after_the_night_is_not_looked_at(spec_of: Make, market: Market) -> None:
    rows, night = market(), date(2024, 3, 6)
    known = rows[rows["day"] <= "2024-03-01"]
    recipe, spec = Recipe(iterations=5), spec_of()
    assert forward_validation(recipe, rows, spec, night) == forward_validation(recipe, known, spec, night)


def test_a_level_that_moves_is_followed_only_by_recipes_that_treat_time(spec_of: Make, market: Market) -> None:
    rows = market(jump_on=50, jump=40.0)
    flat = forward_validation(Recipe(iterations=20), rows, spec_of(), AS_OF)
    level = forward_validation(Recipe(("level",), level_days=14, iterations=20), rows, spec_of(), AS_OF)
    assert flat[-1].bias > 15
    assert abs(level[-1].bias) < 5
    assert choose_recipe([*flat, *level]).treatments == ("level",)


def test_folds_with_too_little_to_learn_from_are_left_out(spec_of: Make, market: Market) -> None:
    spec = spec_of(split={"folds": 10})
    folds = forward_validation(Recipe(iterations=2), market(), spec, AS_OF)
    assert len(folds) == 5  # the sixth cohort would start on day 6, one day after its first label was known
    assert forward_validation(Recipe(iterations=2), market(days=10), spec, AS_OF) == []


def test_a_tie_goes_to_the_simpler_recipe() -> None:
    assert choose_recipe([*results(BOTH, 1.0), *results(LEVEL, 1.0005), *results(FLAT, 1.1)]) == LEVEL
    assert choose_recipe([*results(BOTH, 1.0), *results(LEVEL, 1.01)]) == BOTH


def test_the_newest_fold_weighs_most() -> None:
    assert choose_recipe([*results(FLAT, 1.0, 1.3), *results(LEVEL, 1.2, 1.1)]) == LEVEL


def test_a_loss_that_is_not_a_number_is_never_chosen() -> None:
    assert choose_recipe([*results(FLAT, math.nan), *results(LEVEL, 9.0)]) == LEVEL
    with pytest.raises(DataError, match="no recipe with a loss on every fold"):
        choose_recipe(results(FLAT, math.nan))


def test_a_recipe_that_missed_a_fold_is_not_compared() -> None:
    assert choose_recipe([*results(FLAT, 1.0), *results(LEVEL, 2.0, 2.0)]) == LEVEL


def test_nothing_tried_is_nothing_to_choose_from() -> None:
    with pytest.raises(DataError):
        choose_recipe([])
