"""Connections to the file of a DuckDB: read-only, in one transaction, with a time limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tasks.databases.arrow_batches import arrow_batches
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
TEMPORARY = {
    "IO Error": "IOException",
    "INTERRUPT Error": "InterruptException",
    "Out of Memory Error": "OutOfMemoryException",
    "Connection Error": "ConnectionException",
}
"""The class of an error that may pass, by the first words of its message, which is all that Arrow passes on."""


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
    if not path.is_file():
        what = "is no file" if path.exists() else "does not exist"
        raise SourceError(f"{path} {what}; expected the file of a DuckDB database")
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
        raise _translated(str(error), type(error).__name__, is_private=is_private) from None


def duckdb_batches(reader: pa.RecordBatchReader, *, is_private: bool) -> Iterator[pa.RecordBatch]:
    """Return an iterator over what a query returns; an error in the middle of it is one of ours.

    Raises
    ------
    SourceError
        A row cannot be read.
    Unreachable
        It took too long, or too much memory.
    """

    def ours(error: Exception) -> Exception:
        kind = TEMPORARY.get(str(error).partition(": ")[0], type(error).__name__)
        return _translated(str(error), kind, is_private=is_private)

    return arrow_batches(reader, ours)


def _translated(text: str, kind: str, *, is_private: bool) -> SourceError | Unreachable:
    """Return an error of ours: whether it may pass is known by its class.

    >>> _translated('Could not convert string "Ann" to INT32', "ConversionException", is_private=True)
    SourceError('the database refuses: ConversionException')
    >>> _translated("Out of Memory Error: failed", "OutOfMemoryException", is_private=True)
    Unreachable('the database did not answer: OutOfMemoryException')
    """
    said = kind if is_private else f"{text} ({kind})"
    if kind in TEMPORARY.values() and "not a valid DuckDB database" not in text:
        return Unreachable(f"the database did not answer: {said}")
    return SourceError(f"the database refuses: {said}")
