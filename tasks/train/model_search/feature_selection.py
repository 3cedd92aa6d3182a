"""Feature selection: which features improve predictions of later rows, and whether the others can be dropped."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from tasks.arrays import FloatArray
from tasks.train.assessment.forward_validation import (
    TIE,
    FoldResult,
    fit_before_cohort,
    fold_ends,
    mean_loss,
    score_folds,
    weighted_loss,
)
from tasks.train.data.training_table import TrainingTable, input_names
from tasks.train.fit.recipe_fit import FitCache, FittedRecipe
from tasks.train.fit.sklearn_pipeline import kept_columns
from tasks.train.model_search.recipes import Recipe

REPEATS = 3
MOST_ROWS = 4000
NOISE = 2.0  # standard errors that a rise must exceed
WORSE_BY_AT_MOST = 0.002  # of the loss; an acceptable rise for fewer columns


@dataclass(frozen=True, slots=True)
class FeatureUse:
    """The effect of a feature: the rise of the mean loss when its values are shuffled, and its standard error."""

    feature: str
    rise: float
    noise: float
    kept: bool


@dataclass(frozen=True, slots=True)
class FeatureSelection:
    """The recipe to release, and the reason for which features were kept or dropped.

    Attributes
    ----------
    loss, loss_without : float
        Forward validation loss with all features, and without the dropped ones; NaN when none could be dropped.
    """

    recipe: Recipe
    uses: tuple[FeatureUse, ...]
    loss: float
    loss_without: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        losses = {"loss": self.loss, "loss_without": self.loss_without}
        return {
            "dropped": [use.feature for use in self.uses if not use.kept],
            **{name: None if math.isnan(value) else value for name, value in losses.items()},
            "features": [
                {"feature": use.feature, "rise": use.rise, "noise": use.noise, "kept": use.kept} for use in self.uses
            ],
        }


def select_features(cache: FitCache, recipe: Recipe, as_of: date) -> FeatureSelection:
    """Return the recipe without the features that do not help, if its loss is as low without them.

    Each feature is permuted in every scored cohort of forward validation. A feature with a rise of the loss of at
    most two standard errors (over cohorts and repeats) does not help significantly. The recipe is evaluated without
    such features, and keeps all of them if its loss rises by more than two thousandths, because redundant features each
    seem useless while the other one is present.

    Notes
    -----
    Permutation importance on rows that were not used for training: L. Breiman (2001), Machine Learning 45, section 10.
    """
    fits = list(filter(None, (fit_before_cohort(cache, recipe, end) for end in fold_ends(cache, as_of))))
    features = [name for names in kept_columns(recipe, cache.spec).values() for name in names]
    everything = replace(recipe, features=None)
    loss = weighted_loss(score_folds(cache, recipe, as_of))
    if not fits:
        return FeatureSelection(everything, (), loss, math.nan)
    rises = np.array([_rises(cache, fitted, scored, features) for fitted, scored in fits])
    uses = tuple(_use(name, rises[:, :, index].ravel()) for index, name in enumerate(features))
    kept = tuple(use.feature for use in uses if use.kept)
    if not kept or len(kept) == len(features):
        return FeatureSelection(everything, tuple(replace(use, kept=True) for use in uses), loss, math.nan)
    smaller = replace(recipe, features=kept)
    tried: list[FoldResult] = score_folds(cache, smaller, as_of)
    without = weighted_loss(tried)
    if not without <= loss * (1 + max(TIE, WORSE_BY_AT_MOST)):
        return FeatureSelection(everything, tuple(replace(use, kept=True) for use in uses), loss, without)
    return FeatureSelection(smaller, uses, loss, without)


def _use(feature: str, rises: FloatArray) -> FeatureUse:
    rise = float(rises.mean())
    noise = float(rises.std(ddof=1)) / math.sqrt(len(rises))
    return FeatureUse(feature, rise, noise, kept=rise > NOISE * noise and rise > 0)


def _rises(cache: FitCache, fitted: FittedRecipe, scored: TrainingTable, features: list[str]) -> FloatArray:
    """Return the rise of the mean loss by repeat and feature: shape (repeats, features)."""
    rng, spec = np.random.default_rng(cache.spec.training.seed), cache.spec
    chosen = np.zeros(len(scored), dtype=bool)
    chosen[rng.permutation(len(scored))[:MOST_ROWS]] = True
    sample = scored.where(chosen)
    before = mean_loss(sample, fitted.score(sample), spec)
    out = np.empty((REPEATS, len(features)))
    for repeat in range(REPEATS):
        order = rng.permutation(len(sample))
        for index, name in enumerate(features):
            columns = input_names(name, spec)
            shuffled = sample.features.assign(
                **{column: sample.features[column].array.take(order) for column in columns}
            )
            out[repeat, index] = mean_loss(sample, fitted.score(replace(sample, features=shuffled)), spec)
    return np.asarray(out - before, dtype=np.float64)
