"""The SQL that reads what is new in a table of PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tasks.databases import quoted, relation_name
from tasks.ingest.tables.watermark import NUMBERED, Watermark
from tasks.spec.landing_sections.database_section import Database

AS_THEY_ARE = frozenset({"bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar"})
"""Types with the same values in Arrow; all others are read as PostgreSQL writes them in text."""
DAYS = frozenset({"date", "timestamp", "timestamptz"})
"""Types of which Arrow has equal values for the years 1 to 9999, and PostgreSQL others: infinity, and years BC."""
AS_NUMBERS = frozenset({"money"})  # its text has a currency
FIRST_DAY = "'0001-01-01'"
NOW = {"timestamptz": "now()", "timestamp": "(now() AT TIME ZONE 'UTC')"}
LATEST = {"timestamptz": "now()", "timestamp": "((now() AT TIME ZONE 'UTC') + interval '1 day')"}
"""The largest time that is read, by type; without a zone it may be that of a clock that is ahead of UTC."""
COMPARED = "leeway changed_at"
"""What `changed_at` is called next to the columns that are delivered."""
DELETED = "leeway deleted"
"""What it is called whether `deleted_at` has a value."""


def relation(database: Database) -> str:
    """Return what is read: a table, or a query in parentheses.

    >>> relation(Database(table="public.rides", changed_at="at"))
    '"public"."rides"'
    >>> print(relation(Database(query="SELECT 1 AS a; ", changed_at="a")))
    (SELECT 1 AS a
    ) AS extracted
    """
    if database.table is not None:
        return relation_name(database.table)
    return f"({(database.query or '').strip().rstrip(';').rstrip()}\n) AS extracted"


def newest_rows(database: Database, rows: int) -> Database:
    """Return the same database with a query for the newest rows of its table.

    >>> newest_rows(Database(table="rides", changed_at="at"), 9).query
    'SELECT * FROM "rides" WHERE "at" IS NOT NULL ORDER BY "at" DESC LIMIT 9'
    """
    column = quoted(database.changed_at)
    live = "" if database.deleted_at is None else f" AND {quoted(database.deleted_at)} IS NULL"
    query = f"SELECT * FROM {relation(database)} WHERE {column} IS NOT NULL{live} ORDER BY {column} DESC LIMIT {rows}"  # noqa: S608 - names are quoted, values our own
    return database.model_copy(update={"table": None, "query": query})


def columns_query(database: Database) -> str:
    """Return the query that has every column and no row."""
    return f"SELECT * FROM {relation(database)} LIMIT 0"  # noqa: S608 - names are quoted, values our own


def extent_query(database: Database, kind: str, since: Watermark | None) -> str:
    """Return the query for the present, the largest value of `changed_at`, and the rows without one that can be read.

    A time that is ahead of the present counts as the present, or the row that has it would hide others.

    Parameters
    ----------
    kind : str
        The type of `changed_at`.
    since : Watermark or None
        Only later rows are looked at.

    Examples
    --------
    >>> print(extent_query(Database(table="rides", changed_at="at"), "int8", Watermark(7)))
    SELECT now(), max("at"), (SELECT count(*) FROM "rides" WHERE "at" IS NULL) FROM "rides" WHERE "at" > 7
    """
    column = quoted(database.changed_at)
    largest = f"max({column})" if kind in NUMBERED else f"LEAST(max({column}), {NOW[kind]})"
    unread = f"{column} IS NULL" if kind in NUMBERED else f"{column} IS NULL OR {column} < {FIRST_DAY}"
    without = f"SELECT count(*) FROM {relation(database)} WHERE {unread}"  # noqa: S608 - names are quoted, values our own
    return f"SELECT now(), {largest}, ({without}) FROM {relation(database)}{bounds(column, kind, since)}"  # noqa: S608 - names are quoted, values our own


def rows_query(
    database: Database, types: Mapping[str, str], names: Sequence[str], wanted: Collection[str], since: Watermark | None
) -> str:
    """Return the query for the rows after a watermark, with `changed_at` as `COMPARED`, and `DELETED` if it is known.

    Parameters
    ----------
    types : mapping of str to str
        The type of each column, as PostgreSQL calls it.
    names : sequence of str
        The columns that are read.
    wanted : collection of str
        Of these, the ones that the project uses: their days are read as text, so that each cell can be judged.

    Examples
    --------
    >>> types, database = {"id": "int8", "fare": "numeric"}, Database(table="rides", changed_at="id")
    >>> print(rows_query(database, types, ["id", "fare"], ["fare"], Watermark(9)))
    SELECT "id", "fare"::text AS "fare", "id" AS "leeway changed_at" FROM "rides" WHERE "id" > 9
    """
    column = quoted(database.changed_at)
    columns = [*(_expression(name, types[name], name in wanted) for name in names), f"{column} AS {quoted(COMPARED)}"]
    columns += (
        [] if database.deleted_at is None else [f"{quoted(database.deleted_at)} IS NOT NULL AS {quoted(DELETED)}"]
    )
    within = bounds(column, types[database.changed_at], since)
    return f"SELECT {', '.join(columns)} FROM {relation(database)}{within}"  # noqa: S608 - names are quoted, values our own


def bounds(column: str, kind: str, since: Watermark | None) -> str:
    """Return the condition on `changed_at`: not before a day that Python knows, and not in the future.

    >>> print(bounds('"at"', "timestamptz", None))
     WHERE "at" >= '0001-01-01' AND "at" <= now()
    """
    parts = [f"{column} > {since.literal}"] if since is not None else []
    if kind not in NUMBERED:
        parts += [*([] if parts else [f"{column} >= {FIRST_DAY}"]), f"{column} <= {LATEST[kind]}"]
    return f" WHERE {' AND '.join(parts)}" if parts else ""


def _expression(name: str, kind: str, is_wanted: bool) -> str:
    column = quoted(name)
    if kind in AS_THEY_ARE:
        return column
    if kind in DAYS and not is_wanted:
        return f"CASE WHEN {column} >= {FIRST_DAY} AND {column} < '10000-01-01' THEN {column} END AS {column}"
    number = "::numeric" if kind in AS_NUMBERS else ""
    return f"{column}{number}::text AS {column}"
