"""Opens a transaction that reads a table, whatever its engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tasks.databases import duckdb_session, engine_of, file_of, session, sqlite_session
from tasks.ingest.tables.duckdb_reading import DuckdbReading
from tasks.ingest.tables.postgres_reading import PostgresReading
from tasks.ingest.tables.sqlite_reading import SqliteReading
from tasks.ingest.tables.table_reading import TableReading


@contextmanager
def open_reading(
    address: str, environment: Mapping[str, str], timeout_minutes: float, *, is_private: bool
) -> Iterator[TableReading]:
    """Yield a read-only transaction.

    Parameters
    ----------
    address : str
        As `database_address` returns it.
    environment : mapping of str to str
        For the variables of libpq.
    timeout_minutes : float
        The longest duration of a statement; of a file, of the whole transaction.
    is_private : bool
        Whether no message may quote a cell.

    Raises
    ------
    SourceError
        The database refuses.
    Unreachable
        It does not respond, or takes too long.
    """
    engine = engine_of(address)
    if engine == "sqlite":
        with sqlite_session(file_of(address), timeout_minutes, is_private=is_private) as connection:
            yield SqliteReading(connection)
    elif engine == "duckdb":
        with duckdb_session(file_of(address), timeout_minutes, is_private=is_private) as connection:
            yield DuckdbReading(connection, is_private)
    else:
        with session(address, environment, timeout_minutes, is_private=is_private) as cursor:
            yield PostgresReading(cursor, is_private)
