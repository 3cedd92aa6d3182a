"""The profile of a stream of Arrow batches, as ingestion counts it."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from tasks.profiles import Ruler, TableProfile
from tasks.profiles.table_profile import TableCounter


def profile_stream(batches: Iterable[pa.RecordBatch], ruler: Ruler) -> TableProfile:
    """Return the profile of all rows of a stream."""
    counter = TableCounter(ruler)
    for batch in batches:
        counter.add(batch)
    return counter.profile()
