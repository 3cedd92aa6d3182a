"""The state of a delivery: a row of the table `batches`, and the names of the writes that belong to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

SUPERSEDED = "superseded"
NEVER = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Batch:
    """A row of `batches`; `event_from` and `event_until` are None while nothing of it was accepted.

    `base` is the first revision with rows that count: a release adds to the rows that are there, a correction replaces
    them. `rows_elsewhere` counts rows that are in another delivery: repeated by this one, or replaced by a later one.
    `time` is when the delivery was taken in or released, `written_at` when this state was written; states that an older
    release wrote have no `written_at`. `arrived_at` is the moment of the arrival, where more than its day is known.
    `labels` are the labels that were delivered with the rows when the delivery was taken in.
    """

    batch_id: str
    revision: int
    base: int
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
    rows_elsewhere: int
    verdict: str
    findings: str
    written_at: datetime | None = None
    arrived_at: datetime | None = None
    labels: int | None = None

    @property
    def table(self) -> str:
        """The feature table of a delivery, with which its key begins; empty for rows and labels."""
        return self.key.partition("/")[0] if self.kind == "features" else ""

    @property
    def write_key(self) -> str:
        """The name of every write of this batch at this revision."""
        return f"{self.batch_id}/{self.revision}"

    @property
    def is_placeholder(self) -> bool:
        """Whether it was never taken in: see `placeholder`."""
        return not self.key

    @classmethod
    def placeholder(cls, batch_id: str, moment: datetime) -> Batch:
        """Return the batch that upkeep writes for rows it removes because a crash left them without a batch.

        The keys of their writes are used for good. With the placeholder, the delivery is written under the next
        revision when it is taken in again; without it, its rows would count as written.
        """
        return cls(
            batch_id=batch_id,
            revision=1,
            base=2,
            kind="rows",
            key="",
            size_bytes=0,
            stamp="",
            arrival=NEVER,
            night=NEVER,
            time=moment,
            event_from=None,
            event_until=None,
            rows_in=0,
            rows_accepted=0,
            rows_quarantined=0,
            rows_elsewhere=0,
            verdict=SUPERSEDED,
            findings="[]",
        )

    def quarantined(self, findings: str) -> Batch:
        """Return the state of the batch once every accepted row of it is quarantined."""
        return replace(
            self,
            revision=self.revision + 1,
            base=self.revision + 1,
            rows_accepted=0,
            rows_quarantined=self.rows_quarantined + self.rows_accepted,
            event_from=None,
            event_until=None,
            verdict="quarantined",
            findings=findings,
        )


def served_key(write_key: str) -> str:
    """Return the name of the write that serves a batch's revision: whichever champion does it first, it is served once.

    >>> served_key("ab12/1")
    'served/ab12/1'
    """
    return f"served/{write_key}"


def version_key(write_key: str, version: int) -> str:
    """Return the name under which a version's answers for a batch's revision are found, served or not.

    >>> version_key("ab12/1", 3)
    'version/3/ab12/1'
    """
    return f"version/{version}/{write_key}"
