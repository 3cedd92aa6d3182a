"""The rim of the first step: what the contract set aside is summarised too, so that rows as delivered can be judged.

Profiles add up exactly, so accepted and refused rows together are the rows as they were delivered. Only refused rows
are read again, piece by piece; a feature that no delivery brings is without a value in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import pandas as pd

from tasks.lake import Batch, Deliveries, Filter, Lake
from tasks.logs import line, logger
from tasks.monitor.profiles.profile_batches import COLUMNS
from tasks.prefect_task import leeway_task
from tasks.profiles import Ruler, TableProfile, digest, from_bytes, profile, to_bytes

SOURCE = "refused"


def profile_refused(
    lake: Lake, project: str, batches: Sequence[Batch], ruler: Ruler, *, read: Callable[[pd.Series], pd.DataFrame]
) -> int:
    """Summarise, by event date, what is set aside of batches and has no profile under this ruler yet; return the rows.

    Parameters
    ----------
    batches : sequence of Batch
        As they stand now, with rows in quarantine.
    read : callable
        From rows as the quarantine keeps them to typed ones, with `event_date`; what cannot be read is missing.
    """
    name = digest(ruler)
    keys = {f"{SOURCE}/{name}/{batch.write_key}": batch for batch in batches}
    made, seen = {}, 0
    for key in lake.missing(project, "profiles", list(keys)):
        batch = keys[key]
        mine: list[Filter] = [("arrival", "=", batch.arrival), ("batch_id", "=", batch.batch_id)]
        days: dict[date, TableProfile] = {}
        for piece in lake.pieces(project, "quarantine", columns=["raw"], where=mine):
            for day, rows in _by_day(read(piece["raw"]), batch, ruler).items():
                days[day] = days[day] + rows if day in days else rows
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
    """Return the profiles of what is set aside, by event date; what a person let in since is not."""
    inside: list[Filter] = [("event_date", "<=", until), ("ruler", "=", digest(ruler)), ("source", "=", SOURCE)]
    found: dict[date, TableProfile] = {}
    newest = {(batch.batch_id, batch.revision) for batch in known.latest() if batch.night <= until}
    kept = lake.read(project, "profiles", where=inside)
    for batch_id, revision, day, stored in zip(
        kept["batch_id"], kept["revision"], kept["event_date"], kept["profile"], strict=True
    ):
        if (batch_id, revision) in newest:
            rows = from_bytes(stored)
            found[day] = found[day] + rows if day in found else rows
    return found


def _by_day(rows: pd.DataFrame, batch: Batch, ruler: Ruler) -> dict[date, TableProfile]:
    """Return the profiles of some rows; those without a date, or of a day that had not come, are the arrival's."""
    days = pd.Series([_dated(day, batch) for day in rows["event_date"]], index=rows.index, dtype=object)
    plain = rows.reindex(columns=list(ruler.columns)).assign(event_date=days)
    return {day: profile(part, ruler) for day, part in plain.groupby(days)}


def _dated(day: date | None, batch: Batch) -> date:
    return batch.arrival if pd.isna(day) or day is None or day > batch.arrival else day
