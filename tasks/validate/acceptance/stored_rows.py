"""The rim of acceptance that reads: the stored rows of the batches that a delivery may concern."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from tasks.lake import Batch, Deliveries, Filter, Lake, active_rows
from tasks.records import Landed
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.prior_batches import concerned, event_window, overlap
from tasks.validate.acceptance.reconcile import PriorBatch
from tasks.validate.acceptance.release import readable_ids
from tasks.validate.typing.membership import among


def earlier(
    lake: Lake, spec: ProjectSpec, known: Deliveries, landed: Landed, new: tuple[str, pd.DataFrame]
) -> Iterator[PriorBatch]:
    """Yield the earlier batches with their rows: those that are `concerned`, and those that share a row id.

    Parameters
    ----------
    new : (str, DataFrame)
        The delivery's batch id and its accepted rows (or labels): `row_id`, and `event_date` of rows.
    """
    batch_id, accepted = new
    if accepted.empty or landed.kind == "features":  # of several values of one time the newest arrival counts
        return
    others, wanted = concerned(known, landed, batch_id)
    if landed.kind == "rows" and overlap(others, accepted):
        wanted |= _sharing(lake, spec, known, accepted)
    for batch in (other for other in others if other.batch_id in wanted):
        yield PriorBatch(batch, standing_of(lake, spec, known, batch), _held_ids(lake, spec, batch))


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
    """Return the quarantined rows of a batch."""
    mine: list[Filter] = [("arrival", "=", batch.arrival), ("batch_id", "=", batch.batch_id)]
    return lake.read(spec.project, "quarantine", where=mine)


def ids_there(lake: Lake, spec: ProjectSpec, rows: pd.DataFrame) -> pd.Series:
    """Return the ids of the rows that count on the event dates of some rows."""
    first, last = event_window(rows, None)
    if first is None or last is None:
        return pd.Series(dtype="str")
    inside: list[Filter] = [("event_date", ">=", first), ("event_date", "<=", last)]
    return active_rows(lake, spec.project, "rows", columns=["row_id"], where=inside)["row_id"]
