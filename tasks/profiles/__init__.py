"""Profiles: summarise rows in a few kilobytes, and summaries add up exactly.

Input: a frame or Arrow batches. Output: a `TableProfile`. `fit_ruler` fixes the bins of a project once, `with_dates`
those of dates, which are compared by their age; `profile` summarises a frame. `profile(a) + profile(b)` equals the
profile of both bit for bit, in any order, because a profile consists of counts, integers, minima and maxima only.
"""

from tasks.profiles.axis import Axis
from tasks.profiles.category_profile import CategoryProfile
from tasks.profiles.column_distributions import column_distributions
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
    "column_distributions",
    "digest",
    "fit_ruler",
    "from_bytes",
    "profile",
    "sum_profiles",
    "to_bytes",
    "with_dates",
]
