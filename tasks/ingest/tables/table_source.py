"""A table of a database as a landing zone: what changed since the last night is its one delivery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.databases import database_address
from tasks.errors import Conflict, SourceError
from tasks.ingest.readers.sealed_file import SealedFile
from tasks.ingest.sources.stored_objects import StoredObject, copied
from tasks.ingest.tables.extract_key import Extract, extract_key
from tasks.ingest.tables.increment_query import COMPARED
from tasks.ingest.tables.open_reading import open_reading
from tasks.ingest.tables.read_rows import NONE, Digests, are_among, row_digests
from tasks.ingest.tables.table_reading import TableReading
from tasks.ingest.tables.watermark import NUMBERED, TIMED, Watermark, later
from tasks.logs import line, logger
from tasks.spec.landing_sections.database_section import Database

FILE = "extract"


@dataclass(frozen=True)
class TableTerms:
    """What is read of a table.

    Attributes
    ----------
    zone : str
        The landing zone: two may have the same table.
    of : str
        See `definition`.
    wanted : frozenset of str
        The columns that the spec names.
    dropped : frozenset of str
        The columns that are never read, as the spec says.
    is_private : bool
        Whether no message may quote a cell.
    """

    zone: str
    of: str
    wanted: frozenset[str]
    dropped: frozenset[str]
    is_private: bool = False

    def chosen(self, names: Iterable[str], changed_at: str) -> list[str]:
        """Return the columns that are delivered; `changed_at` is one of them only if the spec names it.

        >>> terms = TableTerms("rows", "0a1b2c3d", wanted=frozenset({"id"}), dropped=frozenset({"name"}))
        >>> terms.chosen(["id", "name", "fare", "at"], "at")
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
        The digests of the newest rows that it has read, in ascending order.
    folder : Path
        An empty folder for the file.
    moment : datetime
        The present, with its time zone.
    time_zone : str
        The project's time zone.
    environment : mapping of str to str
        The variables that `uri` may name.
    project_folder : Path
        What the path of a file is relative to.
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
    project_folder: Path = Path()
    newest: Digests = field(default_factory=lambda: NONE, init=False)
    looked_at: datetime | None = field(default=None, init=False)
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
        address = database_address(self.uri, self.environment, self.project_folder)
        minutes, is_private = self.database.timeout_minutes, self.terms.is_private
        with open_reading(address, self.environment, minutes, is_private=is_private) as reading:
            types = self._types(reading)
            kind = types[self.database.changed_at]
            last = self.last if self.last is not None and self.last.until.is_of(kind) else None
            read, until = self._extent(reading, kind, last)
            if until is None and last is not None and kind in NUMBERED:
                last = self._unless_it_went_back(reading, kind, last)
                read, until = self._extent(reading, kind, last)
            if until is None:
                return []
            extract = Extract(read, until if last is None else later(until, last.until), "")
            size_bytes = self._extract(reading, types, last, extract)
        if size_bytes is None:
            return []
        day = self.moment.astimezone(ZoneInfo(self.time_zone)).date()
        return [StoredObject(extract_key(day, read, self.terms.of, extract.until), size_bytes, self.moment)]

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
        self._file.seek(0)
        return copied(self._file, out)

    def _types(self, reading: TableReading) -> Mapping[str, str]:
        """Return the type of each column; that of `changed_at` can be compared."""
        types = reading.types(self.database)
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

    def _extent(self, reading: TableReading, kind: str, last: Extract | None) -> tuple[datetime, Watermark | None]:
        """Return the present, and the largest value of `changed_at` after the overlap; None if there is no row."""
        extent = reading.extent(self.database, kind, last and last.read_again_from(self.database))
        self.looked_at, largest, without = extent or (self.moment, None, 0)
        if without:
            logger().warning(line("rows_without_changed_at", column=self.database.changed_at, rows=without))
        return self.looked_at, None if largest is None else Watermark(largest)

    def _unless_it_went_back(self, reading: TableReading, kind: str, last: Extract) -> Extract | None:
        """Return what was read last; None where the numbers of a table begin again below all that was read again.

        It was replaced then, or restored from a backup: all of it is read, and equal rows count once.
        """
        _, newest = self._extent(reading, kind, None)
        if newest is None:
            return last
        logger().warning(line("table_went_back", newest=newest.text, read_before=last.until.text))
        return None

    def _extract(
        self, reading: TableReading, types: Mapping[str, str], last: Extract | None, extract: Extract
    ) -> int | None:
        """Write the rows that are new; return the size of the file in bytes, or None if there is none."""
        names = self.terms.chosen(types, self.database.changed_at)
        since = last and last.read_again_from(self.database)
        found = reading.increment(self.database, types, names, self.terms.wanted, since)
        schema = pa.schema([(name, found.schema.field(name).type) for name in names], self._place())
        newest, file, rows = list[Digests](), SealedFile(self.folder / FILE), 0
        with file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in found.batches:
                fresh, digests = self._fresh(pa.Table.from_batches([batch]), last, extract)
                newest.append(digests)
                rows += fresh.num_rows
                writer.write_table(fresh.select(names).cast(schema))
        if not rows:
            return None
        self.newest, self._file = np.unique(np.concatenate(newest)), file.opened()
        return (self.folder / FILE).stat().st_size

    def _place(self) -> dict[str, str]:
        """Return what makes the content of this delivery another one than that of an earlier one with equal rows.

        A value that was changed and changed back is new, and so are the same rows in another landing zone. What a
        killed night has read has the same place when it is read again.
        """
        return {"leeway": f"{self.terms.zone} after {self.last.key if self.last else 'nothing'}"}

    def _fresh(self, rows: pa.Table, last: Extract | None, extract: Extract) -> tuple[pa.Table, Digests]:
        """Return the rows that were not read before, and the digests of those that the next night will read again."""
        values = rows[COMPARED]
        is_read_again = _is_after(values, extract.read_again_from(self.database))
        may_be_known = np.full(rows.num_rows, last is not None and len(self.known) > 0)
        digests, needed = np.zeros(rows.num_rows, dtype=np.uint64), is_read_again | may_be_known
        digests[needed] = row_digests(rows.filter(pa.array(needed)))
        is_known = may_be_known & are_among(digests, self.known)
        return rows.filter(pa.array(~is_known)), digests[is_read_again]


def _is_after(values: pa.ChunkedArray, watermark: Watermark) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.greater(values, pa.scalar(watermark.value, values.type)), dtype=bool)
