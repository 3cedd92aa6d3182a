"""Writes validated deliveries to the lake: accepted and quarantined rows first, the batch's own row last."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.lake import (
    SUPERSEDED,
    Batch,
    Deliveries,
    Lake,
    add_batches,
    deliveries,
)
from tasks.prefect_task import leeway_task
from tasks.records import Finding, ValidatedChunks, ValidatedDelivery
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.accepted_writes import Accepted, add_accepted, with_unused_revision, write_amended
from tasks.validate.acceptance.kept_chunks import KeptChunks
from tasks.validate.acceptance.prior_batches import event_window
from tasks.validate.acceptance.quarantine_rows import as_json, readable_ids, reasons_of, with_findings
from tasks.validate.acceptance.reconcile import (
    AmendedBatch,
    IndependentDeliveries,
    Reconciled,
    reconcile,
    withdrawal,
)
from tasks.validate.acceptance.reused_ids import judged_by_ids
from tasks.validate.acceptance.stored_rows import StoredRows, accepted_rows, prior_batches

FIRST_REVISION = 1
NO_IDS = pa.table({"row_id": pa.array([], pa.large_string()), "event_date": pa.array([], pa.date32())})


def store(
    lake: Lake, spec: ProjectSpec, validated: Sequence[ValidatedDelivery], night: date, moment: datetime
) -> list[ValidatedDelivery]:
    """Write validated deliveries: their rows or labels, the refused rows, and last the batches themselves.

    A delivery that repeats or corrects rows of an earlier one is reconciled with it: see
    `tasks.validate.acceptance.reconcile`. Each write is exactly-once by the batch's id, and nothing counts before its
    batch is written, so after a crash the whole function is run again.

    Returns
    -------
    list of ValidatedDelivery
        The deliveries as they were written: one that uses ids of other rows is quarantined here.
    """
    stored: list[ValidatedDelivery] = []
    while len(stored) < len(validated):
        stored += _store_first(lake, spec, validated[len(stored) :], (night, moment))
    return stored


store_task = leeway_task("store")(store)


def quarantine(lake: Lake, spec: ProjectSpec, batches: Mapping[Batch, Sequence[Finding]]) -> list[Batch]:
    """Quarantine accepted batches because of later findings; return their new states.

    Their rows are written to the quarantine as they were read, so that a user can release them.
    """
    project, known = spec.project, deliveries(lake, spec.project)
    quarantined, states = {}, []
    for batch, findings in batches.items():
        rows = accepted_rows(lake, spec, known, batch)
        state = batch.quarantined(with_findings(batch, findings))
        raw = as_json(rows, spec)
        refused = pd.DataFrame({"raw": raw, "reasons": reasons_of(findings)})
        quarantined[state.write_key] = _quarantine_rows(refused, state)
        states.append(state)
    lake.add_each(project, "quarantine", quarantined)
    add_batches(lake, project, states)
    return states


quarantine_task = leeway_task("quarantine")(quarantine)


def _store_first(
    lake: Lake, spec: ProjectSpec, validated: Sequence[ValidatedDelivery], when: tuple[date, datetime]
) -> list[ValidatedDelivery]:
    """Write the first deliveries that are independent of each other, or one on disk; return them."""
    offered = [(one, one.accepted if one.chunks is None else _accepted_ids(one.chunks)) for one in _at_once(validated)]
    stored = StoredRows.before(lake, spec, [accepted for one, accepted in offered if one.landed.kind == "rows"])
    known, together = stored.known, IndependentDeliveries()
    written: list[tuple[ValidatedDelivery, Accepted]] = []
    amended: list[AmendedBatch] = []
    for checked, rows in offered:
        prior = list(prior_batches(stored, checked, rows))
        withdraws = checked.landed.is_withdrawal
        delivery = checked if withdraws else judged_by_ids(checked, rows, prior, spec)
        accepted = rows if delivery.verdict == checked.verdict else rows.iloc[:0]
        refused_ids = _refused_ids(delivery, spec)
        reconciled = withdrawal(accepted, prior) if withdraws else reconcile(delivery, accepted, refused_ids, prior)
        if not together.add(delivery, frozenset(one.batch.batch_id for one in reconciled.amended)):
            break
        written.append((delivery, Accepted(reconciled.accepted, _batch(delivery, reconciled, stored, when))))
        amended += [with_unused_revision(lake, spec, one) for one in reconciled.amended]
    _write(lake, spec, written, amended, known)
    return [delivery for delivery, _ in written]


def _at_once(validated: Sequence[ValidatedDelivery]) -> Sequence[ValidatedDelivery]:
    """Return the first deliveries that can be in memory together; a delivery on disk is alone."""
    on_disk = [number for number, delivery in enumerate(validated) if delivery.chunks is not None]
    return validated[: max(1, on_disk[0])] if on_disk else validated


def _write(
    lake: Lake,
    spec: ProjectSpec,
    written: Sequence[tuple[ValidatedDelivery, Accepted]],
    amended: Sequence[AmendedBatch],
    known: Deliveries,
) -> None:
    in_memory = [(delivery, accepted) for delivery, accepted in written if delivery.chunks is None]
    add_accepted(lake, spec, [accepted for _, accepted in in_memory if len(accepted.rows)])
    quarantined = {
        _quarantine_key(batch, known): _quarantine_rows(delivery.refused, batch)
        for delivery, (_, batch) in in_memory
        if len(delivery.refused)
    }
    lake.add_each(spec.project, "quarantine", quarantined)
    for delivery, (rows, batch) in written:
        if delivery.chunks is not None:
            chunks = KeptChunks(delivery.chunks, rows["row_id"]) if batch.rows_elsewhere else delivery.chunks
            _write_chunks(lake, spec, chunks, batch, _quarantine_key(batch, known))
    write_amended(lake, spec, amended)
    new = [batch for _, (_, batch) in written]
    moment = max(batch.time for batch in new)
    add_batches(lake, spec.project, [*new, *(replace(one.batch, written_at=moment) for one in amended)])


def _write_chunks(lake: Lake, spec: ProjectSpec, chunks: ValidatedChunks, batch: Batch, quarantine_key: str) -> None:
    """Write the rows of a large delivery, one chunk in memory at a time."""
    column = spec.source.label.column

    def rows() -> Iterator[pa.Table]:
        return (_with(chunk, batch_id=batch.batch_id, revision=batch.revision) for chunk in chunks.accepted())

    def labels() -> Iterator[pa.Table]:
        for chunk in chunks.accepted(["row_id", column]):
            present = chunk.filter(pc.is_valid(chunk[column])).rename_columns({column: "label"})
            yield _with(present, batch_id=batch.batch_id, revision=batch.revision, arrival=batch.arrival)

    def quarantined() -> Iterator[pd.DataFrame]:
        return (_quarantine_rows(refused, batch) for refused in chunks.refused())

    if chunks.rows_accepted:
        lake.append_if_absent(spec.project, "rows", rows, batch.write_key)
        if spec.source.label.uri is None:
            lake.append_if_absent(spec.project, "labels", labels, batch.write_key)
    if chunks.rows_refused:
        lake.append_if_absent(spec.project, "quarantine", quarantined, quarantine_key)


def _quarantine_key(batch: Batch, known: Deliveries) -> str:
    """Return the key of the write of a batch's refused rows: upkeep removes none, so a killed night's write is used."""
    before = known.get(batch.batch_id)
    killed = before is not None and before.is_placeholder
    return replace(batch, revision=FIRST_REVISION).write_key if killed else batch.write_key


def _accepted_ids(chunks: ValidatedChunks) -> pd.DataFrame:
    """Return `row_id` and `event_date` of the accepted rows: all that is in memory of them at once."""
    ids: pd.DataFrame = pa.concat_tables([*chunks.accepted(["row_id"])] or [NO_IDS]).to_pandas()
    return ids


def _refused_ids(delivery: ValidatedDelivery, spec: ProjectSpec) -> frozenset[str]:
    if not delivery.rows_refused:
        return frozenset()
    return frozenset().union(
        *(readable_ids(rows["raw"], delivery.landed.kind, spec) for rows in delivery.refused_frames())
    )


def _with(rows: pa.Table, **values: object) -> pa.Table:
    """Return rows with new columns of one value each."""
    for name, value in values.items():
        rows = rows.append_column(name, pa.repeat(value, len(rows)))
    return rows


def _quarantine_rows(refused: pd.DataFrame, batch: Batch) -> pd.DataFrame:
    return refused.assign(batch_id=batch.batch_id, kind=batch.kind, arrival=batch.arrival)


def _batch(
    delivery: ValidatedDelivery, reconciled: Reconciled, stored: StoredRows, when: tuple[date, datetime]
) -> Batch:
    landed, known, spec = delivery.landed, stored.known, stored.spec
    before = known.get(delivery.batch_id)
    counts_again = before is not None and (before.verdict == SUPERSEDED or before.batch_id in known.stale())
    revision = before.revision + 1 if before is not None and counts_again else FIRST_REVISION
    event_from, event_until = event_window(reconciled.accepted, None)
    return Batch(
        batch_id=delivery.batch_id,
        revision=revision,
        base=revision,
        kind=landed.kind,
        key=landed.name,
        size_bytes=landed.size_bytes,
        stamp=landed.stamp,
        arrival=landed.arrival,
        night=when[0],
        time=when[1],
        event_from=event_from,
        event_until=event_until,
        rows_in=delivery.rows_in,
        rows_accepted=len(reconciled.accepted),
        rows_quarantined=delivery.rows_refused,
        rows_elsewhere=reconciled.repeated,
        verdict=delivery.verdict,
        findings=json.dumps([asdict(finding) for finding in delivery.findings], sort_keys=True),
        arrived_at=landed.moment,
        labels=_label_count(delivery, reconciled.accepted, spec),
    )


def _label_count(delivery: ValidatedDelivery, accepted: pd.DataFrame, spec: ProjectSpec) -> int | None:
    """Return the labels that were delivered with rows; None where labels land separately."""
    column = spec.source.label.column
    if delivery.landed.kind != "rows" or spec.source.label.uri is not None:
        return None
    if delivery.chunks is None:
        return int(accepted[column].notna().sum()) if column in accepted else 0
    return int(sum(len(chunk) - chunk[column].null_count for chunk in delivery.chunks.accepted([column])))
