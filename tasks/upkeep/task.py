"""The rim of upkeep: reads the layout of every table of a project, then does the chores, or only lists them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tasks.lake import (
    TABLES,
    Batch,
    Deliveries,
    Lake,
    add_batches,
    commit_before,
    compact,
    count,
    deliveries,
    layout,
    remove,
    remove_files,
)
from tasks.logs import line, logger
from tasks.prefect_task import leeway_task
from tasks.spec import ProjectSpec
from tasks.upkeep.plan import OF_BATCHES, Chore, Orphans, chores

LEASE = timedelta(days=1)
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
