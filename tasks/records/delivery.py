"""A delivery as it is ingested: as listed, as read, and as validated; frames are fields of these records."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    import pyarrow as pa

Kind = Literal["rows", "labels", "features"]
DELETED = re.compile(r"\.(v\d{20}|upto-[-.0-9TZ]+(\.before-rows)?)\.deleted\.parquet$")
"""The end of the name of a delivery of rows, or labels, that their source has deleted."""
Verdict = Literal["accepted", "partly_quarantined", "quarantined"]


@dataclass(frozen=True, slots=True)
class Landed:
    """A delivery in the landing zone: what a listing shows before anything is read.

    `stamp` changes when the object is written again (its size and time of writing), so that a delivery that was
    ingested before is not read again. `table` is the feature table of the delivery; rows and labels have none. `parts`
    are the keys of a folder's objects; it is empty when the delivery is the object `key` itself. `moment` is when it
    was written, unless the date in its name says when it arrived: of two deliveries of a day the later one is newer.
    """

    kind: Kind
    key: str
    size_bytes: int
    arrival: date
    stamp: str = ""
    table: str = ""
    parts: tuple[str, ...] = ()
    moment: datetime | None = None

    @property
    def name(self) -> str:
        """The name of the delivery, unique in its kind: two feature tables may have files of the same name."""
        return f"{self.table}/{self.key}" if self.table else self.key

    @property
    def is_withdrawal(self) -> bool:
        """Whether its rows are those that the source has deleted: they withdraw what is stored of them."""
        return DELETED.search(self.key) is not None


class Chunks(Protocol):
    """The rows of a large delivery on disk, readable and pseudonymised, as chunks.

    It can be called as often as needed, and pickled, as long as the folder of its files exists.
    """

    @property
    def row_count(self) -> int:
        """Rows in all chunks."""
        ...

    def __call__(self) -> Iterator[pd.DataFrame]:
        """Yield chunks of at most 200,000 rows, all with the same columns."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """The content of one delivery; `batch_id` is its sha256, `frame` is as delivered, with every CSV cell as text.

    A delivery that is too large for memory has `chunks`, and a `frame` with its columns but without rows.
    `columns_left_out` counts columns that the spec does not name and `privacy` keeps out.
    """

    batch_id: str
    landed: Landed
    frame: pd.DataFrame
    chunks: Chunks | None = None
    columns_left_out: int = 0

    @property
    def row_count(self) -> int:
        """Rows delivered, in memory or on disk."""
        return len(self.frame) if self.chunks is None else self.chunks.row_count

    def frames(self) -> Iterator[pd.DataFrame]:
        """Yield the rows in chunks with the same columns, in order; each call starts again."""
        yield from (self.frame,) if self.chunks is None else self.chunks()


@dataclass(frozen=True, slots=True)
class Unread:
    """An object that cannot be read in its format: a quarantined batch, with the reason and what was read."""

    batch_id: str
    landed: Landed
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule of the contract that failed, for how many rows, and the ids of the first of them."""

    rule: str
    column: str
    severity: Literal["critical", "warning", "info"]
    rows_failed: int
    message: str
    row_ids: tuple[str, ...] = ()


class ValidatedChunks(Protocol):
    """The rows of a large delivery after its contract, on disk, read a chunk at a time."""

    @property
    def rows_accepted(self) -> int:
        """Rows that passed."""
        ...

    @property
    def rows_refused(self) -> int:
        """Rows that did not pass."""
        ...

    def accepted(self, columns: Sequence[str] = ()) -> Iterator[pa.Table]:
        """Yield the accepted rows in their order: all columns, or the named ones and `event_date`."""
        ...

    def refused(self) -> Iterator[pd.DataFrame]:
        """Yield the refused rows with the columns of `ValidatedDelivery.refused`."""
        ...


@dataclass(frozen=True, slots=True)
class ValidatedDelivery:
    """A delivery after its contract: the verdict, typed accepted rows, and refused rows as delivered with reasons.

    Like `Delivery`, one too large for memory has `chunks`; its frames have the columns and no row.
    """

    batch_id: str
    landed: Landed
    verdict: Verdict
    accepted: pd.DataFrame
    refused: pd.DataFrame
    findings: tuple[Finding, ...] = ()
    chunks: ValidatedChunks | None = None

    @property
    def rows_in(self) -> int:
        """Rows delivered: accepted and refused."""
        return self.rows_accepted + self.rows_refused

    @property
    def rows_accepted(self) -> int:
        """Rows that passed."""
        return len(self.accepted) if self.chunks is None else self.chunks.rows_accepted

    @property
    def rows_refused(self) -> int:
        """Rows that did not pass."""
        return len(self.refused) if self.chunks is None else self.chunks.rows_refused

    def refused_frames(self) -> Iterator[pd.DataFrame]:
        """Yield the refused rows in order; each call starts from the first row."""
        yield from (self.refused,) if self.chunks is None else self.chunks.refused()
