"""The rim of validate: the contract's verdict on each delivery, written to the lake; the batch's own row is written last."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as ds

from tasks.lake import Lake
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
def store(lake: Lake, spec: ProjectSpec, checked: Checked, night: date, moment: datetime) -> None:
    """Write one checked delivery: its rows or labels, what was refused, and last the batch itself.

    Each write is exactly-once by the batch's id, so a crash anywhere is healed by doing all of it again.
    """
    key = f"{checked.batch_id}/{FIRST_REVISION}"
    if len(checked.accepted):
        _add_accepted(lake, spec, checked.landed.kind, checked.accepted, checked.batch_id, checked.landed.arrival, key)
    if len(checked.refused):
        held = checked.refused.assign(
            batch_id=checked.batch_id, kind=checked.landed.kind, arrival=checked.landed.arrival
        )
        lake.add_once(spec.project, "quarantine", held, key)
    lake.add_once(spec.project, "batches", pd.DataFrame([_batch_row(checked, spec, night, moment)]), key)


@room("release")
def let_in(lake: Lake, spec: ProjectSpec, batch: Any, moment: datetime) -> int:
    """Let in the quarantined rows of a batch that can be read at all; return how many they were.

    A person has looked, so expectations are not asked again; rows without an id, a time or readable values stay out.

    Parameters
    ----------
    batch : named tuple
        The batch's latest row of `batches`.
    """
    held = lake.read(
        spec.project,
        "quarantine",
        where=(ds.field("arrival") == batch.arrival) & (ds.field("batch_id") == batch.batch_id),
    )
    rows = readable_again(held["raw"], batch.kind, spec)
    revision = int(batch.revision) + 1
    key = f"{batch.batch_id}/{revision}"
    if len(rows):
        _add_accepted(lake, spec, batch.kind, rows, batch.batch_id, batch.arrival, key)
    row = {name: getattr(batch, name) for name in batch._fields if name != "Index"}
    row |= {
        "revision": revision,
        "time": pd.Timestamp(moment),
        "rows_accepted": int(batch.rows_accepted) + len(rows),
        "rows_quarantined": int(batch.rows_quarantined) - len(rows),
        "verdict": "released",
        **_event_window(rows, batch),
    }
    lake.add_once(spec.project, "batches", pd.DataFrame([row]), key)
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


def _add_accepted(  # noqa: PLR0913 - one write, and all that names it
    lake: Lake, spec: ProjectSpec, kind: str, rows: pd.DataFrame, batch_id: str, arrival: date, key: str
) -> None:
    """Write accepted rows, and the labels that came with them; or accepted labels."""
    labels = rows
    if kind == "rows":
        lake.add_once(spec.project, "rows", rows.assign(batch_id=batch_id), key)
        column = spec.source.label.column
        if spec.source.label.uri is not None:
            return
        labels = rows.loc[rows[column].notna(), ["row_id", column]].rename(columns={column: "label"})
    if len(labels):
        lake.add_once(spec.project, "labels", labels.assign(batch_id=batch_id, arrival=arrival), key)


def _batch_row(checked: Checked, spec: ProjectSpec, night: date, moment: datetime) -> dict[str, Any]:
    landed = checked.landed
    return {
        "batch_id": checked.batch_id,
        "revision": FIRST_REVISION,
        "kind": landed.kind,
        "key": landed.key,
        "size_bytes": landed.size_bytes,
        "stamp": landed.stamp,
        "arrival": landed.arrival,
        "night": night,
        "time": pd.Timestamp(moment),
        "event_from": None,
        "event_until": None,
        **_event_window(checked.accepted, None),
        "rows_in": checked.rows_in,
        "rows_accepted": len(checked.accepted),
        "rows_quarantined": len(checked.refused),
        "verdict": checked.verdict,
        "findings": json.dumps([asdict(finding) for finding in checked.findings], sort_keys=True),
    }


def _event_window(rows: pd.DataFrame, before: Any) -> dict[str, date]:
    """Return the event dates a batch spans, those it spanned before included."""
    if "event_date" not in rows or rows.empty:
        return {}
    days = [*rows["event_date"]]
    if before is not None and not pd.isna(before.event_from):
        days += [before.event_from, before.event_until]
    return {"event_from": min(days), "event_until": max(days)}
