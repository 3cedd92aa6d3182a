"""The chores of a project's tables, planned before any is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from tasks.lake import Batch, Filter, TableFiles, predicate
from tasks.spec.spec_sections.privacy_sections import Retention

Kind = Literal["orphans", "retention", "compaction", "files"]
SMALL_FILES = 8
BATCHES_AT_ONCE = 200
OF_BATCHES = ("rows", "labels", "profiles", "predictions")
WITH_REVISIONS = (*OF_BATCHES, "features")
# The retention of the spec that applies to a table, and the column of days that it counts.
SPANS: Mapping[str, tuple[str, str]] = {
    "rows": ("rows_days", "event_date"),
    "labels": ("rows_days", "arrival"),
    "predictions": ("predictions_days", "event_date"),
    "profiles": ("profiles_days", "event_date"),
    "quarantine": ("quarantine_days", "arrival"),
}


@dataclass(frozen=True, slots=True)
class Chore:
    """One thing to do for one table; `predicate` selects the rows that are removed, if any."""

    table: str
    kind: Kind
    why: str
    predicate: str = ""


@dataclass(frozen=True, slots=True)
class Orphans:
    """Ids of batches that wrote to a table longer ago than a lease, and do not count."""

    table: str
    batch_ids: tuple[str, ...]


def chores(
    night: date,
    retention: Retention,
    layouts: Iterable[TableFiles],
    orphans: Iterable[Orphans],
    batches: Iterable[Batch],
) -> list[Chore]:
    r"""Return the chores in the order in which they are done: rows are removed first, files are compacted last.

    Parameters
    ----------
    night : date
        Retention counts back from here.
    layouts : iterable of Layout
        The tables that were ever written.
    orphans : iterable of Orphans
        What a crash left, by table.
    batches : iterable of Batch
        Every batch in its present state; what it wrote before its base is replaced.

    Examples
    --------
    >>> planned = chores(date(2026, 3, 1), Retention(quarantine_days=28), [TableFiles("quarantine", 9, 9, 900)], [], [])
    >>> [(chore.kind, chore.predicate) for chore in planned]
    [('retention', '"arrival" < date \'2026-02-01\''), ('compaction', ''), ('files', '')]
    """
    written = {layout.table: layout for layout in layouts}
    planned = [chore for lost in orphans if lost.table in written for chore in _orphaned(lost)]
    planned += [chore for table in WITH_REVISIONS if table in written for chore in replaced(table, batches)]
    planned += [_too_old(table, night, days) for table in written if (days := _days(retention, table)) is not None]
    planned += [
        Chore(files.table, "compaction", f"{files.small_files} of {files.files} files are small")
        for files in written.values()
        if files.small_files >= SMALL_FILES
    ]
    older = f"files that no state of the last {retention.history_days} days needs"
    return [*planned, *(Chore(table, "files", older) for table in written)]


def _orphaned(orphans: Orphans) -> Iterable[Chore]:
    for some in _some(orphans.batch_ids):
        yield Chore(orphans.table, "orphans", f"{len(some)} batches that no night completed", _of(some))


def replaced(table: str, batches: Iterable[Batch]) -> Iterable[Chore]:
    """Yield the chores that remove what batches wrote before they were corrected; few batches share a base."""
    by_base: dict[int, list[str]] = {}
    for batch in batches:
        if batch.base > 1:
            by_base.setdefault(batch.base, []).append(batch.batch_id)
    for base, ids in sorted(by_base.items()):
        for some in _some(ids):
            below: Filter = ("revision", "<", base)
            yield Chore(table, "orphans", f"{len(some)} corrected batches", f"{predicate([below])} AND {_of(some)}")


def _too_old(table: str, night: date, days: int) -> Chore:
    oldest = night - timedelta(days=days)
    return Chore(table, "retention", f"older than {days} days", predicate([(SPANS[table][1], "<", oldest)]) or "")


def _days(retention: Retention, table: str) -> int | None:
    days: int | None = getattr(retention, SPANS[table][0]) if table in SPANS else None
    return days


def _some(ids: Iterable[str]) -> Iterable[tuple[str, ...]]:
    ordered = sorted(ids)
    return (tuple(ordered[at : at + BATCHES_AT_ONCE]) for at in range(0, len(ordered), BATCHES_AT_ONCE))


def _of(ids: Iterable[str]) -> str:
    return "(" + " OR ".join(str(predicate([("batch_id", "=", name)])) for name in ids) + ")"
