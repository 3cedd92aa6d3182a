"""A transaction that writes to the file of a SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from tasks.databases.sql_names import literal, quoted
from tasks.databases.table_writer import Kind, SqlType

BATCH_ROWS = 10_000
MOMENT = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class SqliteWriter:
    """A `TableWriter` of SQLite, which has no types for days, instants and lists: they are texts, lists as JSON."""

    connection: sqlite3.Connection
    types: ClassVar[Mapping[Kind, SqlType]] = {
        "text": SqlType("TEXT", frozenset({"TEXT"})),
        "whole": SqlType("INTEGER", frozenset({"INTEGER"})),
        "real": SqlType("REAL", frozenset({"REAL"})),
        "truth": SqlType("INTEGER", frozenset({"INTEGER", "BOOLEAN"})),
        "day": SqlType("TEXT", frozenset({"TEXT", "DATE"})),
        "moment": SqlType("TEXT", frozenset({"TEXT", "DATETIME", "TIMESTAMP"})),
        "reals": SqlType("TEXT", frozenset({"TEXT", "JSON"})),
    }

    def run(self, text: str) -> None:
        """See `TableWriter`."""
        self.connection.execute(text)

    def rows(self, text: str) -> list[tuple[Any, ...]]:
        """See `TableWriter`."""
        return self.connection.execute(text).fetchall()

    def batches(self, text: str) -> Iterator[pa.Table]:
        """See `TableWriter`."""
        cursor = self.connection.execute(text)
        names = [column[0] for column in cursor.description]
        while rows := cursor.fetchmany(BATCH_ROWS):
            yield pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))

    def lock(self, table: str) -> None:
        """See `TableWriter`: one transaction at a time writes to the file."""

    def columns(self, table: str) -> dict[str, str]:
        """See `TableWriter`."""
        found = self.rows(f"SELECT name, type FROM {_pragma('table_info', table)}")  # noqa: S608 - quoted
        return {name: kind.upper() for name, kind in found}

    def unique_keys(self, table: str) -> list[frozenset[str]]:
        """See `TableWriter`; one that is partial, or of an expression, is none."""
        keys = self.rows(f'SELECT name FROM {_pragma("index_list", table)} WHERE "unique" AND NOT partial')  # noqa: S608 - quoted
        columns = [self.rows(f"SELECT name FROM {_pragma('index_info', name)}") for (name,) in keys]  # noqa: S608 - quoted
        return [frozenset(name for (name,) in names) for names in columns]

    def give(self, rows: pa.Table) -> str:
        """See `TableWriter`."""
        names = ", ".join(map(quoted, rows.column_names))
        places = ", ".join("?" * rows.num_columns)
        self.connection.execute("DROP TABLE IF EXISTS temp.leeway_given")
        self.connection.execute(f"CREATE TEMP TABLE leeway_given ({names})")
        for batch in rows.to_batches(max_chunksize=BATCH_ROWS):
            cells = [_cells(column) for column in batch.columns]
            self.connection.executemany(
                f"INSERT INTO temp.leeway_given VALUES ({places})",  # noqa: S608 - only places
                zip(*cells, strict=True),
            )
        return "temp.leeway_given"


def _cells(column: pa.Array) -> list[Any]:
    """Return values as SQLite stores them.

    >>> _cells(pa.array([[0.5, 0.5], None], pa.list_(pa.float64())))
    ['[0.5, 0.5]', None]
    >>> _cells(pa.array([0], pa.timestamp("us", "UTC")))
    ['1970-01-01 00:00:00.000000+00:00']
    """
    kind = column.type
    if pa.types.is_list(kind):
        return [None if each is None else json.dumps(each) for each in column.to_pylist()]
    if pa.types.is_timestamp(kind):
        return [None if text is None else f"{text}+00:00" for text in pc.strftime(column, MOMENT).to_pylist()]
    if pa.types.is_date(kind):
        return list(pc.strftime(column, "%Y-%m-%d").to_pylist())
    return list(column.to_pylist())


def _pragma(name: str, of: str) -> str:
    """Return a pragma as a table.

    >>> _pragma("table_info", "main.rides"), _pragma("table_info", "rides")
    ("pragma_table_info('rides', 'main')", "pragma_table_info('rides')")
    """
    schema, _, table = of.rpartition(".")
    return f"pragma_{name}({', '.join(map(literal, [table, *([schema] if schema else [])]))})"
