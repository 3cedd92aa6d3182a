"""Deliveries of rows that were quarantined for values of feature tables: when a table is corrected, they may be right.

Nothing is wrong with such rows themselves, so that no delivery of rows can correct them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tasks.lake import Batch, Deliveries
from tasks.monitor.suspicion_watch import LAG_DAYS
from tasks.records import FAULT_KINDS, SuspicionState
from tasks.spec import ProjectSpec


@dataclass(frozen=True, slots=True)
class CorrectedRows:
    """A quarantined delivery with rows that are right now, and the names of the suspicions that are over with it."""

    batch: Batch
    corrects: tuple[str, ...] = ()


def awaiting_values(known: Deliveries, spec: ProjectSpec) -> list[Batch]:
    """Return the quarantined deliveries of rows that look broken by values of feature tables alone."""
    of_tables = {name for table in spec.features.tables for name in table.columns.all}
    if not of_tables:
        return []
    of_tables |= {*spec.made_later.all}
    quarantined = (one for one in known.latest() if one.kind == "rows" and one.verdict == "quarantined")
    return [one for one in quarantined if (columns := {*_columns_in_doubt(one)}) and of_tables.issuperset(columns)]


def with_newer_values(waiting: Sequence[Batch], known: Deliveries, spec: ProjectSpec) -> list[Batch]:
    """Return those deliveries of rows for which a feature table has delivered values since they were quarantined.

    A delivery of a table can change rows on or after its first event date only.
    """
    names = {table.name for table in spec.features.tables}
    tables = [batch for batch in known.latest() if batch.table in names and batch.rows_accepted]
    last_days = {batch.batch_id: batch.event_until for batch in known.revisions if batch.event_until is not None}
    return [one for one in waiting if any(_reaches(table, one, last_days.get(one.batch_id)) for table in tables)]


def settled(
    waiting: Sequence[Batch], right: Collection[str], states: Sequence[SuspicionState]
) -> tuple[CorrectedRows, ...]:
    """Return the deliveries to release: those of an open suspicion all together, once no row of it is wrong any more.

    Until then newer rows are compared with those under it. A suspicion is over when its last delivery is released.

    Parameters
    ----------
    waiting : sequence of Batch
        All that are quarantined for values of feature tables.
    right : collection of str
        The ids of those that look right now.
    states : sequence of SuspicionState
        The suspicions before the night.

    Examples
    --------
    >>> from dataclasses import replace
    >>> day, moment = date(2026, 3, 2), datetime(2026, 3, 2)
    >>> found = json.dumps([{"rule": "renamed_category", "column": "plan"}])
    >>> one = Batch("a", 2, 2, "rows", "a.csv", 9, "", day, day, moment, None, None, 9, 0, 9, 0, "quarantined", found)
    >>> asked = SuspicionState("renamed_category", ("plan",), day, day, quarantined=True)
    >>> both = [one, replace(one, batch_id="b")]
    >>> [each.batch.batch_id for each in settled(both, {"a"}, [asked])]
    []
    >>> [(each.batch.batch_id, each.corrects) for each in settled(both, {"a", "b"}, [asked])][-1]
    ('b', ('renamed_category of plan, 2026-03-02',))
    >>> [each.batch.batch_id for each in settled(both, {"a"}, [replace(asked, corrected=True)])]  # a run was killed
    ['a']
    """
    of_state = {state.name: [batch for batch in waiting if _is_of(batch, state)] for state in states}
    over = {name for name, batches in of_state.items() if all(batch.batch_id in right for batch in batches)}
    released = []
    for batch in (one for one in waiting if one.batch_id in right):
        mine = [state for state in states if _is_of(batch, state)]
        if all(state.name in over or not state.open for state in mine):
            released.append(CorrectedRows(batch, tuple(state.name for state in mine if state.name in over)))
    return tuple(released)


def _is_of(batch: Batch, state: SuspicionState) -> bool:
    if state.answer == "drift" or set(state.columns).isdisjoint(_columns_in_doubt(batch)):
        return False
    return state.until is None or state.since <= batch.night <= state.until + timedelta(days=LAG_DAYS)


def _columns_in_doubt(batch: Batch) -> Iterator[str]:
    """Yield the columns that monitoring has quarantined a delivery for; an empty name for its rows as a whole."""
    for finding in json.loads(batch.findings):
        if finding["rule"] in FAULT_KINDS:
            yield from finding["column"].split(", ")


def _reaches(table: Batch, batch: Batch, until: date | None) -> bool:
    """Return whether a delivery of a table came after a batch was quarantined, with values that its rows may see."""
    later = _written(table) > _written(batch)
    return later and until is not None and table.event_from is not None and table.event_from <= until


def _written(batch: Batch) -> datetime:
    return batch.written_at or batch.time
