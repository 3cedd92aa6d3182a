"""Deliveries in their present state: the highest revision of each batch, and which of its writes count.

The row of `batches` is written last; from then on a delivery counts. Rows, labels, profiles and predictions without
such a row do not count (a crash left them), nor do those below the base of a batch that a correction replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime
from functools import cached_property

import numpy as np
import pandas as pd

from tasks.arrays import FloatArray, IntArray
from tasks.lake.batch_state import SUPERSEDED, Batch
from tasks.lake.lake import Lake
from tasks.lake.predicates import Filter


@dataclass(frozen=True)
class Deliveries:
    """Every state of every batch, by revision; read once, used as often as a night needs."""

    revisions: tuple[Batch, ...]

    @cached_property
    def _newest(self) -> dict[str, Batch]:
        return {batch.batch_id: batch for batch in self.revisions}

    @cached_property
    def _in_order(self) -> tuple[Batch, ...]:
        return tuple(sorted(self._newest.values(), key=_by_arrival))

    def latest(self) -> list[Batch]:
        """Return every batch in its present state, in order of arrival."""
        return list(self._in_order)

    def of(self, night: date) -> list[Batch]:
        """Return the batches that a night took in, in their present state."""
        return sorted((batch for batch in self._newest.values() if batch.night == night), key=_by_arrival)

    def before(self, night: date) -> Deliveries:
        """Return the deliveries that earlier nights took in."""
        return Deliveries(tuple(batch for batch in self.revisions if batch.night < night))

    def get(self, batch_id: str) -> Batch | None:
        """Return a batch in its present state, or None when it was never taken in."""
        return self._newest.get(batch_id)

    def repeats(self, batch_id: str, kind: str, name: str) -> bool:
        """Tell whether content was taken in under another name than the one it has now.

        Under its own name it may count again (see `stale`), so such a delivery is read every night.
        """
        batch = self.get(batch_id)
        return batch is not None and (batch.kind, batch.key) != (kind, name)

    def newest_of_keys(self) -> dict[tuple[str, str], Batch]:
        """Return the batch that was last taken in under each kind and key."""
        return {(batch.kind, batch.key): batch for batch in sorted(self.latest(), key=_by_time)}

    def stale(self) -> dict[str, str]:
        """Return the ids, with their keys, of content that other content replaced under the same key.

        If a file gets such content back, it counts again. Content that a file of another name corrected does not,
        however often it is delivered: its own file did not change. The values of a feature table supersede no batch:
        of several of one time the newest arrival counts, so that each other content of the file has replaced them.
        """
        newest = self.newest_of_keys()
        return {
            batch.batch_id: batch.key
            for batch in self.latest()
            if (batch.verdict == SUPERSEDED or batch.kind == "features")
            and newest[batch.kind, batch.key].batch_id != batch.batch_id
        }

    def accepted(self, after: date | None = None) -> list[Batch]:
        """Return each revision that added accepted rows that count; its `rows_accepted` are only these.

        A release adds rows to a batch with others that were profiled and scored long ago. With `after`, only revisions
        with later events.
        """
        bases = {name: batch.base for name, batch in self._newest.items()}
        before: dict[str, int] = {}
        found = []
        for batch in (state for state in self.revisions if state.revision >= bases[state.batch_id]):
            added = batch.rows_accepted - before.get(batch.batch_id, 0)
            before[batch.batch_id] = batch.rows_accepted
            if batch.kind == "rows" and added and batch.event_until and (after is None or batch.event_until > after):
                found.append(replace(batch, rows_accepted=added))
        return sorted(found, key=_by_arrival)

    def as_of(self, moment: datetime) -> Deliveries:
        """Return the deliveries as they were at a moment."""
        return Deliveries(tuple(each for each in self.revisions if (each.written_at or each.time) <= moment))

    def counted_revisions(self, batch_ids: Iterable[object]) -> tuple[FloatArray, FloatArray]:
        """Return the first and the last revision of each batch with rows that count; none for an unknown batch.

        >>> Deliveries(()).counted_revisions(["unknown"])
        (array([inf]), array([-inf]))
        """
        batches = [self._newest.get(str(name)) for name in batch_ids]
        first = np.array([np.inf if batch is None else batch.base for batch in batches])
        return first, np.array([-np.inf if batch is None else batch.revision for batch in batches])

    def arrival_ranks(self, batch_ids: pd.Series) -> IntArray:
        """Return the rank of each batch in the order of arrival, 0 for the first: by day, moment, then key.

        Of two contents of one key, the one that was taken in later arrived later.

        Examples
        --------
        >>> day, hours = date(2026, 1, 2), [datetime(2026, 1, 2, hour, tzinfo=UTC) for hour in (18, 8)]
        >>> empty = Batch.placeholder("", hours[0])
        >>> late, early = (replace(empty, batch_id=name, arrived_at=at) for name, at in zip("ab", hours))
        >>> Deliveries((late, early)).arrival_ranks(pd.Series(["a", "b", "a"])).tolist()
        [1, 0, 1]
        >>> late, early = (replace(empty, batch_id=name, time=at) for name, at in zip("ab", hours))
        >>> Deliveries((late, early)).arrival_ranks(pd.Series(["a", "b"])).tolist()
        [1, 0]
        """
        ranks = {batch.batch_id: rank for rank, batch in enumerate(sorted(self._newest.values(), key=_by_moment))}
        codes, names = pd.factorize(batch_ids)
        return np.array([*(ranks.get(str(name), -1) for name in names), -1], dtype=np.int64)[codes]

    def active(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a table with `batch_id` and `revision` that count.

        Examples
        --------
        >>> day, moment = date(2026, 1, 2), datetime(2026, 1, 2)
        >>> batch = Batch("a", 2, 2, "rows", "a.csv", 1, "", day, day, moment, day, day, 1, 1, 0, 0, "accepted", "[]")
        >>> written = pd.DataFrame({"batch_id": ["a", "a", "crashed"], "revision": [1, 2, 1], "x": [5, 6, 7]})
        >>> Deliveries((batch,)).active(written)["x"].tolist()
        [6]
        """
        codes, names = pd.factorize(frame["batch_id"])
        first, last = self.counted_revisions([*names, None])  # a row of no batch has the code -1: the last one
        return frame[((frame["revision"] >= first[codes]) & (frame["revision"] <= last[codes])).to_numpy(bool)]


def add_batches(lake: Lake, project: str, batches: Iterable[Batch]) -> None:
    """Write the states of several batches, each once, in one commit; the last of their writes, which says so."""
    lake.add_each(project, "batches", {batch.write_key: _frame(batch) for batch in batches})


def deliveries(lake: Lake, project: str) -> Deliveries:
    """Return every delivery of a project."""
    return lake.read_parsed(project, "batches", _deliveries)


def _deliveries(table: pd.DataFrame) -> Deliveries:
    frame = table.reindex(columns=[field.name for field in fields(Batch)])
    plain = frame.astype(object).where(frame.notna(), None)
    batches = [Batch(*row) for row in plain.itertuples(index=False, name=None)]
    return Deliveries(tuple(sorted(batches, key=lambda batch: batch.revision)))


def latest(lake: Lake, project: str) -> list[Batch]:
    """Return every batch in its present state, in order of arrival."""
    return deliveries(lake, project).latest()


def accepted(lake: Lake, project: str, *, after: date | None = None) -> list[Batch]:
    """Return each revision of a batch that let rows in; see `Deliveries.accepted`."""
    return deliveries(lake, project).accepted(after)


def active_rows(
    lake: Lake,
    project: str,
    table: str,
    known: Deliveries | None = None,
    *,
    columns: list[str] | None = None,
    where: Sequence[Filter] = (),
) -> pd.DataFrame:
    """Read the rows, labels, profiles or predictions that count; the deliveries are read when they are not given."""
    wanted = None if columns is None else list(dict.fromkeys([*columns, "batch_id", "revision"]))
    # Deliveries are read first: what is committed while the table is read belongs to none of them.
    known = deliveries(lake, project) if known is None else known
    frame = known.active(lake.read(project, table, columns=wanted, where=where))
    return frame if columns is None else frame[columns]


def batch_rows(lake: Lake, project: str, batch: Batch) -> pd.DataFrame:
    """Return the rows that one revision of a batch added; only files of its event dates are read."""
    return lake.read(project, "rows", where=_of(batch)).sort_values("row_id", ignore_index=True)


def _of(batch: Batch) -> list[Filter]:
    mine: list[Filter] = [("batch_id", "=", batch.batch_id), ("revision", "=", batch.revision)]
    if batch.event_from is None or batch.event_until is None:
        return mine
    return [("event_date", ">=", batch.event_from), ("event_date", "<=", batch.event_until), *mine]


def _frame(batch: Batch) -> pd.DataFrame:
    return pd.DataFrame([asdict(batch)])


def _by_arrival(batch: Batch) -> tuple[date, str, str, str, int]:
    return batch.arrival, batch.key, batch.kind, batch.batch_id, batch.revision


def _by_moment(batch: Batch) -> tuple[date, datetime, str, datetime, str]:
    arrived_at = batch.arrived_at or datetime.min.replace(tzinfo=UTC)
    return batch.arrival, arrived_at, batch.key, batch.time, batch.batch_id


def _by_time(batch: Batch) -> tuple[datetime, date, str]:
    return batch.time, batch.arrival, batch.key
