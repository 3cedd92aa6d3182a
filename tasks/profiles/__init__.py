"""Profiles: some rows in, a small summary out, and summaries add up exactly.

`fit_ruler` fixes a project's bins once, `with_dates` those of dates, which are compared by their age; `profile`
summarises any frame with them, `profile_stream` Arrow rows where they lie; `profile(a) + profile(b)` equals
`profile(a and b)` bit for bit, in any order, because everything kept is a count, an integer, a minimum or a maximum.
Predictions are columns as any other.
"""

from tasks.profiles.axis import Axis
from tasks.profiles.category_profile import CategoryProfile
from tasks.profiles.formats.codec import PROTOCOL, digest, from_bytes, to_bytes
from tasks.profiles.number_profile import NumberProfile
from tasks.profiles.ruler import Ruler, fit_ruler, with_dates
from tasks.profiles.table_profile import ColumnProfile, TableProfile, added_by_day, profile, sum_profiles
from tasks.profiles.value_counts import ValueCounts

__all__ = [
    "PROTOCOL",
    "Axis",
    "CategoryProfile",
    "ColumnProfile",
    "NumberProfile",
    "Ruler",
    "TableProfile",
    "ValueCounts",
    "added_by_day",
    "digest",
    "fit_ruler",
    "from_bytes",
    "profile",
    "sum_profiles",
    "to_bytes",
    "with_dates",
]
