"""The rim of profiling: what each new batch's rows look like, by event date, summed up in parts and stored once."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from tasks.lake import Batch, Lake, ParallelMap, RowFiles, partitions
from tasks.logs import line, logger
from tasks.monitor.profiles.partial_profiles import Days, Summing, add
from tasks.prefect_task import leeway_task
from tasks.profiles import Ruler, digest, to_bytes

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
    """Summarise, by event date, every batch that has no profile under this ruler yet; return how many rows it read.

    Parameters
    ----------
    spread : callable, optional
        Does the summarising, part by part, with the meaning of `map`: here, or on a cluster's workers. Profiles add up
        exactly, so what is stored does not depend on it.
    """
    ruler_name = digest(ruler)
    keys = {f"{SOURCE}/{ruler_name}/{batch.write_key}": batch for batch in batches}
    missing = {key: keys[key] for key in lake.missing(project, "profiles", list(keys))}
    found: dict[str, Days] = {batch.write_key: {} for batch in missing.values()}
    if missing:
        files = RowFiles.now(lake, project)
        parts = [part for batch in missing.values() for part in files.parts(batch)]
        for some in spread(Summing(files.reader, ruler, features).summed, partitions(parts)):
            for write_key, days in some.items():
                for day, each in days.items():
                    add(found[write_key], day, each)
    made = {key: _stored(batch, found[batch.write_key], ruler_name) for key, batch in missing.items()}
    lake.add_each(project, "profiles", made)
    read = sum(each.rows for days in found.values() for each in days.values())
    logger().info(line("rows_profiled", rows=read))
    return read


profile_batches_task = leeway_task("profile")(profile_batches)


def _stored(batch: Batch, days: Days, ruler_name: str) -> pd.DataFrame:
    rows = [
        (batch.batch_id, batch.revision, SOURCE, ruler_name, day, days[day].rows, to_bytes(days[day]))
        for day in sorted(days)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
