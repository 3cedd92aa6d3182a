"""Training: labelled rows and a spec in; the chosen recipe, a portable model and the leaderboard that chose it out.

Labels age: a model of last year's prices is wrong about this year's. So recipes differ in how they treat time, and
forward validation - fit on what was known, score what came next - says which one to believe.
"""

from tasks.train.assessment.baselines import baseline_prediction, baseline_predictions
from tasks.train.assessment.forward_validation import FoldResult, choose
from tasks.train.assessment.importances import importances
from tasks.train.assessment.learning_curve import LearningCurve, learning_curve
from tasks.train.data.training_table import apart
from tasks.train.fit.calibration import Finish
from tasks.train.fit.portable_fit import Fitted, fit, fitted_on_all
from tasks.train.model_search.feature_selection import Selection
from tasks.train.model_search.recipes import Recipe, candidates
from tasks.train.model_search.search_options import Conduct, ParallelMap, TrialResult
from tasks.train.training import Trained, train

__all__ = [
    "Conduct",
    "Finish",
    "Fitted",
    "FoldResult",
    "LearningCurve",
    "ParallelMap",
    "Recipe",
    "Selection",
    "Trained",
    "TrialResult",
    "apart",
    "baseline_prediction",
    "baseline_predictions",
    "candidates",
    "choose",
    "fit",
    "fitted_on_all",
    "importances",
    "learning_curve",
    "train",
]
