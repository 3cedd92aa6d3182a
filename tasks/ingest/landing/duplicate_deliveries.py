"""Content that is known under another key: written down once, so that no later night reads it to find that out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from tasks.lake import Deliveries, Lake
from tasks.records import Landed

TABLE = "repeats"


def is_repeat(known: Deliveries, batch_id: str, landed: Landed) -> bool:
    """Tell whether content was taken in under another key than the one it lies under now.

    Under its own key it may come to count again (see `Deliveries.stale`), so it is looked at every night.
    """
    batch = known.get(batch_id)
    return batch is not None and (batch.kind, batch.key) != (landed.kind, landed.name)


def repeats(lake: Lake, project: str) -> set[tuple[str, str, str]]:
    """Return kind, key and stamp of every delivery whose content is known under another key."""
    found = lake.read(project, TABLE, columns=["kind", "key", "stamp"])
    return {(str(kind), str(key), str(stamp)) for kind, key, stamp in found.itertuples(index=False, name=None)}


def note_repeats(lake: Lake, project: str, found: Sequence[tuple[str, Landed]]) -> None:
    """Write deliveries down, each with the batch whose content it repeats, in one commit."""
    rows = {
        f"{each.kind}/{each.name}/{each.stamp}": pd.DataFrame(
            [{"kind": each.kind, "key": each.name, "stamp": each.stamp, "batch_id": batch_id}]
        )
        for batch_id, each in found
    }
    lake.add_each(project, TABLE, rows)
