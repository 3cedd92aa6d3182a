"""Forward validation of a frame, as the recipe search does it."""

from __future__ import annotations

from datetime import date

import pandas as pd

from tasks.spec.project_spec import ProjectSpec
from tasks.train import FoldResult, Recipe
from tasks.train.assessment.forward_validation import score_folds
from tasks.train.data.training_table import training_table
from tasks.train.fit.recipe_fit import FitCache


def forward_validation(recipe: Recipe, rows: pd.DataFrame, spec: ProjectSpec, as_of: date) -> list[FoldResult]:
    """Return how a recipe would have done in the newest cohorts, oldest first."""
    return score_folds(FitCache(training_table(rows, spec), spec), recipe, as_of)
