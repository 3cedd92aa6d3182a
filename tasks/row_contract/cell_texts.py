"""Which texts are missing, true or false, numbers or times: one home for the batch and for single rows."""

from __future__ import annotations

import re

NULL_MARKER = r"\N"  # of MySQL, PostgreSQL and Hive, in every kind of column
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", NULL_MARKER.lower()})
TRUE = frozenset({"true", "yes", "y", "1", "1.0"})
FALSE = frozenset({"false", "no", "n", "0", "0.0"})
SIMPLE_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
