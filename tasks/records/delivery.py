"""A delivery on its way in: as listed, as read, and as checked; frames travel inside these records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

Kind = Literal["rows", "labels", "features"]
Verdict = Literal["accepted", "partly_quarantined", "quarantined"]


@dataclass(frozen=True, slots=True)
class Landed:
    """A delivery in the landing place: what a listing shows before anything is read.

    `stamp` changes when the object is written again (its size and moment of writing), so that what was taken in before
    need not be read again. `table` names the feature table it belongs to; rows and labels have none. `parts` are the
    keys of a folder's objects; it is empty when the delivery is the object `key` itself.
    """

    kind: Kind
    key: str
    size_bytes: int
    arrival: date
    stamp: str = ""
    table: str = ""
    parts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What tells it apart from every other delivery of its kind: two feature tables may have files of one name."""
        return f"{self.table}/{self.key}" if self.table else self.key


class Chunks(Protocol):
    """The rows of a large delivery, kept on disk, known to be readable and made private: to be read piece by piece.

    Can be called as often as needed, and pickled, as long as the folder it was spooled to is there.
    """

    @property
    def row_count(self) -> int:
        """Rows in all pieces."""
        ...

    def __call__(self) -> Iterator[pd.DataFrame]:
        """Yield pieces of at most 200,000 rows, all with the same columns."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one delivery brought: its content's sha256 names the batch; `frame` is as delivered, every csv cell text.

    A delivery too large to be held has `chunks`, and a `frame` with its columns but none of its rows.
    """

    batch_id: str
    landed: Landed
    frame: pd.DataFrame
    chunks: Chunks | None = None

    @property
    def row_count(self) -> int:
        """Rows delivered, whether they are held or not."""
        return len(self.frame) if self.chunks is None else self.chunks.row_count

    def frames(self) -> Iterator[pd.DataFrame]:
        """Yield the rows in pieces with the same columns, in order; each call begins anew."""
        yield from (self.frame,) if self.chunks is None else self.chunks()


@dataclass(frozen=True, slots=True)
class Unread:
    """An object whose content is not what its format says: a quarantined batch, with its reason and what was found."""

    batch_id: str
    landed: Landed
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule of the contract that did not hold, for how many rows, and the ids of the first of them."""

    rule: str
    column: str
    severity: Literal["critical", "warning", "info"]
    rows_failed: int
    message: str
    row_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A delivery after the contract: typed accepted rows, refused rows as delivered with reasons, and the verdict."""

    batch_id: str
    landed: Landed
    verdict: Verdict
    accepted: pd.DataFrame
    refused: pd.DataFrame
    findings: tuple[Finding, ...] = ()

    @property
    def rows_in(self) -> int:
        """Rows delivered: accepted plus quarantined."""
        return len(self.accepted) + len(self.refused)

    @property
    def rows_refused(self) -> int:
        """Rows set aside."""
        return len(self.refused)
