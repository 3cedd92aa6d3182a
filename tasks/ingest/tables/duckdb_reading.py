"""Reads a table of DuckDB, with the SQL of PostgreSQL, which it understands."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.databases import duckdb_batches
from tasks.ingest.tables.increment_query import extent_query, relation, rows_query
from tasks.ingest.tables.table_reading import Extent, Increment
from tasks.ingest.tables.watermark import Watermark
from tasks.spec.landing_sections.database_section import Database

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BATCH_ROWS = 50_000
NAMES = {
    "BOOLEAN": "bool",
    "TINYINT": "int2",
    "SMALLINT": "int2",
    "INTEGER": "int4",
    "BIGINT": "int8",
    "FLOAT": "float4",
    "DOUBLE": "float8",
    "VARCHAR": "text",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
}
"""Types by their name in DuckDB, and that of the same values in PostgreSQL; all others are read as text."""


@dataclass(frozen=True)
class DuckdbReading:
    """A `TableReading` of DuckDB; `is_private` says whether no message may quote a cell."""

    connection: DuckDBPyConnection
    is_private: bool

    def types(self, database: Database) -> Mapping[str, str]:
        """See `TableReading`."""
        found = self.connection.execute(f"DESCRIBE SELECT * FROM {relation(database)}").fetchall()  # noqa: S608 - names are quoted
        return {name: NAMES.get(kind, kind.lower()) for name, kind, *_ in found}

    def extent(self, database: Database, kind: str, since: Watermark | None) -> Extent | None:
        """See `TableReading`."""
        found = self.connection.sql(extent_query(database, kind, since)).to_arrow_table().to_pylist()
        return Extent(*found[0].values()) if found else None

    def increment(
        self,
        database: Database,
        types: Mapping[str, str],
        names: Sequence[str],
        wanted: Collection[str],
        since: Watermark | None,
    ) -> Increment:
        """See `TableReading`."""
        asked = self.connection.sql(rows_query(database, types, names, wanted, since))
        reader = asked.to_arrow_reader(BATCH_ROWS)
        return Increment(reader.schema, duckdb_batches(reader, is_private=self.is_private))
