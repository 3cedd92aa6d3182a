"""The SQL that reads what is new in a table of PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.ingest.tables.watermark import Watermark
from tasks.spec.landing_sections.database_section import Database

AS_THEY_ARE = frozenset(
    {"bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "date", "timestamp", "timestamptz"}
)
"""Types with the same values in Arrow; all others are read as PostgreSQL writes them in text."""
AS_NUMBERS = frozenset({"money"})  # its text has a currency


def quoted(name: str) -> str:
    """Return a name as PostgreSQL reads it without changing its case.

    >>> quoted("Fare"), quoted('a"b')
    ('"Fare"', '"a""b"')
    """
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def relation(database: Database) -> str:
    """Return what is read: a table, or a query in parentheses.

    >>> relation(Database(table="public.rides", changed_at="at"))
    '"public"."rides"'
    >>> print(relation(Database(query="SELECT 1 AS a; ", changed_at="a")))
    (SELECT 1 AS a
    ) AS extracted
    """
    if database.table is not None:
        return ".".join(quoted(part) for part in database.table.split("."))
    return f"({(database.query or '').strip().rstrip(';').rstrip()}\n) AS extracted"


def newest_rows(database: Database, rows: int) -> Database:
    """Return the same database with a query for the newest rows of its table.

    >>> newest_rows(Database(table="rides", changed_at="at"), 9).query
    'SELECT * FROM "rides" WHERE "at" IS NOT NULL ORDER BY "at" DESC LIMIT 9'
    """
    column = quoted(database.changed_at)
    query = f"SELECT * FROM {relation(database)} WHERE {column} IS NOT NULL ORDER BY {column} DESC LIMIT {rows}"  # noqa: S608 - see above
    return database.model_copy(update={"table": None, "query": query})


def columns_query(database: Database) -> str:
    """Return the query that has every column and no row."""
    return f"SELECT * FROM {relation(database)} LIMIT 0"  # noqa: S608 - names are quoted, values our own


def extent_query(database: Database, since: Watermark | None, until: str | None) -> str:
    """Return the query for the largest value of `changed_at`, its rows, and the rows without it.

    Parameters
    ----------
    since : Watermark or None
        Only later rows are looked at.
    until : str or None
        An expression of SQL; rows with a larger value are left for later.

    Examples
    --------
    >>> print(extent_query(Database(table="rides", changed_at="at"), Watermark(7), None))
    SELECT max("at"), count("at"), (SELECT count(*) FROM "rides" WHERE "at" IS NULL) FROM "rides" WHERE "at" > 7
    """
    column = quoted(database.changed_at)
    without = f"SELECT count(*) FROM {relation(database)} WHERE {column} IS NULL"  # noqa: S608 - names are quoted, values our own
    bounds = _bounds(column, since.literal if since else None, until)
    return f"SELECT max({column}), count({column}), ({without}) FROM {relation(database)}{bounds}"  # noqa: S608 - names are quoted, values our own


def rows_query(
    database: Database, types: Mapping[str, str], names: Sequence[str], since: Watermark | None, until: Watermark
) -> str:
    """Return the query for the rows after a watermark, up to another.

    Parameters
    ----------
    types : mapping of str to str
        The type of each column, as PostgreSQL calls it.
    names : sequence of str
        The columns that are read.

    Examples
    --------
    >>> types = {"id": "int8", "fare": "numeric"}
    >>> print(rows_query(Database(table="rides", changed_at="id"), types, ["id", "fare"], None, Watermark(9)))
    SELECT "id", "fare"::text AS "fare" FROM "rides" WHERE "id" <= 9
    """
    columns = ", ".join(_expression(name, types[name]) for name in names)
    bounds = _bounds(quoted(database.changed_at), since.literal if since else None, until.literal)
    return f"SELECT {columns} FROM {relation(database)}{bounds}"  # noqa: S608 - names are quoted, values our own


def _bounds(column: str, since: str | None, until: str | None) -> str:
    parts = [f"{column} > {since}"] if since is not None else []
    parts += [f"{column} <= {until}"] if until is not None else []
    return f" WHERE {' AND '.join(parts)}" if parts else ""


def _expression(name: str, kind: str) -> str:
    if kind in AS_THEY_ARE:
        return quoted(name)
    number = "::numeric" if kind in AS_NUMBERS else ""
    return f"{quoted(name)}{number}::text AS {quoted(name)}"
