"""The rim of upkeep: reads the layout of every table of a project, then does the chores, or only lists them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from tasks.dataset.erasure_subject import Subject, is_text
from tasks.lake import (
    TABLES,
    Batch,
    Cell,
    Deliveries,
    Filter,
    Lake,
    add_batches,
    change,
    commit_before,
    compact,
    count,
    deliveries,
    layout,
    predicate,
    remove,
    remove_files,
    stored_columns,
)
from tasks.logs import line, logger
from tasks.prefect_task import leeway_task
from tasks.spec import ProjectSpec
from tasks.upkeep.erasure import FORGOTTEN, Erasable, removals, text_without_ids, without_ids
from tasks.upkeep.plan import OF_BATCHES, WITH_REVISIONS, Chore, Orphans, chores, replaced

SEARCHED = {"rows", "labels", "predictions", "features", "quarantine"}  # has been read to find a subject
LEASE = timedelta(days=1)
REFUSED = "refused"  # the source of a profile of quarantined rows
UNIT = {"orphans": "rows", "retention": "rows", "compaction": "files", "files": "files"}


@dataclass(frozen=True, slots=True)
class ChoreResult:
    """A chore, and how many rows or files it concerned."""

    chore: Chore
    amount: int

    @property
    def sentence(self) -> str:
        """The chore and its amount, in words."""
        verb = "written together" if self.chore.kind == "compaction" else "removed"
        return f"{self.chore.table}: {self.amount} {UNIT[self.chore.kind]} {verb} ({self.chore.why})"


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment of upkeep: the night that retention counts from, and the time that leases are compared with."""

    night: date
    now: datetime


def keep_up(
    lake: Lake, spec: ProjectSpec, when: Moment, trained_on: dict[str, list[int]], *, dry_run: bool
) -> list[ChoreResult]:
    """Do the chores of a project; return them with their amounts.

    Parameters
    ----------
    trained_on : dict
        For each table, the commits that registered models were trained on: their files stay.
    dry_run : bool
        Only count, change nothing.
    """
    project, known = spec.project, deliveries(lake, spec.project)
    layouts = [files for table in TABLES if (files := layout(lake, project, table)) is not None]
    lost = list(_orphans(lake, project, known, when.now))
    if not dry_run:
        _write_placeholders(lake, project, known, lost, when.now)
    done = []
    for chore in chores(when.night, spec.retention, layouts, lost, known.latest()):
        amount = _do(lake, spec, chore, trained_on.get(chore.table, ()), dry_run=dry_run)
        if amount:
            done.append(ChoreResult(chore, amount))
            logger().info(line("upkeep", table=chore.table, kind=chore.kind, amount=amount, dry_run=dry_run))
    return done


keep_up_task = leeway_task("upkeep")(keep_up)


def _orphans(lake: Lake, project: str, known: Deliveries, now: datetime) -> Iterator[Orphans]:
    """Yield the batches that wrote longer ago than a lease lasts and do not count.

    Newer writes may belong to a night that is running.
    """
    counted = {batch.batch_id for batch in known.latest()}
    for table in OF_BATCHES:
        commit = commit_before(lake, project, table, now - LEASE)
        if commit is None:
            continue
        ids = set(lake.read(project, table, columns=["batch_id"], at=commit)["batch_id"].unique()) - counted
        still_there = set(lake.read(project, table, columns=["batch_id"])["batch_id"].unique())
        if ids & still_there:
            yield Orphans(table, tuple(sorted(ids & still_there)))


def _write_placeholders(lake: Lake, project: str, known: Deliveries, lost: Sequence[Orphans], now: datetime) -> None:
    """Write a placeholder for each batch of which rows are removed, so that it can be taken in again."""
    ids = sorted({batch_id for orphans in lost for batch_id in orphans.batch_ids})
    missing = [batch_id for batch_id in ids if known.get(batch_id) is None]
    add_batches(lake, project, [Batch.placeholder(batch_id, now) for batch_id in missing])


def _do(lake: Lake, spec: ProjectSpec, chore: Chore, keep: Sequence[int], *, dry_run: bool) -> int:
    project, table = spec.project, chore.table
    if chore.kind == "files":
        return remove_files(lake, project, table, days=spec.retention.history_days, keep=keep, dry_run=dry_run)
    if chore.kind == "compaction":
        files = layout(lake, project, table)
        return (files.small_files if files else 0) if dry_run else compact(lake, project, table)
    rows = count(lake, project, table, chore.predicate)
    return rows if dry_run or not rows else remove(lake, project, table, chore.predicate)


def require_erasable(lake: Lake, spec: ProjectSpec, subject: Subject, found: Erasable) -> None:
    """Look for all that is removed in the tables as they are, so that an erasure only begins if it can be finished.

    Raises
    ------
    DataError
        A table cannot be searched.
    """
    known = deliveries(lake, spec.project)
    for table in FORGOTTEN:
        for rows in [*_selected(lake, spec, subject, found, known, table), *([] if table in SEARCHED else ["true"])]:
            count(lake, spec.project, table, rows)


def erase_stored(lake: Lake, spec: ProjectSpec, subject: Subject, found: Erasable) -> None:
    """Remove what is stored of a subject from the tables as they are.

    What counts was written again without it before. The rows are removed last, because by them all else is found: it
    may be interrupted at any point, and repeated.
    """
    project, known = spec.project, deliveries(lake, spec.project)
    _correct_decisions(lake, spec, subject, found)
    for table in FORGOTTEN:
        for rows in _selected(lake, spec, subject, found, known, table):
            if count(lake, project, table, rows):
                remove(lake, project, table, rows)


def _selected(
    lake: Lake, spec: ProjectSpec, subject: Subject, found: Erasable, known: Deliveries, table: str
) -> Iterator[str]:
    """Yield what is removed from a table, as SQL; entries of `batches` and `decisions` are corrected instead."""
    if table in {"batches", "decisions"} or lake.current(spec.project, table) is None:
        return
    if table in WITH_REVISIONS:
        yield from (chore.predicate for chore in replaced(table, known.latest()))
    if not subject.labels_only or table in {"labels", "quarantine"}:
        yield from removals(subject, table, found, _stored_cells(lake, spec, subject) if table == "rows" else ())
    if table == "profiles":
        yield from _replaced_profiles(known, found)


def _stored_cells(lake: Lake, spec: ProjectSpec, subject: Subject) -> set[Cell]:
    """Return the values of a subject in its column of the rows, in the type in which they are stored."""
    column = subject.column
    if column is None or column not in stored_columns(lake, spec.project):
        return set()
    cells: set[Cell] = set()
    for piece in lake.pieces(spec.project, "rows", columns=[column]):
        is_id = column in spec.key_columns and not is_text(piece[column])  # such rows are found by their ids
        cells |= set() if is_id else set(piece[column][subject.in_cells(piece[column])].tolist())
    return cells


def _replaced_profiles(known: Deliveries, found: Erasable) -> Iterator[str]:
    """Yield which profiles of quarantined rows are no longer those of their batches."""
    for batch in (batch for batch_id in found.quarantined if (batch := known.get(batch_id)) is not None):
        older: list[Filter] = [("batch_id", "=", batch.batch_id), ("source", "=", REFUSED)]
        yield str(predicate([*older, ("revision", "<", batch.revision)]))


def _correct_decisions(lake: Lake, spec: ProjectSpec, subject: Subject, found: Erasable) -> None:
    """Write the entries of the decision record that name a row of a subject again without its id."""
    project = spec.project
    stored = lake.read(project, "decisions", columns=["kind", "name", "reason", "details"])
    own = partial(subject.owns, stored=found.row_ids, columns=spec.key_columns)
    for kind, name, reason, details in stored.itertuples(index=False, name=None):
        corrected = {"reason": text_without_ids(reason, own), "details": without_ids(details, own)}
        if corrected["reason"] != reason or json.loads(corrected["details"]) != json.loads(details):
            of_entry = predicate([("kind", "=", kind), ("name", "=", name)])
            change(lake, project, "decisions", str(of_entry), corrected)
