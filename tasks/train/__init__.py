"""Training: chooses a recipe by forward validation and fits a portable model.

Input: labelled rows and a spec. Output: the chosen recipe, the portable model and the leaderboard. Labels age: a model
of last year's prices is wrong about this year's. Recipes therefore differ in how they treat time, and forward
validation (fit on the rows known on a day, score the next ones) selects one.
"""

from tasks.train.adopted.adoption_process import SeparateAdoption, separate_adoption
from tasks.train.assessment.baselines import baseline_prediction, baseline_predictions
from tasks.train.assessment.cross_fitting import CrossFit
from tasks.train.assessment.forward_validation import FoldResult, choose_recipe
from tasks.train.assessment.importances import importances
from tasks.train.assessment.learning_curve import LearningCurve, learning_curve
from tasks.train.data.training_table import row_weights, without_holdout_groups
from tasks.train.fit.calibration import FittedCalibration
from tasks.train.fit.portable_fit import FittedModel, fit_model, fit_on_all_rows
from tasks.train.model_search.feature_selection import FeatureSelection
from tasks.train.model_search.recipes import Recipe, candidate_recipes
from tasks.train.model_search.search_options import ParallelMap, SearchOptions, TrialResult
from tasks.train.training import TrainingResult, train

__all__ = [
    "CrossFit",
    "FeatureSelection",
    "FittedCalibration",
    "FittedModel",
    "FoldResult",
    "LearningCurve",
    "ParallelMap",
    "Recipe",
    "SearchOptions",
    "SeparateAdoption",
    "TrainingResult",
    "TrialResult",
    "baseline_prediction",
    "baseline_predictions",
    "candidate_recipes",
    "choose_recipe",
    "fit_model",
    "fit_on_all_rows",
    "importances",
    "learning_curve",
    "row_weights",
    "separate_adoption",
    "train",
    "without_holdout_groups",
]
