"""Ids of a delivery that rows of other days have already: corrections of the event time, or ids used again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd

from tasks.records import Finding, ValidatedDelivery
from tasks.spec.project_spec import ProjectSpec
from tasks.validate.acceptance.quarantine_rows import as_json
from tasks.validate.acceptance.reconcile import PriorBatch, comparable, contained, may_replace
from tasks.validate.verdict.outcome import RowsOnDisk

USED_AGAIN = "id_used_again"
OTHER_DAY = "id_of_another_day"


def judged_by_ids(
    delivery: ValidatedDelivery, accepted: pd.DataFrame, prior: Iterable[PriorBatch], spec: ProjectSpec
) -> ValidatedDelivery:
    """Return a delivery of rows after a look at the rows that have its ids already, on other days.

    Where the id alone identifies a row, such a row is replaced. That is right for a corrected event time; for an id
    that is used again, it would rewrite history. So a delivery in which more rows than `contract.max_bad_share` have
    the id of a row of another day *and* another value of a feature is quarantined; fewer are a warning.

    Parameters
    ----------
    delivery : ValidatedDelivery
        The delivery.
    accepted : DataFrame
        Its accepted rows; of a delivery on disk `row_id` and `event_date`, so that each of another day counts.
    prior : iterable of PriorBatch
        Batches with any of its ids; those of its key, and those that it may not replace, are left out.
    """
    if delivery.landed.kind != "rows" or spec.source.event_time in spec.key_columns or accepted.empty:
        return delivery
    features = [name for name in spec.stored_features.all if name in accepted]
    replaced = [one for one in prior if one.batch.key != delivery.landed.name and may_replace(delivery, one.batch)]
    counts = [_other_rows(accepted, one.rows, features) for one in replaced]
    moved, others = sum(moved for moved, _ in counts), sum(others for _, others in counts)
    if others > spec.contract.max_bad_share * delivery.rows_in:
        return _quarantined(delivery, others, spec)
    if not moved:
        return delivery
    text = f"{moved} of {delivery.rows_in} rows have the id of a row of another day, and replace it (source.identity)"
    return replace(delivery, findings=(*delivery.findings, Finding(OTHER_DAY, "", "warning", moved, text)))


def _other_rows(accepted: pd.DataFrame, earlier: pd.DataFrame, features: Sequence[str]) -> tuple[int, int]:
    """Return how many rows have the id of an earlier row of another day, and how many also differ from it."""
    matches = earlier[contained(earlier["row_id"], accepted["row_id"])].drop_duplicates("row_id").set_index("row_id")
    new = accepted[contained(accepted["row_id"], matches.index.to_series())].set_index("row_id")
    old = matches.loc[new.index]
    moved = (new["event_date"] != old["event_date"]).to_numpy(bool)
    compared = [name for name in features if name in old]
    if not compared:
        return int(moved.sum()), int(moved.sum())
    differs = (comparable(new[compared]) != comparable(old[compared])).any(axis=1).to_numpy(bool)
    return int(moved.sum()), int((moved & differs).sum())


def _quarantined(delivery: ValidatedDelivery, others: int, spec: ProjectSpec) -> ValidatedDelivery:
    """Return a delivery with all its rows refused, because its ids are those of other rows."""
    message = (
        f"{others} of {delivery.rows_in} rows have the id of a row of another day, with other values. If ids are used "
        f"again, say `identity: id_and_time` under source and begin a project under another name; if these rows "
        f"correct the earlier ones, accept them: `leeway release {spec.project} {delivery.batch_id[:12]}`"
    )
    finding = Finding(USED_AGAIN, "", "critical", delivery.rows_in, message)
    findings = (*delivery.findings, finding)
    if isinstance(delivery.chunks, RowsOnDisk):
        chunks = delivery.chunks.rejected(USED_AGAIN)
        return replace(delivery, verdict="quarantined", chunks=chunks, findings=findings)
    raw = as_json(delivery.accepted, spec)
    refused = pd.DataFrame({"raw": raw, "reasons": USED_AGAIN}, dtype="str")
    return replace(
        delivery,
        verdict="quarantined",
        accepted=delivery.accepted.iloc[:0],
        refused=pd.concat([delivery.refused, refused], ignore_index=True),
        findings=findings,
    )
