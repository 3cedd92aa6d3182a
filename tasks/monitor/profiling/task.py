"""The rim of profiling: each batch's accepted and quarantined rows are profiled by event date and stored once.

Profiles add up exactly, so the accepted and the quarantined rows together are the rows as delivered. Only quarantined
rows are read again, in pieces; a feature that is made of other columns has no value in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import pandas as pd

from tasks.lake import Batch, Deliveries, Filter, Lake, ParallelMap, RowFiles, partitions
from tasks.logs import line, logger
from tasks.monitor.profiling.partial_profiles import Days, PartProfiler
from tasks.monitor.profiling.quarantined_rows import quarantined_by_day
from tasks.monitor.profiling.stored_profiles import ACCEPTED, QUARANTINED, stored_profiles
from tasks.prefect_task import leeway_task
from tasks.profiles import Ruler, TableProfile, added_by_day, digest, from_bytes


def profile_batches(
    lake: Lake,
    project: str,
    batches: list[Batch],
    ruler: Ruler,
    *,
    features: Callable[[pd.DataFrame], pd.DataFrame],
    spread: ParallelMap = map,
) -> int:
    """Profile, by event date, every batch without a profile of this ruler; return the rows that were read.

    Parameters
    ----------
    spread : callable, optional
        Profiles the parts, with the meaning of `map`: in this process, or on the workers of a cluster. Profiles add up
        exactly, so what is stored does not depend on it.
    """
    ruler_name = digest(ruler)
    keys = {f"{ACCEPTED}/{ruler_name}/{batch.write_key}": batch for batch in batches}
    missing = {key: keys[key] for key in lake.missing(project, "profiles", list(keys))}
    partial: dict[str, list[Days]] = {batch.write_key: [] for batch in missing.values()}
    if missing:
        files = RowFiles.now(lake, project)
        parts = [part for batch in missing.values() for part in files.parts(batch)]
        for of_partition in spread(PartProfiler(files.reader, ruler, features).profiles, partitions(parts)):
            for write_key, days in of_partition.items():
                partial[write_key].append(days)
    whole = {name: added_by_day(pair for days in parts for pair in days.items()) for name, parts in partial.items()}
    stored = {
        key: stored_profiles(batch, ACCEPTED, ruler_name, whole[batch.write_key]) for key, batch in missing.items()
    }
    lake.add_each(project, "profiles", stored)
    read = sum(each.rows for days in whole.values() for each in days.values())
    logger().info(line("rows_profiled", rows=read))
    return read


profile_batches_task = leeway_task("profile")(profile_batches)


def profile_refused(
    lake: Lake, project: str, batches: Sequence[Batch], ruler: Ruler, *, read: Callable[[pd.Series], pd.DataFrame]
) -> int:
    """Profile, by event date, the quarantined rows of batches without a profile of this ruler; return the rows.

    Parameters
    ----------
    batches : sequence of Batch
        Batches with quarantined rows, in their newest state.
    read : callable
        From rows as the quarantine keeps them to typed ones, with `event_date`; what cannot be read is missing.
    """
    name = digest(ruler)
    keys = {f"{QUARANTINED}/{name}/{batch.write_key}": batch for batch in batches}
    made, seen = {}, 0
    for key in lake.missing(project, "profiles", list(keys)):
        batch = keys[key]
        mine: list[Filter] = [("arrival", "=", batch.arrival), ("batch_id", "=", batch.batch_id)]
        pieces = lake.pieces(project, "quarantine", columns=["raw"], where=mine)
        days = added_by_day(
            pair for piece in pieces for pair in quarantined_by_day(read(piece["raw"]), batch.arrival, ruler)
        )
        made[key] = stored_profiles(batch, QUARANTINED, name, days)
        seen += sum(each.rows for each in days.values())
    lake.add_each(project, "profiles", made)
    logger().info(line("refused_profiled", rows=seen))
    return seen


profile_refused_task = leeway_task("profile refused")(profile_refused)


def refused_by_day(stored: pd.DataFrame, known: Deliveries, until: date) -> dict[date, TableProfile]:
    """Return the profiles of the quarantined rows, by event date; released rows are not among them."""
    newest = {(batch.batch_id, batch.revision) for batch in known.latest() if batch.night <= until}
    rows = zip(stored["batch_id"], stored["revision"], stored["event_date"], stored["profile"], strict=True)
    return added_by_day(
        (day, from_bytes(content)) for name, revision, day, content in rows if (name, revision) in newest
    )
