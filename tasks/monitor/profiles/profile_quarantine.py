"""The rim of profiling quarantined rows, so that rows can be measured as they were delivered.

Profiles add up exactly, so the accepted and the quarantined rows together are the rows as delivered. Only quarantined
rows are read again, in pieces; a feature that is made of other columns has no value in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import pandas as pd

from tasks.lake import Batch, Deliveries, Filter, Lake
from tasks.logs import line, logger
from tasks.monitor.profiles.profile_batches import COLUMNS
from tasks.prefect_task import leeway_task
from tasks.profiles import Ruler, TableProfile, added_by_day, digest, from_bytes, profile, to_bytes

SOURCE = "refused"


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
    keys = {f"{SOURCE}/{name}/{batch.write_key}": batch for batch in batches}
    made, seen = {}, 0
    for key in lake.missing(project, "profiles", list(keys)):
        batch = keys[key]
        mine: list[Filter] = [("arrival", "=", batch.arrival), ("batch_id", "=", batch.batch_id)]
        pieces = lake.pieces(project, "quarantine", columns=["raw"], where=mine)
        days = added_by_day(
            pair for piece in pieces for pair in quarantined_by_day(read(piece["raw"]), batch.arrival, ruler)
        )
        kept = [
            (batch.batch_id, batch.revision, SOURCE, name, d, days[d].rows, to_bytes(days[d])) for d in sorted(days)
        ]
        made[key] = pd.DataFrame(kept, columns=COLUMNS)
        seen += sum(each.rows for each in days.values())
    lake.add_each(project, "profiles", made)
    logger().info(line("refused_profiled", rows=seen))
    return seen


profile_refused_task = leeway_task("profile_refused")(profile_refused)


def refused_by_day(lake: Lake, project: str, known: Deliveries, ruler: Ruler, until: date) -> dict[date, TableProfile]:
    """Return the profiles of the quarantined rows, by event date; released rows are not among them."""
    inside: list[Filter] = [("event_date", "<=", until), ("ruler", "=", digest(ruler)), ("source", "=", SOURCE)]
    newest = {(batch.batch_id, batch.revision) for batch in known.latest() if batch.night <= until}
    stored = lake.read(project, "profiles", where=inside)
    rows = zip(stored["batch_id"], stored["revision"], stored["event_date"], stored["profile"], strict=True)
    return added_by_day(
        (day, from_bytes(content)) for name, revision, day, content in rows if (name, revision) in newest
    )


def quarantined_by_day(rows: pd.DataFrame, arrival: date, ruler: Ruler) -> Iterator[tuple[date, TableProfile]]:
    """Yield the profiles of some rows by event date; a missing date, or one after the arrival, is the arrival's."""
    days = pd.Series([_dated(day, arrival) for day in rows["event_date"]], index=rows.index, dtype=object)
    of_ruler = rows.reindex(columns=list(ruler.columns)).assign(event_date=days)
    for day, of_day in of_ruler.groupby(days):
        yield day, profile(of_day, ruler)


def _dated(day: date | None, arrival: date) -> date:
    return arrival if pd.isna(day) or day is None or day > arrival else day
