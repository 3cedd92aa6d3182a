"""Drift: two profiles in, how far apart they are and whether that is more than the leeway out.

`DISTANCES` says how far one column profile is from another. A `Reference` is what the champion learned from, with its
own periods; `compare` measures a night against it and sets each statistic beside its leeway; `Charts` find what no
single night shows; `suspicions` tells what is corrupt from what has drifted. A window must never hold rows its
reference holds: it would be compared with itself.
"""

from tasks.drift.cusum import Charts, begin
from tasks.drift.faults.detect import suspicions
from tasks.drift.faults.volume import duplicate_share, truncated
from tasks.drift.noise_model import ExpectedShift, NoiseModel, Row, quiet
from tasks.drift.reference import Reference, reference_of
from tasks.drift.reference_codec import PROTOCOL, from_bytes, to_bytes
from tasks.drift.reference_comparison import Compared, Leeway, charts, judged, measured, past_leeway
from tasks.drift.statistics.score_layout import Means, ScoreLayout, layout
from tasks.records import Suspicion

__all__ = [
    "PROTOCOL",
    "Charts",
    "Compared",
    "ExpectedShift",
    "Leeway",
    "Means",
    "NoiseModel",
    "Reference",
    "Row",
    "ScoreLayout",
    "Suspicion",
    "begin",
    "charts",
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
