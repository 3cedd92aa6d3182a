"""Training: labelled rows and a spec in; the chosen recipe, a portable model and the leaderboard that chose it out.

Labels age: a model of last year's prices is wrong about this year's. So recipes differ in how they treat time, and
forward validation - fit on what was known, score what came next - says which one to believe.
"""

from tasks.train.baselines import baseline_prediction, baseline_predictions
from tasks.train.conduct import Conduct, Spread, TrialResult
from tasks.train.curve import LearningCurve, learning_curve
from tasks.train.finish import Finish
from tasks.train.fitting import Fitted, fit, fitted_on_all
from tasks.train.importances import importances
from tasks.train.recipes import Recipe, candidates
from tasks.train.selection import Selection
from tasks.train.table import apart
from tasks.train.training import Trained, train
from tasks.train.validation import FoldResult, choose, forward_validation

__all__ = [
    "Conduct",
    "Finish",
    "Fitted",
    "FoldResult",
    "LearningCurve",
    "Recipe",
    "Selection",
    "Spread",
    "Trained",
    "TrialResult",
    "apart",
    "baseline_prediction",
    "baseline_predictions",
    "candidates",
    "choose",
    "fit",
    "fitted_on_all",
    "forward_validation",
    "importances",
    "learning_curve",
    "train",
]
