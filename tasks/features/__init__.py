"""Features: accepted rows in, what the model sees out; and labelled rows as they were known on a night."""

from tasks.features.assemble import labelled, matured
from tasks.features.function import function_at, with_features
from tasks.features.split import Parts, holdout_parts

__all__ = ["Parts", "function_at", "holdout_parts", "labelled", "matured", "with_features"]
