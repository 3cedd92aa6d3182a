"""A table of a database as a landing zone: what changed since the last night, with deleted rows apart from others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple
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
from tasks.ingest.tables.extract_key import Part as KeyPart
from tasks.ingest.tables.increment_query import COMPARED, DELETED
from tasks.ingest.tables.open_reading import open_reading
from tasks.ingest.tables.read_rows import NONE, Digests, are_among, row_digests
from tasks.ingest.tables.table_reading import TableReading
from tasks.ingest.tables.watermark import NUMBERED, TIMED, Watermark, later
from tasks.logs import line, logger
from tasks.spec.landing_sections.database_section import Database


class _Part(NamedTuple):
    """Rows that were read: their file, its size, and how many they are."""

    file: SealedFile
    size_bytes: int
    rows: int


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
    withdraws : bool
        Whether deleted rows are delivered, so that they are withdrawn; else they are left out.
    """

    zone: str
    of: str
    wanted: frozenset[str]
    dropped: frozenset[str]
    is_private: bool = False
    withdraws: bool = True

    def chosen(self, names: Iterable[str], database: Database) -> list[str]:
        """Return the columns that are delivered; `changed_at` and `deleted_at` only if the spec names them elsewhere.

        >>> terms = TableTerms("rows", "0a1b2c3d", wanted=frozenset({"id"}), dropped=frozenset({"name"}))
        >>> terms.chosen(["id", "name", "fare", "at"], Database(table="rides", changed_at="at"))
        ['id', 'fare']
        """
        own = {database.changed_at, database.deleted_at} - self.wanted
        return [name for name in names if name not in self.dropped and name not in own]


@dataclass
class TableSource:
    """The rows of a table that were added, changed or deleted since they were read last: a Parquet file of each part.

    They are encrypted with a key of this process, and must be gone with their folder when the night has read them.

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
        An empty folder for the files.
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
    _parts: dict[str, _Part] = field(default_factory=dict, init=False)

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
            found = self._extract(reading, types, last, extract)
        day, has_rows = self.moment.astimezone(ZoneInfo(self.time_zone)).date(), "rows" in found
        for name, part in found.items():
            of_key: KeyPart = "rows" if name == "rows" else "deleted, before rows" if has_rows else "deleted"
            self._parts[extract_key(day, read, self.terms.of, extract.until, of_key)] = part
        return [StoredObject(key, part.size_bytes, self.moment) for key, part in self._parts.items()]

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
        part = self._parts.get(listed.key)
        if part is None:
            raise Conflict(f"{listed.key!r} was not read from the database; a later night reads it")
        with part.file.opened() as content:
            return copied(content, out)

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
        if self.database.deleted_at is not None and self.database.deleted_at not in types:
            raise SourceError(
                f"database.deleted_at is {self.database.deleted_at!r}; expected one of the columns {sorted(types)}"
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
    ) -> dict[str, _Part]:
        """Write the rows that are new; return those that are deleted, and the others, as far as there are any."""
        names = self.terms.chosen(types, self.database)
        since = last and last.read_again_from(self.database)
        found = reading.increment(self.database, types, names, self.terms.wanted, since)
        fields = [(name, found.schema.field(name).type) for name in names]
        newest, writers = list[Digests](), {name: _PartWriter(self.folder / name) for name in ("deleted", "rows")}
        with ExitStack() as closing:
            for name, writer in writers.items():
                writer.open(closing, pa.schema(fields, self._place(name)))
            for batch in found.batches:
                fresh, digests = self._fresh(pa.Table.from_batches([batch]), last, extract)
                newest.append(digests)
                for name, rows in self._divided(fresh).items():
                    writers[name].write(rows.select(names))
        parts = {name: writer.part for name, writer in writers.items() if writer.part.rows}
        if parts:
            self.newest = np.unique(np.concatenate(newest))
        if not self.terms.withdraws and (left_out := parts.pop("deleted", None)) is not None:
            logger().info(line("deleted_values_left_out", rows=left_out.rows))
        return parts

    def _divided(self, rows: pa.Table) -> dict[str, pa.Table]:
        """Return the rows that are deleted, and the others."""
        if self.database.deleted_at is None:
            return {"rows": rows}
        return {"deleted": rows.filter(rows[DELETED]), "rows": rows.filter(pc.invert(rows[DELETED]))}

    def _place(self, part: str) -> dict[str, str]:
        """Return what makes the content of a delivery another one than that of an earlier one with equal rows.

        A value that was changed and changed back is new, and so are the same rows in another landing zone. What a
        killed night has read has the same place when it is read again.
        """
        end = " deleted" if part == "deleted" else ""
        return {"leeway": f"{self.terms.zone} after {self.last.key if self.last else 'nothing'}{end}"}

    def _fresh(self, rows: pa.Table, last: Extract | None, extract: Extract) -> tuple[pa.Table, Digests]:
        """Return the rows that were not read before, and the digests of those that the next night will read again."""
        values = rows[COMPARED]
        is_read_again = _is_after(values, extract.read_again_from(self.database))
        may_be_known = np.full(rows.num_rows, last is not None and len(self.known) > 0)
        digests, needed = np.zeros(rows.num_rows, dtype=np.uint64), is_read_again | may_be_known
        digests[needed] = row_digests(rows.filter(pa.array(needed)))
        is_known = may_be_known & are_among(digests, self.known)
        return rows.filter(pa.array(~is_known)), digests[is_read_again]


class _PartWriter:
    """Writes rows to an encrypted file."""

    def __init__(self, path: Path) -> None:
        self._path, self._file, self._rows = path, SealedFile(path), 0

    def open(self, closing: ExitStack, schema: pa.Schema) -> None:
        """Begin the file, which ends with a stack."""
        self._schema = schema
        closing.enter_context(self._file)
        self._writer = closing.enter_context(pq.ParquetWriter(self._file, schema, compression="zstd"))

    def write(self, rows: pa.Table) -> None:
        """Append rows."""
        self._writer.write_table(rows.cast(self._schema))
        self._rows += rows.num_rows

    @property
    def part(self) -> _Part:
        """What was written."""
        return _Part(self._file, self._path.stat().st_size, self._rows)


def _is_after(values: pa.ChunkedArray, watermark: Watermark) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.greater(values, pa.scalar(watermark.value, values.type)), dtype=bool)
