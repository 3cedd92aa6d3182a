"""Opens a transaction that writes to a database, whatever its engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tasks.databases.database_address import engine_of, file_of
from tasks.databases.postgresql import session
from tasks.databases.postgresql_writer import PostgresWriter
from tasks.databases.sqlite_file import sqlite_session
from tasks.databases.sqlite_writer import SqliteWriter
from tasks.databases.table_writer import TableWriter
from tasks.errors import SourceError


@contextmanager
def open_writer(
    address: str,
    environment: Mapping[str, str],
    timeout_minutes: float,
    *,
    is_private: bool = False,
    writes: bool = True,
) -> Iterator[TableWriter]:
    """Yield a transaction that is committed when the block ends; after an error nothing of it is.

    Parameters
    ----------
    address : str
        As `database_address` returns it.
    environment : mapping of str to str
        For the variables of libpq.
    is_private : bool
        Whether no message may quote what the database says, which may have a cell.
    writes : bool
        Whether it may write; else the database refuses it.

    Raises
    ------
    SourceError
        The database refuses.
    Unreachable
        It does not respond, or takes too long.
    """
    engine = engine_of(address)
    if engine == "duckdb":
        raise SourceError("answers cannot be written to DuckDB; expected a table of PostgreSQL or SQLite")
    if engine == "sqlite":
        with sqlite_session(file_of(address), timeout_minutes, is_private=is_private, writes=writes) as connection:
            yield SqliteWriter(connection)
        return
    with session(address, environment, timeout_minutes, is_private=is_private, writes=writes) as cursor:
        yield PostgresWriter(cursor, is_private)
