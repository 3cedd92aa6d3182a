"""What is read of a table, in one transaction of any engine that sees one state of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

import pyarrow as pa

from tasks.ingest.tables.watermark import Watermark
from tasks.spec.landing_sections.database_section import Database


class Extent(NamedTuple):
    """The present, the largest value of `changed_at`, and the number of rows without one that can be read."""

    now: datetime
    largest: int | datetime | None
    without: int


class Increment(NamedTuple):
    """The rows after a watermark: their columns, `COMPARED`, which is `changed_at`, and `DELETED` if it is known."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


class TableReading(Protocol):
    """A read-only transaction; a time that is ahead of its present counts as the present."""

    def types(self, database: Database) -> Mapping[str, str]:
        """Return the type of each column; that of `changed_at` is a word of `NUMBERED` or `TIMED`, if it can be one."""
        ...

    def extent(self, database: Database, kind: str, since: Watermark | None) -> Extent | None:
        """Return how far a table goes after a watermark; None if it is not known.

        Parameters
        ----------
        kind : str
            The type of `changed_at`.
        """
        ...

    def increment(
        self,
        database: Database,
        types: Mapping[str, str],
        names: Sequence[str],
        wanted: Collection[str],
        since: Watermark | None,
    ) -> Increment:
        """Return the rows after a watermark.

        Parameters
        ----------
        names : sequence of str
            The columns that are read.
        wanted : collection of str
            Of these, the ones that the project uses: their days are read as text, so that each cell can be judged.
        """
        ...
