"""What stands in the lake before a delivery is written: the batches it may concern, and their rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

import pandas as pd

from tasks.lake import SUPERSEDED, Batch, Deliveries, Filter, Lake, active_rows
from tasks.records import Landed
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.reconcile import PriorBatch
from tasks.validate.acceptance.release import readable_ids
from tasks.validate.typing.membership import among

HEALED_WITHIN_DAYS = 92


def earlier(
    lake: Lake, spec: ProjectSpec, known: Deliveries, landed: Landed, new: tuple[str, pd.DataFrame]
) -> Iterator[PriorBatch]:
    """Yield the earlier batches a delivery may concern: of its key, held ones, and those with any of its row ids.

    Parameters
    ----------
    new : (str, DataFrame)
        The delivery's batch id and its accepted rows (or labels): `row_id`, and `event_date` of rows.
    """
    batch_id, accepted = new
    if accepted.empty or landed.kind == "features":  # of several values of one time the newest arrival counts
        return
    others = [
        batch
        for batch in known.latest()
        if batch.kind == landed.kind and batch.batch_id != batch_id and batch.verdict != SUPERSEDED
    ]
    oldest = landed.arrival - timedelta(days=HEALED_WITHIN_DAYS)
    wanted = {
        batch.batch_id
        for batch in others
        if batch.key == landed.name or (batch.verdict == "quarantined" and batch.arrival >= oldest)
    }
    if landed.kind == "rows" and _overlap(others, accepted):
        wanted |= _sharing(lake, spec, known, accepted)
    for batch in (each for each in others if each.batch_id in wanted):
        yield PriorBatch(batch, standing_of(lake, spec, known, batch), _held_ids(lake, spec, batch))


def _overlap(batches: Iterable[Batch], accepted: pd.DataFrame) -> bool:
    """Tell whether any batch has rows of the event dates that a delivery spans; most deliveries are of newer ones."""
    first, last = event_window(accepted, None)
    spans = [(batch.event_from, batch.event_until) for batch in batches]
    return any(start and end and first and last and start <= last and first <= end for start, end in spans)


def _sharing(lake: Lake, spec: ProjectSpec, known: Deliveries, accepted: pd.DataFrame) -> set[str]:
    """Return the batches that have a row of the same id on an event date that the delivery spans."""
    first, last = event_window(accepted, None)
    if first is None or last is None:
        return set()
    inside: list[Filter] = [("event_date", ">=", first), ("event_date", "<=", last)]
    there = active_rows(lake, spec.project, "rows", known, columns=["row_id", "batch_id"], where=inside)
    return set(there.loc[among(there["row_id"], accepted["row_id"]), "batch_id"])


def standing_of(lake: Lake, spec: ProjectSpec, known: Deliveries, batch: Batch) -> pd.DataFrame:
    """Return a batch's accepted rows, or labels, that count."""
    mine: list[Filter] = [("batch_id", "=", batch.batch_id)]
    if batch.kind == "rows" and batch.event_from is not None and batch.event_until is not None:
        mine += [("event_date", ">=", batch.event_from), ("event_date", "<=", batch.event_until)]
    table, told_apart = ("rows", "row_id") if batch.kind == "rows" else ("labels", "label")
    found = active_rows(lake, spec.project, table, known, where=mine)
    ours = {"batch_id", "revision"} if batch.kind == "rows" else {"batch_id", "revision", "arrival"}
    return found.sort_values(["row_id", told_apart], ignore_index=True).drop(columns=list(ours))


def _held_ids(lake: Lake, spec: ProjectSpec, batch: Batch) -> frozenset[str]:
    return readable_ids(held_rows(lake, spec, batch)["raw"], spec) if batch.rows_quarantined else frozenset()


def held_rows(lake: Lake, spec: ProjectSpec, batch: Batch) -> pd.DataFrame:
    """Return what was set aside of a batch."""
    mine: list[Filter] = [("arrival", "=", batch.arrival), ("batch_id", "=", batch.batch_id)]
    return lake.read(spec.project, "quarantine", where=mine)


def ids_there(lake: Lake, spec: ProjectSpec, rows: pd.DataFrame) -> pd.Series:
    """Return the ids of the rows that count on the event dates of some rows."""
    first, last = event_window(rows, None)
    if first is None or last is None:
        return pd.Series(dtype="str")
    inside: list[Filter] = [("event_date", ">=", first), ("event_date", "<=", last)]
    return active_rows(lake, spec.project, "rows", columns=["row_id"], where=inside)["row_id"]


def event_window(rows: pd.DataFrame, before: Batch | None) -> tuple[date | None, date | None]:
    """Return the event dates a batch spans, those it spanned before included."""
    days = [*rows["event_date"].unique()] if "event_date" in rows else []
    if before is not None:
        days += [day for day in (before.event_from, before.event_until) if day is not None]
    return min(days, default=None), max(days, default=None)
