"""A Delta table as a landing zone: each version since the last night is a delivery."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import Conflict, SourceError, Unreachable
from tasks.ingest.delta.row_changes import OWN, RowChanges, plain
from tasks.ingest.delta.table_folder import TableFolder
from tasks.ingest.delta.version_part import VersionPart, newest_version, part_name
from tasks.ingest.delta.version_rows import version_rows
from tasks.ingest.readers.bounds import DEFAULT, Bounds
from tasks.ingest.readers.sealed_file import SealedFile
from tasks.ingest.sources.stored_objects import StoredObject, copied
from tasks.logs import line, logger

if TYPE_CHECKING:
    from deltalake import DeltaTable

WITHOUT_ROWS = frozenset({"OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES", "CREATE TABLE", "FSCK"})
"""Operations that leave every row as it is."""
STORE = ("Generic S3 error", "error sending request", "connection", "timed out", "Connection")
"""What is in the message of an error of a store, which may pass."""


@dataclass(frozen=True)
class DeltaTerms:
    """What is read of a Delta table.

    Attributes
    ----------
    zone : str
        The landing zone: two may have the same table.
    key : sequence of str
        The columns that make the id of a row; none where deletions do not count.
    dropped : frozenset of str
        The columns that are never delivered.
    most_rows : int or None
        How many rows of a whole version are read; by default all.
    bounds : Bounds
        How much may be in memory.
    """

    zone: str
    key: Sequence[str]
    dropped: frozenset[str]
    most_rows: int | None = None
    bounds: Bounds = DEFAULT

    def chosen(self, names: Iterable[str]) -> list[str]:
        """Return the columns that are delivered."""
        return [name for name in names if name not in self.dropped and name not in OWN]


@dataclass
class DeltaSource:
    """The versions of a Delta table that are new, each as a Parquet file of its rows, and one of those that are gone.

    The first time, and where a version is no longer there, all rows of the newest version are one delivery. The files
    are encrypted with a key of this process, and must be gone with their folder when the night has read them.

    Parameters
    ----------
    uri : str
        A folder, or `s3://bucket/prefix`.
    options : mapping of str to str
        Storage options for S3.
    terms : DeltaTerms
        Which columns are read.
    taken : collection of str
        The names of the deliveries that were taken in.
    folder : Path
        An empty folder for the files.
    moment : datetime
        The present, with its time zone.
    time_zone : str
        The project's time zone.
    """

    uri: str
    options: Mapping[str, str]
    terms: DeltaTerms
    taken: Collection[str]
    folder: Path
    moment: datetime
    time_zone: str
    _files: dict[str, SealedFile] = field(default_factory=dict, init=False)

    @property
    def exists(self) -> bool:
        """Return True: a table is there, or reading it is an error."""
        return True

    def list(self) -> list[StoredObject]:
        """Read what is new, and return it in the order of the versions; nothing if nothing is.

        Raises
        ------
        SourceError
            There is no Delta table, or it cannot be read: see `TableFolder` for what is refused before it is read.
        Unreachable
            The store does not answer.
        """
        with self._faults():
            self._own_files.refuse_unsafe_log()
            table = self._table()
            of = hashlib.sha256(f"{self.uri} {table.metadata().id}".encode()).hexdigest()[:8]
            last = newest_version(self.taken, of)
            if last is not None and last.version <= table.version():
                try:
                    return [*self._versions(table, of, last)]
                except FileNotFoundError as error:
                    logger().warning(line("delta_version_gone", after=last.version, why=error))
            moment = self._commits(table, 1).get(table.version(), (self.moment, ""))[0]
            return [*self._written(of, VersionPart(table.version(), "all"), moment, self._scan(table))]

    def unfollowed(self) -> tuple[str, ...]:
        """Return no key: a table has no links."""
        return ()

    def read(self, key: str) -> bytes:
        """Raise SourceError: what a night has read of a table is kept in the lake only."""
        raise SourceError(f"{key!r} was read from a Delta table and is not kept as a file")

    def copy(self, listed: StoredObject, out: BinaryIO) -> str:
        """Write what was read to an empty file; return the sha256 of its content.

        Raises
        ------
        Conflict
            When it was not listed before.
        """
        file = self._files.get(listed.key)
        if file is None:
            raise Conflict(f"{listed.key!r} was not read from the table; a later night reads it")
        with file.opened() as content:
            return copied(content, out)

    def _table(self, version: int | None = None) -> DeltaTable:
        from deltalake import DeltaTable

        return DeltaTable(self.uri, version=version, storage_options=dict(self.options) or None)

    @cached_property
    def _own_files(self) -> TableFolder:
        from deltalake.fs import DeltaStorageHandler
        from pyarrow.fs import PyFileSystem

        system = PyFileSystem(DeltaStorageHandler(self.uri, dict(self.options) or None))
        return TableFolder(self.uri, system, self.folder, self.terms.bounds)

    def _looked_at(self, version: int) -> DeltaTable:
        """Return the table as it was at a version, of which every file was looked at."""
        table = self._table(version)
        self._refuse_unsafe(table)
        return table

    def _refuse_unsafe(self, table: DeltaTable) -> None:
        self._own_files.refuse_unsafe(pa.table(table.get_add_actions(flatten=True))["path"].to_pylist())

    def _versions(self, table: DeltaTable, of: str, last: VersionPart) -> Iterator[StoredObject]:
        """Yield what is new: of the last version too if its own rows may not have been taken in."""
        first = last.version + (last.part != "deleted")
        commits = self._commits(table, table.version() - first + 1)
        for version in range(first, table.version() + 1):
            moment, operation = commits.get(version, (self.moment, ""))
            if operation in WITHOUT_ROWS:
                continue
            self._own_files.refuse_unsafe(self._own_files.read_by(version))
            found = version_rows(table, self._looked_at, version)
            if found is None:
                continue
            names = self.terms.chosen(found.names)
            key = self.terms.key if set(self.terms.key) <= set(names) else ()  # else its contract refuses the rows
            changes = RowChanges.of(found.read, names, key)
            if key:
                yield from self._written(of, VersionPart(version, "deleted"), moment, changes.deleted())
            yield from self._written(of, VersionPart(version, "rows"), moment, changes.rows())

    def _commits(self, table: DeltaTable, count: int) -> dict[int, tuple[datetime, str]]:
        """Return when each of the newest versions was committed, never before an earlier one, and how."""
        latest, found = datetime.min.replace(tzinfo=UTC), dict[int, tuple[datetime, str]]()
        for entry in sorted(table.history(max(count, 1)), key=lambda entry: entry["version"]):
            written = datetime.fromtimestamp(entry["timestamp"] / 1000, tz=UTC) if "timestamp" in entry else self.moment
            latest = max(latest, min(written, self.moment))
            found[entry["version"]] = latest, str(entry.get("operation", ""))
        return found

    def _scan(self, table: DeltaTable) -> Iterator[pa.Table]:
        self._refuse_unsafe(table)
        names, rows = self.terms.chosen(column.name for column in table.schema().fields), 0
        for batch in pa.RecordBatchReader.from_stream(table.scan(columns=names)):
            yield plain(batch).select(names)
            rows += batch.num_rows
            if self.terms.most_rows is not None and rows >= self.terms.most_rows:
                return

    def _written(
        self, of: str, what: VersionPart, moment: datetime, tables: Iterable[pa.Table]
    ) -> Iterator[StoredObject]:
        """Write rows to a file; yield it if there are any and it was not taken in before."""
        key = part_name(moment.astimezone(ZoneInfo(self.time_zone)).date(), of, what.version, what.part)
        if key in self.taken:
            return
        path, writer, rows = self.folder / key, None, 0
        with SealedFile(path) as file:
            for table in tables:
                if writer is None:
                    place = {"leeway": f"{self.terms.zone} {of} {what.version} {what.part}"}
                    writer = pq.ParquetWriter(file, table.schema.with_metadata(place), compression="zstd")
                writer.write_table(table.replace_schema_metadata(writer.schema.metadata))
                rows += table.num_rows
            if writer is not None:
                writer.close()
        if rows:
            self._files[key] = file
            yield StoredObject(key, path.stat().st_size, moment)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        from deltalake.exceptions import DeltaError, TableNotFoundError

        try:
            yield
        except TableNotFoundError as error:
            raise SourceError(f"{self.uri} is no Delta table; expected a folder with _delta_log: {error}") from error
        except (OSError, DeltaError, pa.ArrowException) as error:
            if any(word in str(error) for word in STORE):
                raise Unreachable(f"the store of {self.uri} did not answer: {error}") from error
            raise SourceError(f"the Delta table {self.uri} cannot be read: {error}") from error
