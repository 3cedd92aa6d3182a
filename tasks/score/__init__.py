"""Score: accepted rows and a model in, one prediction for each row out, kept with the version and role that made it."""

from tasks.score.predictions import predictions

__all__ = ["predictions"]
