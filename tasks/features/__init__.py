"""Features: from accepted rows to the inputs of the model."""

from tasks.features.feature_function import (
    Featured,
    fails_everywhere,
    featured,
    function_at,
    row_failures,
    with_features,
)
from tasks.features.feature_tables import as_of, latest_values, with_tables
from tasks.features.leakage import Leak, LeakageContext, leaks
from tasks.features.time_split import Parts, holdout_parts
from tasks.features.user_modules import declaration_fault

__all__ = [
    "Featured",
    "Leak",
    "LeakageContext",
    "Parts",
    "as_of",
    "declaration_fault",
    "fails_everywhere",
    "featured",
    "function_at",
    "holdout_parts",
    "latest_values",
    "leaks",
    "row_failures",
    "with_features",
    "with_tables",
]
