"""Features: from accepted rows to the inputs of the model."""

from tasks.features.feature_function import function_at, with_features
from tasks.features.feature_tables import as_of, latest_values, with_tables
from tasks.features.leakage import Leak, LeakageContext, leaks
from tasks.features.time_split import Parts, holdout_parts

__all__ = [
    "Leak",
    "LeakageContext",
    "Parts",
    "as_of",
    "function_at",
    "holdout_parts",
    "latest_values",
    "leaks",
    "with_features",
    "with_tables",
]
