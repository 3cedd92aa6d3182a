"""A transaction that writes to PostgreSQL; rows are copied to a temporary table first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from tasks.databases.postgresql import batches_of
from tasks.databases.sql_names import literal, relation_name
from tasks.databases.table_writer import Kind, SqlType

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Cursor

GIVEN = "leeway_given"


@dataclass(frozen=True)
class PostgresWriter:
    """A `TableWriter` of PostgreSQL.

    Parameters
    ----------
    cursor : Cursor
        In a transaction.
    is_private : bool
        See `tasks.databases.postgresql.session`.
    """

    cursor: Cursor
    is_private: bool
    types: ClassVar[Mapping[Kind, SqlType]] = {
        "text": SqlType("text", frozenset({"text", "varchar"})),
        "whole": SqlType("bigint", frozenset({"int8", "int4"})),
        "real": SqlType("double precision", frozenset({"float8"})),
        "truth": SqlType("boolean", frozenset({"bool"})),
        "day": SqlType("date", frozenset({"date"})),
        "moment": SqlType("timestamptz", frozenset({"timestamptz"})),
        "reals": SqlType("double precision[]", frozenset({"_float8"})),
    }

    def run(self, text: str) -> None:
        """See `TableWriter`."""
        self.cursor.execute(text)

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """See `TableWriter`."""
        self.cursor.execute(text)
        return self.cursor.fetchall()

    def batches(self, text: str) -> Iterator[pa.Table]:
        """See `TableWriter`."""
        self.cursor.execute(text)
        for batch in batches_of(self.cursor.fetch_record_batch(), is_private=self.is_private):
            yield pa.Table.from_batches([batch])

    def lock(self, table: str) -> None:
        """See `TableWriter`: a lock of the advisory kind, which needs no right and keeps no reader out."""
        self.cursor.execute(f"SELECT pg_advisory_xact_lock(hashtext({literal(f'leeway {table}')}))")

    def columns(self, table: str) -> dict[str, str]:
        """See `TableWriter`."""
        return dict(
            self.rows(
                "SELECT a.attname::text, t.typname::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "  # noqa: S608 - quoted
                f"WHERE a.attrelid = {_oid(table)} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
            )
        )

    def unique_keys(self, table: str) -> list[frozenset[str]]:
        """See `TableWriter`; one that is partial, or of an expression, is none."""
        found = self.rows(
            "SELECT i.indexrelid::int8, a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid "  # noqa: S608 - quoted
            f"AND a.attnum = ANY(i.indkey[0:i.indnkeyatts - 1]) WHERE i.indrelid = {_oid(table)} AND i.indisunique "
            "AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL"
        )
        return [frozenset(name for of, name in found if of == key) for key in dict.fromkeys(of for of, _ in found)]

    def give(self, rows: pa.Table) -> str:
        """See `TableWriter`."""
        self.cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{GIVEN}")
        self.cursor.adbc_ingest(GIVEN, rows, mode="create", temporary=True)
        return f"pg_temp.{GIVEN}"


def _oid(table: str) -> str:
    return f"to_regclass({literal(relation_name(table))})"
