"""Drift: two profiles in, how far apart they are and whether that is more than the leeway out.

`DISTANCES` says how far one column profile is from another. A `Reference` is what the champion learned from, with its
own periods; `compare` measures a night against it and sets each statistic beside its leeway; `Charts` find what no
single night shows; `suspicions` tells what is corrupt from what has drifted. A window must never hold rows its
reference holds: it would be compared with itself.
"""

from tasks.drift.codec import PROTOCOL, from_bytes, to_bytes
from tasks.drift.compare import Compared, Leeway, charts, compare, judged, measured, past_leeway
from tasks.drift.corrupt import Suspicion, suspicions
from tasks.drift.cusum import Charts, begin
from tasks.drift.distances import DISTANCES
from tasks.drift.layout import Layout, Means, layout
from tasks.drift.quiet import Quiet, Row, Shift, quiet
from tasks.drift.reference import Reference, reference_of
from tasks.drift.volume import duplicate_share, truncated

__all__ = [
    "DISTANCES",
    "PROTOCOL",
    "Charts",
    "Compared",
    "Layout",
    "Leeway",
    "Means",
    "Quiet",
    "Reference",
    "Row",
    "Shift",
    "Suspicion",
    "begin",
    "charts",
    "compare",
    "duplicate_share",
    "from_bytes",
    "judged",
    "layout",
    "measured",
    "past_leeway",
    "quiet",
    "reference_of",
    "suspicions",
    "to_bytes",
    "truncated",
]
