"""The rim of validate: the contract's verdict on each delivery, written to the lake, the batch's own row last."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from tasks.lake import Batch, Lake, add_batch, add_batches
from tasks.logs import line, logger
from tasks.records import Checked, Delivery, Unread
from tasks.rim import room
from tasks.spec import ProjectSpec
from tasks.validate.check import check_all, unreadable
from tasks.validate.contract import Suite, read_suite
from tasks.validate.labels import check_labels
from tasks.validate.release import readable_again

ROWS_AT_ONCE = 200_000
FIRST_REVISION = 1
RELEASED = "released"
DUPLICATE = "duplicate_id"


@room("validate")
def verdicts(deliveries: Sequence[Delivery | Unread], spec: ProjectSpec, folder: Path) -> list[Checked]:
    """Return what the contract says of each delivery; several small ones share one run of Great Expectations."""
    if not deliveries:
        return []
    suite = read_suite(folder / spec.contract.suite, spec)
    found: list[Checked] = []
    for group in _groups(deliveries):
        found += _checked(group, spec, suite)
    for each in found:
        logger().info(
            line(
                "batch_checked", key=each.landed.key, rows=each.rows_in, refused=len(each.refused), verdict=each.verdict
            )
        )
    return found


@room("store")
def store(lake: Lake, spec: ProjectSpec, checked: Sequence[Checked], night: date, moment: datetime) -> None:
    """Write checked deliveries: their rows or labels, what was refused, and last the batches themselves.

    Each write is exactly-once by the batch's id, so a crash anywhere is healed by doing all of it again.
    """
    batches = [_batch(each, night, moment) for each in checked]
    pairs = list(zip(checked, batches, strict=True))
    _add_accepted(lake, spec, [(each.accepted, batch) for each, batch in pairs if len(each.accepted)])
    held = {
        batch.write_key: each.refused.assign(batch_id=batch.batch_id, kind=batch.kind, arrival=batch.arrival)
        for each, batch in pairs
        if len(each.refused)
    }
    lake.add_each(spec.project, "quarantine", held)
    add_batches(lake, spec.project, batches)


@room("release")
def let_in(lake: Lake, spec: ProjectSpec, batch: Batch, moment: datetime) -> int:
    """Let in the quarantined rows of a batch that can be read at all; return how many they were.

    A person has looked, so expectations are not asked again; rows without an id, a time or readable values stay out,
    and so does what a first release left out, and the second of two rows of one id.
    """
    if batch.verdict == RELEASED:
        return 0
    held = lake.read(
        spec.project, "quarantine", where=[("arrival", "=", batch.arrival), ("batch_id", "=", batch.batch_id)]
    )
    twice = held["reasons"].str.split(";").map(lambda codes: DUPLICATE in codes).astype(bool)
    rows = readable_again(held.loc[~twice, "raw"], batch.kind, spec)
    event_from, event_until = _event_window(rows, batch)
    released = replace(
        batch,
        revision=batch.revision + 1,
        time=moment,
        rows_accepted=batch.rows_accepted + len(rows),
        rows_quarantined=batch.rows_quarantined - len(rows),
        verdict=RELEASED,
        event_from=event_from,
        event_until=event_until,
    )
    if len(rows):
        _add_accepted(lake, spec, [(rows, released)])
    add_batch(lake, spec.project, released)
    return len(rows)


def _groups(deliveries: Sequence[Delivery | Unread]) -> Iterator[list[Delivery | Unread]]:
    group: list[Delivery | Unread] = []
    rows = 0
    for each in deliveries:
        size = len(each.frame) if isinstance(each, Delivery) else 0
        if group and rows + size > ROWS_AT_ONCE:
            yield group
            group, rows = [], 0
        group.append(each)
        rows += size
    yield group


def _checked(group: Sequence[Delivery | Unread], spec: ProjectSpec, suite: Suite) -> list[Checked]:
    of_rows = [each for each in group if isinstance(each, Delivery) and each.landed.kind == "rows"]
    done = {each.batch_id: found for each, found in zip(of_rows, check_all(of_rows, spec, suite), strict=True)}
    for each in group:
        if isinstance(each, Unread):
            done[each.batch_id] = unreadable(each.batch_id, each.landed, (each.reason, each.detail), spec)
        elif each.landed.kind == "labels":
            done[each.batch_id] = check_labels(each, spec, suite)
    return [done[each.batch_id] for each in group]


def _add_accepted(lake: Lake, spec: ProjectSpec, found: Sequence[tuple[pd.DataFrame, Batch]]) -> None:
    """Write accepted rows, and the labels that came with them; or accepted labels."""
    rows, labels = {}, {}
    for accepted, batch in found:
        named = accepted.assign(batch_id=batch.batch_id)
        if batch.kind == "rows":
            rows[batch.write_key] = named.assign(revision=batch.revision)
            if spec.source.label.uri is not None:
                continue
            named = _labelled(named, spec.source.label.column)
        if len(named):
            labels[batch.write_key] = named.assign(arrival=batch.arrival)
    lake.add_each(spec.project, "rows", rows)
    lake.add_each(spec.project, "labels", labels)


def _labelled(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the labels that came with rows."""
    return rows.loc[rows[column].notna(), ["row_id", "batch_id", column]].rename(columns={column: "label"})


def _batch(checked: Checked, night: date, moment: datetime) -> Batch:
    landed = checked.landed
    event_from, event_until = _event_window(checked.accepted, None)
    return Batch(
        batch_id=checked.batch_id,
        revision=FIRST_REVISION,
        kind=landed.kind,
        key=landed.key,
        size_bytes=landed.size_bytes,
        stamp=landed.stamp,
        arrival=landed.arrival,
        night=night,
        time=moment,
        rows_in=checked.rows_in,
        rows_accepted=len(checked.accepted),
        rows_quarantined=len(checked.refused),
        verdict=checked.verdict,
        findings=json.dumps([asdict(finding) for finding in checked.findings], sort_keys=True),
        event_from=event_from,
        event_until=event_until,
    )


def _event_window(rows: pd.DataFrame, before: Batch | None) -> tuple[date | None, date | None]:
    """Return the event dates a batch spans, those it spanned before included."""
    days = [*rows["event_date"]] if "event_date" in rows else []
    if before is not None:
        days += [day for day in (before.event_from, before.event_until) if day is not None]
    return min(days, default=None), max(days, default=None)
