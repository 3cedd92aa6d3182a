"""Reads the stored rows of the batches that a delivery may affect."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from tasks.lake import Batch, Deliveries, Filter, Lake, active_rows
from tasks.records import ValidatedDelivery
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.prior_batches import affected_batches, event_window, overlap
from tasks.validate.acceptance.quarantine_rows import readable_ids
from tasks.validate.acceptance.reconcile import PriorBatch, contained


def prior_batches(
    lake: Lake, spec: ProjectSpec, known: Deliveries, delivery: ValidatedDelivery, accepted: pd.DataFrame
) -> Iterator[PriorBatch]:
    """Yield the batches that a delivery may affect, with their rows: `affected_batches`, and those with its row ids.

    Parameters
    ----------
    known : Deliveries
        All batches as they are now.
    delivery : ValidatedDelivery
        The delivery.
    accepted : DataFrame
        Its accepted rows (or labels): `row_id`, and `event_date` of rows.
    """
    kind = delivery.landed.kind
    if accepted.empty or kind == "features":  # of several values of one time, the newest arrival counts
        return
    others, affected = affected_batches(known, delivery)
    if kind == "rows" and overlap(others, accepted):
        affected |= _with_same_rows(lake, spec, known, accepted)
    for batch in (other for other in others if other.batch_id in affected):
        yield PriorBatch(batch, accepted_rows(lake, spec, known, batch), _quarantined_ids(lake, spec, batch))


def accepted_rows(lake: Lake, spec: ProjectSpec, known: Deliveries, batch: Batch) -> pd.DataFrame:
    """Return the accepted rows, or labels, of a batch that count."""
    where: list[Filter] = [("batch_id", "=", batch.batch_id)]
    if batch.kind == "rows" and batch.event_from is not None and batch.event_until is not None:
        where += [("event_date", ">=", batch.event_from), ("event_date", "<=", batch.event_until)]
    table, tie_breaker = ("rows", "row_id") if batch.kind == "rows" else ("labels", "label")
    rows = active_rows(lake, spec.project, table, known, where=where)
    internal = ["batch_id", "revision"] if batch.kind == "rows" else ["batch_id", "revision", "arrival"]
    return rows.sort_values(["row_id", tie_breaker], ignore_index=True).drop(columns=internal)


def quarantined_rows(lake: Lake, spec: ProjectSpec, batch: Batch) -> pd.DataFrame:
    """Return the quarantined rows of a batch, as delivered with their reasons."""
    where: list[Filter] = [("arrival", "=", batch.arrival), ("batch_id", "=", batch.batch_id)]
    return lake.read(spec.project, "quarantine", where=where)


def ids_on_same_days(lake: Lake, spec: ProjectSpec, rows: pd.DataFrame) -> pd.Series:
    """Return the ids of the rows that count on the event dates of some rows."""
    first, last = event_window(rows, None)
    if first is None or last is None:
        return pd.Series(dtype="str")
    where: list[Filter] = [("event_date", ">=", first), ("event_date", "<=", last)]
    return active_rows(lake, spec.project, "rows", columns=["row_id"], where=where)["row_id"]


def _with_same_rows(lake: Lake, spec: ProjectSpec, known: Deliveries, accepted: pd.DataFrame) -> set[str]:
    """Return the batches that have a row of the same id on an event date that the delivery spans."""
    first, last = event_window(accepted, None)
    if first is None or last is None:
        return set()
    where: list[Filter] = [("event_date", ">=", first), ("event_date", "<=", last)]
    rows = active_rows(lake, spec.project, "rows", known, columns=["row_id", "batch_id"], where=where)
    return set(rows.loc[contained(rows["row_id"], accepted["row_id"]), "batch_id"])


def _quarantined_ids(lake: Lake, spec: ProjectSpec, batch: Batch) -> frozenset[str]:
    return readable_ids(quarantined_rows(lake, spec, batch)["raw"], spec) if batch.rows_quarantined else frozenset()
