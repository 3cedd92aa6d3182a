"""Features: from accepted rows to the inputs of the model."""

from tasks.features.feature_function import (
    Featured,
    fails_everywhere,
    featured,
    require_function,
    row_failures,
    with_features,
)
from tasks.features.feature_tables import as_of, known_values, latest_values, with_tables
from tasks.features.leakage import Leak, LeakageContext, leaks
from tasks.features.time_split import Parts, holdout_parts

__all__ = [
    "Featured",
    "Leak",
    "LeakageContext",
    "Parts",
    "as_of",
    "fails_everywhere",
    "featured",
    "holdout_parts",
    "known_values",
    "latest_values",
    "leaks",
    "require_function",
    "row_failures",
    "with_features",
    "with_tables",
]
