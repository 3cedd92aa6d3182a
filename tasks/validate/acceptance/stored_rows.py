"""Reads the stored rows of the batches that a delivery may affect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from tasks.lake import Batch, Deliveries, Filter, Lake, active_rows, deliveries
from tasks.records import ValidatedDelivery
from tasks.serving_store.logged_rows import is_served
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.prior_batches import affected_batches, event_window, overlap
from tasks.validate.acceptance.quarantine_rows import readable_ids
from tasks.validate.acceptance.reconcile import PriorBatch, contained

NO_IDS = pd.Series(dtype="str")
NO_ROWS = pd.DataFrame({"row_id": NO_IDS, "batch_id": NO_IDS, "event_date": pd.Series(dtype=object)})


@dataclass(frozen=True)
class StoredRows:
    """What is stored of a project before some deliveries are written: its batches, and the rows that have their ids.

    `same_ids` has `row_id`, `batch_id` and `event_date` of the rows that count and have an id of any of the deliveries.
    """

    lake: Lake
    spec: ProjectSpec
    known: Deliveries
    same_ids: pd.DataFrame

    @classmethod
    def before(cls, lake: Lake, spec: ProjectSpec, accepted: Sequence[pd.DataFrame]) -> StoredRows:
        """Look for the ids of some accepted rows in the lake, in one pass.

        Where the event time is a part of the id, only the days of these rows are read; otherwise the ids of all days,
        but no other column of the rows.
        """
        known = deliveries(lake, spec.project)
        ids = pd.concat([NO_IDS, *(rows["row_id"] for rows in accepted)], ignore_index=True)
        where = _where(known, spec, accepted, ids)
        columns = ["row_id", "batch_id", "revision", "event_date"]
        pieces = lake.pieces(spec.project, "rows", columns=columns, where=where) if where else ()
        found = [known.active(piece[contained(piece["row_id"], ids)]) for piece in pieces]
        return cls(lake, spec, known, pd.concat([NO_ROWS, *found], ignore_index=True))

    def kept_before(self, rows: pd.DataFrame, batch: Batch) -> pd.Series:
        """Return the ids of rows of a batch that are not released.

        They are stored for the same day, or delivered later; of logged rows also all that a source has delivered.
        """
        if self.same_ids.empty or "event_date" not in rows:
            return NO_IDS
        same = self.same_ids.merge(rows[["row_id", "event_date"]], on="row_id", suffixes=("", "_released"))
        later = self.known.arrival_ranks(same["batch_id"]) > self.known.arrival_ranks(pd.Series([batch.batch_id]))[0]
        is_kept = (same["event_date"] == same["event_date_released"]) | later
        if is_served(batch.kind, batch.key):
            logged = {each.batch_id for each in self.known.latest() if is_served(each.kind, each.key)}
            is_kept |= ~same["batch_id"].isin(logged)
        kept: pd.Series = same.loc[is_kept, "row_id"]
        return kept


def prior_batches(stored: StoredRows, delivery: ValidatedDelivery, accepted: pd.DataFrame) -> Iterator[PriorBatch]:
    """Yield the batches that a delivery may affect, with their rows: `affected_batches`, and those with its row ids.

    Parameters
    ----------
    stored : StoredRows
        What is stored.
    delivery : ValidatedDelivery
        The delivery.
    accepted : DataFrame
        Its accepted rows (or labels): `row_id`, and `event_date` of rows.
    """
    kind, lake, spec, known = delivery.landed.kind, stored.lake, stored.spec, stored.known
    if accepted.empty or kind == "features":  # of several values of one time, the newest arrival counts
        return
    others, affected = affected_batches(known, delivery)
    if kind == "rows":
        affected |= set(stored.same_ids.loc[contained(stored.same_ids["row_id"], accepted["row_id"]), "batch_id"])
    elif delivery.landed.is_withdrawal:  # any delivery may have a label of a row
        affected = {batch.batch_id for batch in others}
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


def _where(known: Deliveries, spec: ProjectSpec, accepted: Sequence[pd.DataFrame], ids: pd.Series) -> list[Filter]:
    """Return where rows with some ids can be; nothing where no such row can be stored."""
    if ids.empty:
        return []
    if spec.source.event_time not in spec.key_columns:
        return [("row_id", ">=", str(ids.min())), ("row_id", "<=", str(ids.max()))]
    days = pd.concat([rows[["event_date"]] for rows in accepted if "event_date" in rows], ignore_index=True)
    first, last = event_window(days, None)
    if first is None or last is None or not overlap(known.latest(), days):
        return []
    return [("event_date", ">=", first), ("event_date", "<=", last)]


def _quarantined_ids(lake: Lake, spec: ProjectSpec, batch: Batch) -> frozenset[str]:
    if not batch.rows_quarantined:
        return frozenset()
    return readable_ids(quarantined_rows(lake, spec, batch)["raw"], batch.kind, spec)
