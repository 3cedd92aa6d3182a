"""Features: accepted rows in, what the model sees out; and labelled rows as they were known on a night."""

from tasks.features.assemble import labelled, matured
from tasks.features.function import function_at, with_features
from tasks.features.leaks import Beside, Leak, leaks
from tasks.features.split import Parts, holdout_parts
from tasks.features.tables import as_of, latest_values, with_tables

__all__ = [
    "Beside",
    "Leak",
    "Parts",
    "as_of",
    "function_at",
    "holdout_parts",
    "labelled",
    "latest_values",
    "leaks",
    "matured",
    "with_features",
    "with_tables",
]
