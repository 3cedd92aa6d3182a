"""Features: accepted rows in, what the model sees out; and labelled rows as they were known on a night."""

from tasks.features.feature_function import function_at, with_features
from tasks.features.feature_tables import as_of, latest_values, with_tables
from tasks.features.label_join import labelled, matured
from tasks.features.leakage import Leak, LeakageContext, leaks
from tasks.features.time_split import Parts, holdout_parts

__all__ = [
    "Leak",
    "LeakageContext",
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
