"""The rim of profiling: each new batch's rows are profiled by event date, in parts, and stored once."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from tasks.lake import Batch, Lake, ParallelMap, RowFiles, partitions
from tasks.logs import line, logger
from tasks.monitor.profiles.partial_profiles import Days, PartProfiler
from tasks.prefect_task import leeway_task
from tasks.profiles import Ruler, added_by_day, digest, to_bytes

SOURCE = "rows"
COLUMNS = ["batch_id", "revision", "source", "ruler", "event_date", "row_count", "profile"]


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
    keys = {f"{SOURCE}/{ruler_name}/{batch.write_key}": batch for batch in batches}
    missing = {key: keys[key] for key in lake.missing(project, "profiles", list(keys))}
    partial: dict[str, list[Days]] = {batch.write_key: [] for batch in missing.values()}
    if missing:
        files = RowFiles.now(lake, project)
        parts = [part for batch in missing.values() for part in files.parts(batch)]
        for of_partition in spread(PartProfiler(files.reader, ruler, features).profiles, partitions(parts)):
            for write_key, days in of_partition.items():
                partial[write_key].append(days)
    whole = {name: added_by_day(pair for days in parts for pair in days.items()) for name, parts in partial.items()}
    stored = {key: _stored(batch, whole[batch.write_key], ruler_name) for key, batch in missing.items()}
    lake.add_each(project, "profiles", stored)
    read = sum(each.rows for days in whole.values() for each in days.values())
    logger().info(line("rows_profiled", rows=read))
    return read


profile_batches_task = leeway_task("profile")(profile_batches)


def _stored(batch: Batch, days: Days, ruler_name: str) -> pd.DataFrame:
    rows = [
        (batch.batch_id, batch.revision, SOURCE, ruler_name, day, days[day].rows, to_bytes(days[day]))
        for day in sorted(days)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
