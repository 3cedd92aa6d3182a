"""Profiles: some rows in, a small summary out, and summaries add up exactly.

`fit_ruler` fixes a project's bins once; `profile` summarises any frame with them; `profile(a) + profile(b)` equals
`profile(a and b)` bit for bit, in any order, because everything kept is a count, an integer, a minimum or a maximum.
"""

from tasks.profiles.axis import Axis
from tasks.profiles.category import CategoryProfile
from tasks.profiles.codec import PROTOCOL, digest, from_bytes, to_bytes
from tasks.profiles.number import NumberProfile
from tasks.profiles.ruler import Ruler, fit_ruler
from tasks.profiles.table import ColumnProfile, TableProfile, profile

__all__ = [
    "PROTOCOL",
    "Axis",
    "CategoryProfile",
    "ColumnProfile",
    "NumberProfile",
    "Ruler",
    "TableProfile",
    "digest",
    "fit_ruler",
    "from_bytes",
    "profile",
    "to_bytes",
]
