"""Repeated deliveries: content that was taken in under another key is recorded once, and not read again every night."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from tasks.lake.lake import Lake
from tasks.records import Landed

TABLE = "repeats"


def read_repeats(lake: Lake, project: str) -> set[tuple[str, str, str]]:
    """Return kind, name and stamp of every delivery with content that is known under another name."""
    stored = lake.read(project, TABLE, columns=["kind", "key", "stamp"])
    return {(str(kind), str(key), str(stamp)) for kind, key, stamp in stored.itertuples(index=False, name=None)}


def append_repeats(lake: Lake, project: str, repeats: Iterable[tuple[str, Landed]]) -> None:
    """Record deliveries, each with the id of the batch with the same content, in one commit."""
    rows = {
        f"{landed.kind}/{landed.name}/{landed.stamp}": pd.DataFrame(
            [{"kind": landed.kind, "key": landed.name, "stamp": landed.stamp, "batch_id": batch_id}]
        )
        for batch_id, landed in repeats
    }
    lake.add_each(project, TABLE, rows)
