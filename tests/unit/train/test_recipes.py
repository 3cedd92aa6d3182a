"""What is tried."""

from __future__ import annotations

from tasks.spec.project_spec import Training
from tasks.train import Recipe, candidate_recipes


def test_the_defaults_try_six_recipes_simplest_first() -> None:
    recipes = candidate_recipes(Training())
    assert len(recipes) == 6
    assert [recipe.corrections for recipe in recipes] == [0, 1, 1, 1, 1, 2]


def test_only_what_the_spec_allows_is_tried() -> None:
    recipes = candidate_recipes(Training(time_treatments=["recency"], half_lives_days=[10.0, 10.0, 20.0]))
    assert [recipe.name for recipe in recipes] == ["recency 20 d, 200 rounds", "recency 10 d, 200 rounds"]


def test_numbers_of_rounds_are_tried_from_few_to_many() -> None:
    recipes = candidate_recipes(Training(time_treatments=["all_history"], iterations=[300, 100]))
    assert [recipe.iterations for recipe in recipes] == [100, 300]


def test_a_recipe_describes_itself_in_plain_values() -> None:
    described = Recipe(("level",), level_days=7).described()
    assert described["name"] == "level 7 d, 200 rounds"
    assert described["treatments"] == ["level"]
