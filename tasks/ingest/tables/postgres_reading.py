"""Reads a table of PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.databases import batches_of
from tasks.ingest.tables.increment_query import columns_query, extent_query, rows_query
from tasks.ingest.tables.table_reading import Extent, Increment
from tasks.ingest.tables.watermark import Watermark
from tasks.spec.landing_sections.database_section import Database

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Cursor

TYPE_KEY = b"POSTGRESQL:type"


@dataclass(frozen=True)
class PostgresReading:
    """A `TableReading` of PostgreSQL; `is_private` says whether no message may quote a cell."""

    cursor: Cursor
    is_private: bool

    def types(self, database: Database) -> Mapping[str, str]:
        """See `TableReading`; they are those of PostgreSQL."""
        self.cursor.execute(columns_query(database))
        schema = self.cursor.fetch_arrow_table().schema
        return {column.name: (column.metadata or {}).get(TYPE_KEY, b"").decode() for column in schema}

    def extent(self, database: Database, kind: str, since: Watermark | None) -> Extent | None:
        """See `TableReading`."""
        self.cursor.execute(extent_query(database, kind, since))
        found = self.cursor.fetchone()
        return None if found is None else Extent(*found)

    def increment(
        self,
        database: Database,
        types: Mapping[str, str],
        names: Sequence[str],
        wanted: Collection[str],
        since: Watermark | None,
    ) -> Increment:
        """See `TableReading`."""
        self.cursor.execute(rows_query(database, types, names, wanted, since))
        reader = self.cursor.fetch_record_batch()
        return Increment(reader.schema, batches_of(reader, is_private=self.is_private))
