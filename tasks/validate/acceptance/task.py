"""The rim of acceptance that writes: accepted and quarantined rows go to the lake, the batch's own row last."""

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
    Filter,
    Lake,
    add_batches,
    deliveries,
    served_key,
    version_key,
)
from tasks.logs import line, logger
from tasks.prefect_task import leeway_task
from tasks.records import Checked, Finding
from tasks.spec import ProjectSpec
from tasks.validate.acceptance.prior_batches import event_window
from tasks.validate.acceptance.quarantine_rows import as_json, reasons_of
from tasks.validate.acceptance.reconcile import Amended, Reconciled, Round, reconcile
from tasks.validate.acceptance.release import readable_ids
from tasks.validate.acceptance.stored_rows import earlier, standing_of
from tasks.validate.typing.membership import among
from tasks.validate.verdict.large_delivery import LargeChecked

FIRST_REVISION = 1


def store(
    lake: Lake, spec: ProjectSpec, checked: Sequence[Checked | LargeChecked], night: date, moment: datetime
) -> None:
    """Write checked deliveries: their rows or labels, what was refused, and last the batches themselves.

    A delivery that repeats or corrects rows of an earlier one is settled with it: see
    `tasks.validate.acceptance.reconcile`. Each
    write is exactly-once by the batch's id, and nothing counts before its batch is written, so a crash anywhere is
    healed by doing all of it again.
    """
    left = list(checked)
    while left:
        first = left[0]
        if isinstance(first, LargeChecked):
            _store_large(lake, spec, first, (night, moment))
            left = left[1:]
        else:
            left = left[_store_some(lake, spec, left, (night, moment)) :]


store_task = leeway_task("store")(store)


def quarantine(lake: Lake, spec: ProjectSpec, batches: Mapping[Batch, Sequence[Finding]]) -> list[Batch]:
    """Quarantine batches that were accepted, for what was found since; return their new states.

    Their rows go to the quarantine as they were read, so that a person may let them in again.
    """
    project, known = spec.project, deliveries(lake, spec.project)
    held, states = {}, []
    for batch, findings in batches.items():
        rows = standing_of(lake, spec, known, batch)
        state = batch.quarantined(json.dumps([*json.loads(batch.findings), *map(asdict, findings)], sort_keys=True))
        raw = as_json(rows.drop(columns=["row_id", "event_date"]))
        held[state.write_key] = _held(pd.DataFrame({"raw": raw, "reasons": reasons_of(findings)}), state)
        states.append(state)
    lake.add_each(project, "quarantine", held)
    add_batches(lake, project, states)
    return states


quarantine_task = leeway_task("set_aside")(quarantine)


def _store_some(
    lake: Lake, spec: ProjectSpec, left: Sequence[Checked | LargeChecked], when: tuple[date, datetime]
) -> int:
    """Write as many of the first deliveries as do not concern each other; return how many they were."""
    known, together = deliveries(lake, spec.project), Round()
    taken: list[tuple[Checked, pd.DataFrame, Batch]] = []
    amended: list[Amended] = []
    for each in left:
        if isinstance(each, LargeChecked):
            break
        before = list(earlier(lake, spec, known, each.landed, (each.batch_id, each.accepted)))
        refused_ids = readable_ids(each.refused["raw"], spec) if len(each.refused) else frozenset()
        settled = reconcile(each, refused_ids, before)
        if not together.add(each, frozenset(one.batch.batch_id for one in settled.amended)):
            break
        taken.append((each, settled.accepted, _batch(each, settled, known, when)))
        amended += [_not_mixed(lake, spec, one) for one in settled.amended]
    _write(lake, spec, taken, amended)
    return len(taken)


def _write(
    lake: Lake,
    spec: ProjectSpec,
    taken: Sequence[tuple[Checked, pd.DataFrame, Batch]],
    amended: Sequence[Amended],
) -> None:
    rows = [(accepted, batch) for _, accepted, batch in taken]
    add_accepted(lake, spec, [(accepted, batch) for accepted, batch in rows if len(accepted)])
    held = {batch.write_key: _held(each.refused, batch) for each, _, batch in taken if len(each.refused)}
    lake.add_each(spec.project, "quarantine", held)
    _amend(lake, spec, amended)
    moment = max(batch.time for _, _, batch in taken)
    add_batches(lake, spec.project, [*(batch for _, _, batch in taken), *_states(amended, moment)])


def _store_large(lake: Lake, spec: ProjectSpec, checked: LargeChecked, when: tuple[date, datetime]) -> None:
    """Write one large delivery, a piece at a time; only its row ids are held."""
    known, project = deliveries(lake, spec.project), spec.project
    ids = checked.ids()
    before = list(earlier(lake, spec, known, checked.landed, (checked.batch_id, ids)))
    settled = reconcile(checked.with_rows(ids), checked.refused_ids(), before, compared=False)
    batch = _batch(checked, settled, known, when)
    amended = [_not_mixed(lake, spec, one) for one in settled.amended]

    def rows() -> Iterator[pa.Table]:
        return (_with(piece, batch_id=batch.batch_id, revision=batch.revision) for piece in checked.ended.accepted())

    def labels() -> Iterator[pa.Table]:
        column = spec.source.label.column
        pieces = checked.ended.accepted(["row_id", column])
        known = (piece.filter(pc.is_valid(piece[column])).rename_columns({column: "label"}) for piece in pieces)
        named = {"batch_id": batch.batch_id, "revision": batch.revision, "arrival": batch.arrival}
        return (_with(piece, **named) for piece in known)

    if checked.ended.rows_accepted:
        lake.append_if_absent(project, "rows", rows, batch.write_key)
        if spec.source.label.uri is None:
            lake.append_if_absent(project, "labels", labels, batch.write_key)
    if checked.rows_refused:
        lake.append_if_absent(
            project, "quarantine", lambda: (_held(piece, batch) for piece in checked.refused()), batch.write_key
        )
    _amend(lake, spec, amended)
    add_batches(lake, project, [batch, *_states(amended, batch.time)])


def add_accepted(lake: Lake, spec: ProjectSpec, found: Sequence[tuple[pd.DataFrame, Batch]]) -> None:
    """Write accepted rows, and the labels that came with them; or accepted labels, or feature values."""
    rows, labels, features = {}, {}, {}
    for accepted, batch in found:
        named = _named(accepted, batch)
        if batch.kind == "features":
            features[batch.write_key] = named.assign(arrival=batch.arrival)
            continue
        if batch.kind == "rows":
            rows[batch.write_key] = named
            if spec.source.label.uri is not None:
                continue
            named = _labelled(named, spec.source.label.column)
        if len(named):
            labels[batch.write_key] = named.assign(arrival=batch.arrival)
    lake.add_each(spec.project, "rows", rows)
    lake.add_each(spec.project, "labels", labels)
    lake.add_each(spec.project, "features", features)


def _named(accepted: pd.DataFrame, batch: Batch) -> pd.DataFrame:
    return accepted.assign(batch_id=batch.batch_id, revision=batch.revision)


def _with(rows: pa.Table, **values: object) -> pa.Table:
    """Return rows with columns of one value each."""
    for name, value in values.items():
        rows = rows.append_column(name, pa.repeat(value, len(rows)))
    return rows


def _held(refused: pd.DataFrame, batch: Batch) -> pd.DataFrame:
    return refused.assign(batch_id=batch.batch_id, kind=batch.kind, arrival=batch.arrival)


def _not_mixed(lake: Lake, spec: ProjectSpec, amended: Amended) -> Amended:
    """Take the first revision under which no killed night left other rows: another correction may have come since."""
    batch, table = amended.batch, "rows" if amended.batch.kind == "rows" else "labels"
    while lake.has(spec.project, table, batch.write_key):
        mine: list[Filter] = [("batch_id", "=", batch.batch_id), ("revision", "=", batch.revision)]
        left = lake.read(spec.project, table, columns=["row_id"], where=mine)["row_id"]
        if sorted(left) == sorted(amended.rows["row_id"]):
            break
        batch = replace(batch, revision=batch.revision + 1, base=batch.revision + 1)
    return replace(amended, batch=batch)


def _amend(lake: Lake, spec: ProjectSpec, amended: Sequence[Amended]) -> None:
    """Write anew what is left of earlier batches; it counts once their own rows say so."""
    add_accepted(lake, spec, [(one.rows, one.batch) for one in amended if len(one.rows)])
    for one in amended:
        _carry_answers(lake, spec.project, one)
        logger().info(line("batch_amended", key=one.batch.key, rows_left=len(one.rows), verdict=one.batch.verdict))


def _states(amended: Sequence[Amended], moment: datetime) -> Iterator[Batch]:
    """Yield the new states of earlier batches, with the moment from which they hold."""
    return (replace(one.batch, written_at=moment) for one in amended)


def _carry_answers(lake: Lake, project: str, amended: Amended) -> None:
    """Keep what was answered for the rows of a batch that still count: it is written again beside them."""
    before, now = amended.batch.revision - 1, amended.batch
    answered = lake.read(project, "predictions", where=[("batch_id", "=", now.batch_id), ("revision", "<=", before)])
    answered = answered[among(answered["row_id"], amended.rows["row_id"])].sort_values("revision")
    answered = answered.drop_duplicates(["row_id", "version", "role"], keep="last")
    if answered.empty:
        return
    keys = [version_key(now.write_key, int(version)) for version in answered["version"].unique()]
    if (answered["role"] == "champion").any():
        keys.append(served_key(now.write_key))
    lake.append_if_absent(project, "predictions", answered.assign(revision=now.revision), *keys)


def _labelled(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the labels that came with rows."""
    return rows.loc[rows[column].notna(), ["row_id", "batch_id", "revision", column]].rename(columns={column: "label"})


def _batch(
    checked: Checked | LargeChecked, settled: Reconciled, known: Deliveries, when: tuple[date, datetime]
) -> Batch:
    landed, before = checked.landed, known.get(checked.batch_id)
    revision = FIRST_REVISION if before is None or before.verdict != SUPERSEDED else before.revision + 1
    event_from, event_until = event_window(settled.accepted, None)
    return Batch(
        batch_id=checked.batch_id,
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
        rows_in=checked.rows_in,
        rows_accepted=len(settled.accepted),
        rows_quarantined=checked.rows_refused,
        rows_elsewhere=settled.repeated,
        verdict=checked.verdict,
        findings=json.dumps([asdict(finding) for finding in checked.findings], sort_keys=True),
    )
