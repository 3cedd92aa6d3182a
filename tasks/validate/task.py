"""The rim of validate: the contract's verdict on each delivery, written to the lake, the batch's own row last."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd

from tasks.lake import (
    SUPERSEDED,
    Batch,
    Deliveries,
    Filter,
    Lake,
    add_batch,
    add_batches,
    deliveries,
    served_key,
    standing,
    version_key,
)
from tasks.logs import line, logger
from tasks.records import Checked, Delivery, Unread
from tasks.rim import room
from tasks.spec import ProjectSpec
from tasks.validate.check import check_all, unreadable
from tasks.validate.contract import Suite, read_suite
from tasks.validate.labels import check_labels
from tasks.validate.release import readable_again, readable_ids
from tasks.validate.settle import Amended, Before, Round, Settled, settle

ROWS_AT_ONCE = 200_000
FIRST_REVISION = 1
HEALED_WITHIN_DAYS = 92
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

    A delivery that repeats or corrects rows of an earlier one is settled with it: see `tasks.validate.settle`. Each
    write is exactly-once by the batch's id, and nothing counts before its batch is written, so a crash anywhere is
    healed by doing all of it again.
    """
    left = list(checked)
    while left:
        left = left[_store_some(lake, spec, left, (night, moment)) :]


def _store_some(lake: Lake, spec: ProjectSpec, left: Sequence[Checked], when: tuple[date, datetime]) -> int:
    """Write as many of the first deliveries as do not concern each other; return how many they were."""
    known, together = deliveries(lake, spec.project), Round()
    taken: list[tuple[Checked, pd.DataFrame, Batch]] = []
    amended: list[Amended] = []
    for each in left:
        settled = settle(each, _refused_ids(each, spec), list(_before(lake, spec, known, each)))
        if not together.add(each, frozenset(one.batch.batch_id for one in settled.amended)):
            break
        taken.append((each, settled.accepted, _batch(each, settled, known, when)))
        amended += settled.amended
    _write(lake, spec, taken, amended)
    return len(taken)


def _write(
    lake: Lake,
    spec: ProjectSpec,
    taken: Sequence[tuple[Checked, pd.DataFrame, Batch]],
    amended: Sequence[Amended],
) -> None:
    rows = [(accepted, batch) for _, accepted, batch in taken] + [(one.rows, one.batch) for one in amended]
    _add_accepted(lake, spec, [(accepted, batch) for accepted, batch in rows if len(accepted)])
    held = {
        batch.write_key: each.refused.assign(batch_id=batch.batch_id, kind=batch.kind, arrival=batch.arrival)
        for each, _, batch in taken
        if len(each.refused)
    }
    lake.add_each(spec.project, "quarantine", held)
    for one in amended:
        _carry_answers(lake, spec.project, one)
        logger().info(line("batch_amended", key=one.batch.key, rows_left=len(one.rows), verdict=one.batch.verdict))
    add_batches(lake, spec.project, [*(batch for _, _, batch in taken), *(one.batch for one in amended)])


def _before(lake: Lake, spec: ProjectSpec, known: Deliveries, checked: Checked) -> Iterator[Before]:
    """Yield the earlier batches a delivery may concern: of its key, held ones, and those with any of its row ids."""
    if checked.accepted.empty:
        return
    landed = checked.landed
    others = [
        batch
        for batch in known.latest()
        if batch.kind == landed.kind and batch.batch_id != checked.batch_id and batch.verdict != SUPERSEDED
    ]
    oldest = landed.arrival - timedelta(days=HEALED_WITHIN_DAYS)
    wanted = {
        batch.batch_id
        for batch in others
        if batch.key == landed.key or (batch.verdict == "quarantined" and batch.arrival >= oldest)
    }
    wanted |= _sharing(lake, spec, known, checked)
    for batch in (each for each in others if each.batch_id in wanted):
        yield Before(batch, _standing_of(lake, spec, known, batch), _held_ids(lake, spec, batch))


def _sharing(lake: Lake, spec: ProjectSpec, known: Deliveries, checked: Checked) -> set[str]:
    """Return the batches that have a row of the same id on an event date that the delivery spans."""
    if checked.landed.kind != "rows":
        return set()
    first, last = _event_window(checked.accepted, None)
    if first is None or last is None:
        return set()
    inside: list[Filter] = [("event_date", ">=", first), ("event_date", "<=", last)]
    there = standing(lake, spec.project, "rows", known, columns=["row_id", "batch_id"], where=inside)
    return set(there.loc[there["row_id"].isin(checked.accepted["row_id"]), "batch_id"])


def _standing_of(lake: Lake, spec: ProjectSpec, known: Deliveries, batch: Batch) -> pd.DataFrame:
    """Return a batch's accepted rows, or labels, that count."""
    mine: list[Filter] = [("batch_id", "=", batch.batch_id)]
    if batch.kind == "rows" and batch.event_from is not None and batch.event_until is not None:
        mine += [("event_date", ">=", batch.event_from), ("event_date", "<=", batch.event_until)]
    table, told_apart = ("rows", "row_id") if batch.kind == "rows" else ("labels", "label")
    found = standing(lake, spec.project, table, known, where=mine)
    ours = {"batch_id", "revision"} if batch.kind == "rows" else {"batch_id", "revision", "arrival"}
    return found.sort_values(["row_id", told_apart], ignore_index=True).drop(columns=list(ours))


def _held_ids(lake: Lake, spec: ProjectSpec, batch: Batch) -> frozenset[str]:
    if not batch.rows_quarantined:
        return frozenset()
    held = lake.read(
        spec.project, "quarantine", where=[("arrival", "=", batch.arrival), ("batch_id", "=", batch.batch_id)]
    )
    return readable_ids(held["raw"], spec)


def _refused_ids(checked: Checked, spec: ProjectSpec) -> frozenset[str]:
    return readable_ids(checked.refused["raw"], spec) if len(checked.refused) else frozenset()


def _carry_answers(lake: Lake, project: str, amended: Amended) -> None:
    """Keep what was answered for the rows of a batch that still count: it is written again beside them."""
    before, now = amended.batch.revision - 1, amended.batch
    answered = lake.read(project, "predictions", where=[("batch_id", "=", now.batch_id), ("revision", "<=", before)])
    answered = answered[answered["row_id"].isin(amended.rows["row_id"])].sort_values("revision")
    answered = answered.drop_duplicates(["row_id", "version", "role"], keep="last")
    if answered.empty:
        return
    keys = [version_key(now.write_key, int(version)) for version in answered["version"].unique()]
    if (answered["role"] == "champion").any():
        keys.append(served_key(now.write_key))
    lake.add_once(project, "predictions", answered.assign(revision=now.revision), *keys)


@room("release")
def let_in(lake: Lake, spec: ProjectSpec, batch: Batch, moment: datetime) -> int:
    """Let in the quarantined rows of a batch that can be read at all; return how many they were.

    A person has looked, so expectations are not asked again; rows without an id, a time or readable values stay out,
    and so does what a first release left out, the second of two rows of one id, and a row that came again since.
    """
    if batch.verdict == RELEASED:
        return 0
    held = lake.read(
        spec.project, "quarantine", where=[("arrival", "=", batch.arrival), ("batch_id", "=", batch.batch_id)]
    )
    twice = held["reasons"].str.split(";").map(lambda codes: DUPLICATE in codes).astype(bool)
    rows = readable_again(held.loc[~twice, "raw"].drop_duplicates(), batch.kind, spec)
    rows = rows[~rows["row_id"].isin(_ids_there(lake, spec, rows))]
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


def _ids_there(lake: Lake, spec: ProjectSpec, rows: pd.DataFrame) -> pd.Series:
    """Return the ids of the rows that count on the event dates of some rows."""
    first, last = _event_window(rows, None)
    if first is None or last is None:
        return pd.Series(dtype="str")
    inside: list[Filter] = [("event_date", ">=", first), ("event_date", "<=", last)]
    return standing(lake, spec.project, "rows", columns=["row_id"], where=inside)["row_id"]


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
        named = accepted.assign(batch_id=batch.batch_id, revision=batch.revision)
        if batch.kind == "rows":
            rows[batch.write_key] = named
            if spec.source.label.uri is not None:
                continue
            named = _labelled(named, spec.source.label.column)
        if len(named):
            labels[batch.write_key] = named.assign(arrival=batch.arrival)
    lake.add_each(spec.project, "rows", rows)
    lake.add_each(spec.project, "labels", labels)


def _labelled(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the labels that came with rows."""
    return rows.loc[rows[column].notna(), ["row_id", "batch_id", "revision", column]].rename(columns={column: "label"})


def _batch(checked: Checked, settled: Settled, known: Deliveries, when: tuple[date, datetime]) -> Batch:
    landed, before = checked.landed, known.get(checked.batch_id)
    revision = FIRST_REVISION if before is None or before.verdict != SUPERSEDED else before.revision + 1
    event_from, event_until = _event_window(settled.accepted, None)
    return Batch(
        batch_id=checked.batch_id,
        revision=revision,
        base=revision,
        kind=landed.kind,
        key=landed.key,
        size_bytes=landed.size_bytes,
        stamp=landed.stamp,
        arrival=landed.arrival,
        night=when[0],
        time=when[1],
        event_from=event_from,
        event_until=event_until,
        rows_in=checked.rows_in,
        rows_accepted=len(settled.accepted),
        rows_quarantined=len(checked.refused),
        rows_elsewhere=settled.repeated,
        verdict=checked.verdict,
        findings=json.dumps([asdict(finding) for finding in checked.findings], sort_keys=True),
    )


def _event_window(rows: pd.DataFrame, before: Batch | None) -> tuple[date | None, date | None]:
    """Return the event dates a batch spans, those it spanned before included."""
    days = [*rows["event_date"]] if "event_date" in rows else []
    if before is not None:
        days += [day for day in (before.event_from, before.event_until) if day is not None]
    return min(days, default=None), max(days, default=None)
