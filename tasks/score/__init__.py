"""Score: accepted rows and a model in, one prediction for each row out, kept with the version and role that made it.

With a rule for it, unsure rows are marked for a person, with the values that moved the answer; and where the spec names
a place, each delivery's answers are written there as a file.
"""

from tasks.score.predictions import predictions
from tasks.score.results import Results, results_of

__all__ = ["Results", "predictions", "results_of"]
