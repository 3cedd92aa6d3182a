"""Connections to the file of a DuckDB: read-only, in one transaction, with a time limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.databases.sqlite_file import interrupted_after
from tasks.errors import SourceError, Unreachable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = "1GB"
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "threads": "1",
    "memory_limit": MEMORY,
    "preserve_insertion_order": "false",
}
TEMPORARY = ("IOException", "InterruptException", "OutOfMemoryException", "ConnectionException")


@contextmanager
def duckdb_session(path: Path, timeout_minutes: float, *, is_private: bool = False) -> Iterator[DuckDBPyConnection]:
    """Yield a connection in a read-only transaction that sees one state of a file.

    A query reads this file only, whatever it names.

    Parameters
    ----------
    timeout_minutes : float
        The longest duration.
    is_private : bool
        Whether no message may quote what DuckDB says, which may have a cell.

    Raises
    ------
    SourceError
        There is no such file, table or column, or DuckDB is not installed.
    Unreachable
        Another process writes to the file, or it takes too long.
    """
    try:
        import duckdb
    except ImportError as error:
        raise SourceError(f"{error}; expected DuckDB: install it with `pip install 'leeway[duckdb]'`") from error
    if not path.exists():
        raise SourceError(f"{path} does not exist; expected the file of a DuckDB database")
    try:
        with (
            closing(duckdb.connect(str(path), read_only=True, config=CONFIG)) as connection,
            interrupted_after(timeout_minutes, connection.interrupt),
        ):
            connection.execute("SET enable_progress_bar = false")  # which is drawn even where there is no terminal
            connection.execute("BEGIN")
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
            connection.execute("ROLLBACK")
    except duckdb.Error as error:
        kind = type(error).__name__
        said = kind if is_private else f"{error} ({kind})"
        if kind in TEMPORARY and "not a valid DuckDB database" not in str(error):
            raise Unreachable(f"the database did not answer: {said}") from None
        raise SourceError(f"the database refuses: {said}") from None
