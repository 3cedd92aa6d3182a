"""Drift: two profiles in, how far apart they are and whether that is more than the leeway out.

`DISTANCES` says how far one column profile is from another. A `Reference` is what the champion learned from, with its
own periods; `compare` measures a window against it and sets each distance beside its leeway; `creep` finds what no
single night shows. A window must never hold rows its reference holds: it would be compared with itself.
"""

from tasks.drift.codec import PROTOCOL, from_bytes, to_bytes
from tasks.drift.compare import Leeway, compare
from tasks.drift.cusum import Cusum, creep
from tasks.drift.distances import DISTANCES
from tasks.drift.reference import Reference, reference_of
from tasks.drift.shift import signed_shift, standard_shift

__all__ = [
    "DISTANCES",
    "PROTOCOL",
    "Cusum",
    "Leeway",
    "Reference",
    "compare",
    "creep",
    "from_bytes",
    "reference_of",
    "signed_shift",
    "standard_shift",
    "to_bytes",
]
