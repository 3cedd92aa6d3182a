"""Reads a table of SQLite, in which each cell has a type of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from tasks.databases import quoted
from tasks.ingest.tables.increment_query import COMPARED, DELETED, FIRST_DAY, relation
from tasks.ingest.tables.table_reading import Extent, Increment
from tasks.ingest.tables.watermark import NUMBERED, Watermark
from tasks.spec.landing_sections.database_section import Database

BATCH_ROWS = 10_000
BATCH_BYTES = 2**26  # of texts: a view of the file may make a megabyte of each row, or more
TIMES = "%Y-%m-%d %H:%M:%f"  # in SQLite, %f is the seconds with three digits
NOW = f"strftime('{TIMES}', 'now')"
LATEST = f"strftime('{TIMES}', 'now', '+1 day')"  # a time without a zone may be that of a clock ahead of UTC
WITH_A_YEAR = "'[0-9][0-9][0-9][0-9]-*'"  # to SQLite 'now', a Julian day and a time of no day are times too
LARGEST_EXACT = 2**53
"""The largest whole number up to which each one is a value of a real."""
WITH_LARGE = 2
NO_VALUE, MIXED = "null", "cells of several types"
ARROW = {"integer": pa.int64(), "real": pa.float64(), "text": pa.string(), NO_VALUE: pa.string()}


@dataclass(frozen=True)
class SqliteReading:
    """A `TableReading` of SQLite.

    The cells of a column have the type that holds them all: whole numbers, numbers, else texts as SQLite shows them,
    also where a whole number among others is none that a real can be.
    """

    connection: sqlite3.Connection

    def types(self, database: Database) -> Mapping[str, str]:
        """See `TableReading`; only `changed_at` is looked at, of which texts are times without a zone."""
        cursor = self.connection.execute(f"SELECT * FROM {relation(database)} LIMIT 0")  # noqa: S608 - names are quoted
        types = dict.fromkeys((column[0] for column in cursor.description), "")
        if database.changed_at in types:
            (kind,) = self._kinds(relation(database), [database.changed_at])
            types[database.changed_at] = {"integer": "int8", "text": "timestamp", NO_VALUE: "timestamp"}.get(kind, kind)
        return types

    def extent(self, database: Database, kind: str, since: Watermark | None) -> Extent | None:
        """See `TableReading`."""
        compared = _compared(database.changed_at, kind)
        largest = f"max({compared})" if kind in NUMBERED else f"min(max({compared}), {NOW})"
        without = f"SELECT count(*) FROM {relation(database)} WHERE {compared} IS NULL"  # noqa: S608 - names are quoted
        now, value, missing = self.connection.execute(
            f"SELECT {NOW}, {largest}, ({without}) FROM {relation(database)}{_bounds(database, kind, since)}"  # noqa: S608 - names are quoted
        ).fetchone()
        is_text = isinstance(value, str)
        largest_value = datetime.fromisoformat(value) if is_text else value
        return Extent(datetime.fromisoformat(now).replace(tzinfo=UTC), largest_value, missing)

    def increment(
        self,
        database: Database,
        types: Mapping[str, str],
        names: Sequence[str],
        wanted: Collection[str],  # noqa: ARG002 - there are no types of days
        since: Watermark | None,
    ) -> Increment:
        """See `TableReading`."""
        kind = types[database.changed_at]
        inside = f"{relation(database)}{_bounds(database, kind, since)}"
        kinds = dict(zip(names, self._kinds(inside, names), strict=True))
        compared = pa.int64() if kind in NUMBERED else pa.timestamp("us")
        schema = pa.schema([*((name, ARROW.get(kinds[name], pa.string())) for name in names), (COMPARED, compared)])
        columns = [*map(quoted, names), _compared(database.changed_at, kind)]
        if database.deleted_at is not None:
            schema = schema.append(pa.field(DELETED, pa.bool_()))
            columns.append(f"{quoted(database.deleted_at)} IS NOT NULL")
        cursor = self.connection.execute(f"SELECT {', '.join(columns)} FROM {inside}")  # noqa: S608 - names are quoted
        own = [""] * (len(schema) - len(names))
        return Increment(schema, _batches(cursor, schema, [*kinds.values(), *own]))

    def _kinds(self, inside: str, names: Sequence[str]) -> list[str]:
        """Return the type of cell that holds all cells of each column.

        SQLite orders numbers before texts, and texts before blobs.
        """
        if not names:
            return []
        asked = [
            f"typeof(min({name})), typeof(max({name})), max(typeof({name}) = 'real') "
            f"* (1 + max(typeof({name}) = 'integer' AND {name} NOT BETWEEN -{LARGEST_EXACT} AND {LARGEST_EXACT}))"
            for name in map(quoted, names)
        ]
        found = self.connection.execute(f"SELECT {', '.join(asked)} FROM {inside}").fetchone()  # noqa: S608 - names are quoted
        return [_kind(*found[place : place + 3]) for place in range(0, len(found), 3)]


def _kind(smallest: str, largest: str, reals: int | None) -> str:
    """Return the type of cell that holds the cells between two.

    `reals` is 0 without a real among them, 1 with one, and `WITH_LARGE` if a whole number is too large for a real.

    >>> _kind("integer", "integer", 0), _kind("integer", "integer", 1), _kind("null", "null", None)
    ('integer', 'real', 'null')
    >>> _kind("text", "text", 0), _kind("integer", "text", 0), _kind("integer", "integer", 2)
    ('text', 'cells of several types', 'cells of several types')
    """
    if {smallest, largest} <= {"integer", "real"} and reals != WITH_LARGE:
        return "real" if reals else "integer"
    return smallest if smallest == largest and smallest in {"text", NO_VALUE} else MIXED


def _batches(cursor: sqlite3.Cursor, schema: pa.Schema, kinds: Sequence[str]) -> Iterator[pa.RecordBatch]:
    as_text: list[Callable[[Any], Any] | None] = [None if kind in {*ARROW, ""} else _shown for kind in kinds]
    for rows in _taken(cursor, [place for place, kind in enumerate(kinds) if kind in {"text", MIXED}]):
        columns = [
            list(cells) if convert is None else list(map(convert, cells))
            for cells, convert in zip(zip(*rows, strict=True), as_text, strict=True)
        ]
        yield pa.record_batch(
            [_column(cells, field.type) for cells, field in zip(columns, schema, strict=True)], schema
        )


def _taken(cursor: sqlite3.Cursor, texts: Sequence[int]) -> Iterator[list[tuple[Any, ...]]]:
    """Yield rows as they are read: at most `BATCH_ROWS`, and no more once they have `BATCH_BYTES`.

    Parameters
    ----------
    texts : sequence of int
        The columns with texts, or cells of several types.
    """
    rows, held_bytes = [], 0
    for row in cursor:
        rows.append(row)
        held_bytes += sum(len(cell) for place in texts if isinstance(cell := row[place], str | bytes))
        if len(rows) == BATCH_ROWS or held_bytes > BATCH_BYTES:
            yield rows
            rows, held_bytes = [], 0
    if rows:
        yield rows


def _column(cells: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(cells, pa.string()).cast(kind)
    if pa.types.is_boolean(kind):
        return pa.array(cells, pa.int8()).cast(kind)
    return pa.array(cells, kind)


def _shown(cell: object) -> str | None:
    """Return a cell as text: a blob in hexadecimal digits, a number with all of its digits.

    >>> [_shown(cell) for cell in (None, 7, 0.1 + 0.2, b"ab", "x")]
    [None, '7', '0.30000000000000004', '6162', 'x']
    """
    if cell is None:
        return None
    return cell.hex() if isinstance(cell, bytes) else str(cell)


def _compared(changed_at: str, kind: str) -> str:
    """Return the expression for what is compared: a number, or a time; no value where a text is none.

    >>> print(_compared("at", "timestamp").partition(" THEN ")[2])
    strftime('%Y-%m-%d %H:%M:%f', "at") END
    """
    column = quoted(changed_at)
    if kind in NUMBERED:
        return column
    time = f"strftime('{TIMES}', {column})"
    return f"CASE WHEN {column} GLOB {WITH_A_YEAR} AND {time} >= {FIRST_DAY} THEN {time} END"


def _bounds(database: Database, kind: str, since: Watermark | None) -> str:
    """Return the condition on `changed_at`: after a watermark, and not in the future.

    >>> rides = Database(table="rides", changed_at="at")
    >>> _bounds(rides, "int8", Watermark(7)), _bounds(rides, "int8", None)
    (' WHERE "at" > 7', ' WHERE "at" IS NOT NULL')
    >>> print(_bounds(rides, "timestamp", Watermark(datetime(2026, 3, 1, 2, 30))).split(" END ")[1][:33])
    > '2026-03-01 02:30:00.000' AND C
    """
    compared = _compared(database.changed_at, kind)
    after = f"{compared} IS NOT NULL"
    if since is not None:
        value = since.value
        after = f"{compared} > {value if isinstance(value, int) else repr(_text(value))}"
    return f" WHERE {after}" if kind in NUMBERED else f" WHERE {after} AND {compared} <= {LATEST}"


def _text(value: datetime) -> str:
    return f"{value.year:04}{value:-%m-%d %H:%M:%S}.{value.microsecond // 1000:03}"
