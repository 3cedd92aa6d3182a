"""A table of a database as a landing zone: what changed since the last night is its one delivery."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.errors import Conflict, SourceError
from tasks.ingest.readers.sealed_file import SealedFile
from tasks.ingest.sources.stored_objects import StoredObject
from tasks.ingest.tables.extract_key import Extract, extract_key
from tasks.ingest.tables.increment_query import columns_query, extent_query, rows_query
from tasks.ingest.tables.postgresql import database_address, session
from tasks.ingest.tables.read_rows import NONE, Digests, row_digests
from tasks.ingest.tables.watermark import NUMBERED, TIMED, Watermark
from tasks.logs import line, logger
from tasks.spec.landing_sections.database_section import Database

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Cursor

BLOCK_BYTES = 2**20
FILE = "extract"
TYPE_KEY = b"POSTGRESQL:type"
UNTIL = {"timestamptz": "now()", "timestamp": "(now() AT TIME ZONE 'UTC') + interval '1 day'"}
"""The largest time that is read, by type: a row with a time in the future waits, or it would hide those before it."""


@dataclass(frozen=True)
class TableTerms:
    """Which columns of a table are read.

    Attributes
    ----------
    wanted : frozenset of str
        The columns that the spec names.
    dropped : frozenset of str
        The columns that are never read, as the spec says.
    """

    wanted: frozenset[str]
    dropped: frozenset[str]

    def chosen(self, names: Iterable[str], changed_at: str) -> list[str]:
        """Return the columns that are delivered; `changed_at` is one of them only if the spec names it.

        >>> TableTerms(frozenset({"id"}), frozenset({"name"})).chosen(["id", "name", "fare", "at"], "at")
        ['id', 'fare']
        """
        return [name for name in names if name not in self.dropped and (name != changed_at or name in self.wanted)]


@dataclass
class TableSource:
    """The rows of a table that were added or changed since they were read last, as one Parquet file.

    The file is encrypted with a key of this process, and must be gone with its folder when the night has read it.

    Parameters
    ----------
    uri : str
        The address of the database, or the variable that has it.
    database : Database
        What is read.
    terms : TableTerms
        Which columns are read.
    last : Extract or None
        What the last night has read.
    known : array of uint64
        The digests of the newest rows that it has read.
    folder : Path
        An empty folder for the file.
    moment : datetime
        The present, with its time zone.
    time_zone : str
        The project's time zone.
    environment : mapping of str to str
        The variables that `uri` may name.
    """

    uri: str
    database: Database
    terms: TableTerms
    last: Extract | None
    known: Digests
    folder: Path
    moment: datetime
    time_zone: str
    environment: Mapping[str, str]
    newest: Digests = field(default_factory=lambda: NONE, init=False)
    _file: BinaryIO | None = field(default=None, init=False)

    @property
    def exists(self) -> bool:
        """Return True: a table is there, or reading it is an error."""
        return True

    def list(self) -> list[StoredObject]:
        """Read what is new, and return it; nothing if nothing is.

        Raises
        ------
        SourceError
            The table or the column `changed_at` is not there or cannot be read, or has another type.
        Unreachable
            The database does not respond.
        """
        with session(database_address(self.uri, self.environment), self.database.timeout_minutes) as cursor:
            types = self._types(cursor)
            kind = types[self.database.changed_at]
            last = self._usable(kind)
            until = self._extent(cursor, kind, last)
            if last is not None and (until is None or until.is_before(last.until)):
                until, last = self._all_or_nothing_new(cursor, kind, last)
            size_bytes = None if until is None else self._extract(cursor, types, last, until)
        if until is None or size_bytes is None:
            return []
        day = self.moment.astimezone(ZoneInfo(self.time_zone)).date()
        return [StoredObject(extract_key(day, self.moment, until), size_bytes, self.moment)]

    def unfollowed(self) -> tuple[str, ...]:
        """Return no key: a table has no links."""
        return ()

    def read(self, key: str) -> bytes:
        """Raise SourceError: what a night has read of a table is kept in the lake only."""
        raise SourceError(f"{key!r} was read from a database and is not kept as a file")

    def copy(self, listed: StoredObject, out: BinaryIO) -> str:
        """Write what was read to an empty file; return the sha256 of its content.

        Raises
        ------
        Conflict
            When it was not listed before.
        """
        if self._file is None:
            raise Conflict(f"{listed.key!r} was not read from the database; a later night reads it")
        digest = hashlib.sha256()
        self._file.seek(0)
        while block := self._file.read(BLOCK_BYTES):
            out.write(block)
            digest.update(block)
        return digest.hexdigest()

    def _types(self, cursor: Cursor) -> dict[str, str]:
        """Return the type of each column, as PostgreSQL calls it."""
        cursor.execute(columns_query(self.database))
        schema = cursor.fetch_arrow_table().schema
        types = {column.name: (column.metadata or {}).get(TYPE_KEY, b"").decode() for column in schema}
        kind = types.get(self.database.changed_at)
        if kind is None:
            raise SourceError(
                f"database.changed_at is {self.database.changed_at!r}; expected one of the columns {sorted(types)}"
            )
        if kind not in NUMBERED | TIMED:
            raise SourceError(
                f"database.changed_at is {self.database.changed_at!r}, of type {kind}; expected a timestamp or a whole "
                "number that grows with each change"
            )
        return types

    def _extent(self, cursor: Cursor, kind: str, last: Extract | None) -> Watermark | None:
        """Return the largest value of `changed_at` among the rows after the overlap; None if there is no such row."""
        since = last and last.read_again_from(self.database)
        cursor.execute(extent_query(self.database, since, UNTIL.get(kind)))
        largest, rows, without = (cursor.fetchone() or (None, 0, 0))[:3]
        if without:
            logger().warning(line("rows_without_changed_at", column=self.database.changed_at, rows=without))
        return Watermark(largest) if rows else None

    def _usable(self, kind: str) -> Extract | None:
        """Return what the last night has read; None if `changed_at` has another type by now, so that all is read."""
        return self.last if self.last is not None and self.last.until.is_of(kind) else None

    def _all_or_nothing_new(self, cursor: Cursor, kind: str, last: Extract) -> tuple[Watermark | None, Extract | None]:
        """Return how far to read, and from where, when no row is as new as the newest one that was read.

        A table that was replaced, or restored from a backup, goes on below what was read of the one before: all of it
        is read again, and equal rows count once.
        """
        newest = self._extent(cursor, kind, None)
        if newest is None or not newest.is_before(last.until):
            return None, last
        logger().warning(line("table_went_back", newest=newest.text, read_before=last.until.text))
        return newest, None

    def _extract(self, cursor: Cursor, types: Mapping[str, str], last: Extract | None, until: Watermark) -> int | None:
        """Write the rows that are new; return the size of the file in bytes, or None if there is none."""
        changed_at, since = self.database.changed_at, last and last.read_again_from(self.database)
        names = self.terms.chosen(types, changed_at)
        cursor.execute(rows_query(self.database, types, list(dict.fromkeys([*names, changed_at])), since, until))
        reader = cursor.fetch_record_batch()
        schema = pa.schema([(name, reader.schema.field(name).type) for name in names])
        newest, file, rows = list[Digests](), SealedFile(self.folder / FILE), 0
        with file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in reader:
                fresh, digests = self._fresh(pa.Table.from_batches([batch]), last, until)
                newest.append(digests)
                rows += fresh.num_rows
                writer.write_table(fresh.select(names).cast(schema))
        if not rows:
            return None
        self.newest, self._file = np.unique(np.concatenate(newest)), file.opened()
        return (self.folder / FILE).stat().st_size

    def _fresh(self, rows: pa.Table, last: Extract | None, until: Watermark) -> tuple[pa.Table, Digests]:
        """Return the rows that were not read before, and the digests of those that the next night will read again."""
        values = rows[self.database.changed_at]
        is_read_again = _is_after(values, Extract(self.moment, until, "").read_again_from(self.database))
        may_be_known = np.zeros(rows.num_rows, dtype=bool) if last is None else ~_is_after(values, last.until)
        digests, needed = np.zeros(rows.num_rows, dtype=np.uint64), is_read_again | may_be_known
        digests[needed] = row_digests(rows.filter(pa.array(needed)))
        is_known = may_be_known & np.isin(digests, self.known)
        return rows.filter(pa.array(~is_known)), digests[is_read_again]


def _is_after(values: pa.ChunkedArray, watermark: Watermark) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.greater(values, pa.scalar(watermark.value, values.type)), dtype=bool)
