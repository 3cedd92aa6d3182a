"""Deliveries as they stand: for each batch its highest revision."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
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


def add_batch(lake: Lake, project: str, batch: Batch) -> bool:
    """Write a batch's state once; the last of its writes, since it says that the others are done."""
    return lake.add_once(project, "batches", pd.DataFrame([asdict(batch)]), batch.write_key)


def latest(lake: Lake, project: str) -> list[Batch]:
    """Return every batch as it stands now, in order of arrival."""
    frame = lake.read(project, "batches", columns=[field.name for field in fields(Batch)])
    newest = frame.sort_values("revision", kind="stable").drop_duplicates("batch_id", keep="last")
    plain = newest.astype(object).where(newest.notna(), None)
    batches = [Batch(*row) for row in plain.itertuples(index=False, name=None)]
    return sorted(batches, key=lambda batch: (batch.arrival, batch.key))


def accepted(lake: Lake, project: str, *, after: date | None = None) -> list[Batch]:
    """Return the batches of rows of which something was accepted; with `after`, only those with later events."""
    return [
        batch
        for batch in latest(lake, project)
        if batch.kind == "rows" and batch.event_until and (after is None or batch.event_until > after)
    ]


def batch_rows(lake: Lake, project: str, batch: Batch) -> pd.DataFrame:
    """Return the accepted rows of one batch; only its event dates' files are read."""
    if batch.event_from is None or batch.event_until is None:
        return lake.read(project, "rows", where=[("batch_id", "=", batch.batch_id)])
    inside: list[Filter] = [("event_date", ">=", batch.event_from), ("event_date", "<=", batch.event_until)]
    rows = lake.read(project, "rows", where=[*inside, ("batch_id", "=", batch.batch_id)])
    return rows.sort_values("row_id", ignore_index=True)
