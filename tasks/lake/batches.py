"""Deliveries as they stand: for each batch its highest revision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime

import pandas as pd

from tasks.lake.lake import Filter, Lake


@dataclass(frozen=True, slots=True)
class Batch:
    """A row of `batches`; `event_from` and `event_until` are None while nothing of it was accepted."""

    batch_id: str
    revision: int
    kind: str
    key: str
    size_bytes: int
    stamp: str
    arrival: date
    night: date
    time: datetime
    event_from: date | None
    event_until: date | None
    rows_in: int
    rows_accepted: int
    rows_quarantined: int
    verdict: str
    findings: str

    @property
    def write_key(self) -> str:
        """The name of every write of this batch at this revision."""
        return f"{self.batch_id}/{self.revision}"


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Every batch as it ever stood, by revision: read once, asked as often as a night needs."""

    revisions: tuple[Batch, ...]

    def latest(self) -> list[Batch]:
        """Return every batch as it stands now, in order of arrival."""
        newest = {batch.batch_id: batch for batch in self.revisions}
        return sorted(newest.values(), key=_by_arrival)

    def of(self, night: date) -> list[Batch]:
        """Return the batches a night took in, as they stand now."""
        return [batch for batch in self.latest() if batch.night == night]

    def accepted(self, after: date | None = None) -> list[Batch]:
        """Return each revision of a batch of rows that let rows in, with only those in `rows_accepted`.

        A release adds rows to a batch whose others were profiled and scored long ago. With `after`, only those with
        later events.
        """
        before: dict[str, int] = {}
        found = []
        for batch in self.revisions:
            added = batch.rows_accepted - before.get(batch.batch_id, 0)
            before[batch.batch_id] = batch.rows_accepted
            if batch.kind == "rows" and added and batch.event_until and (after is None or batch.event_until > after):
                found.append(replace(batch, rows_accepted=added))
        return sorted(found, key=_by_arrival)


def add_batch(lake: Lake, project: str, batch: Batch) -> bool:
    """Write a batch's state once; the last of its writes, since it says that the others are done."""
    return lake.add_once(project, "batches", _frame(batch), batch.write_key)


def add_batches(lake: Lake, project: str, batches: Iterable[Batch]) -> None:
    """Write the states of several batches, each once, in one commit."""
    lake.add_each(project, "batches", {batch.write_key: _frame(batch) for batch in batches})


def deliveries(lake: Lake, project: str) -> Deliveries:
    """Return every delivery there was."""
    frame = lake.read(project, "batches", columns=[field.name for field in fields(Batch)])
    plain = frame.astype(object).where(frame.notna(), None)
    batches = [Batch(*row) for row in plain.itertuples(index=False, name=None)]
    return Deliveries(tuple(sorted(batches, key=lambda batch: batch.revision)))


def latest(lake: Lake, project: str) -> list[Batch]:
    """Return every batch as it stands now, in order of arrival."""
    return deliveries(lake, project).latest()


def accepted(lake: Lake, project: str, *, after: date | None = None) -> list[Batch]:
    """Return each revision of a batch that let rows in; see `Deliveries.accepted`."""
    return deliveries(lake, project).accepted(after)


def batch_rows(lake: Lake, project: str, batch: Batch) -> pd.DataFrame:
    """Return the rows that one revision of a batch let in; only its event dates' files are read."""
    mine: list[Filter] = [("batch_id", "=", batch.batch_id), ("revision", "=", batch.revision)]
    if batch.event_from is not None and batch.event_until is not None:
        mine = [("event_date", ">=", batch.event_from), ("event_date", "<=", batch.event_until), *mine]
    return lake.read(project, "rows", where=mine).sort_values("row_id", ignore_index=True)


def _frame(batch: Batch) -> pd.DataFrame:
    return pd.DataFrame([asdict(batch)])


def _by_arrival(batch: Batch) -> tuple[date, str, int]:
    return batch.arrival, batch.key, batch.revision
