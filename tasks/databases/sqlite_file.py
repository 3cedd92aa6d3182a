"""Connections to the file of a SQLite: in one transaction, with a time limit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Timer

import pyarrow as pa

from tasks.errors import SourceError, Unreachable

WAIT_SECONDS = 20.0
MOST_CELL_BYTES = 2**26  # of what is read: a view may make a gigabyte of a word
TEMPORARY = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_INTERRUPT", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_PROTOCOL")


@contextmanager
def sqlite_session(
    path: Path, timeout_minutes: float, *, is_private: bool = False, writes: bool = False
) -> Iterator[sqlite3.Connection]:
    """Yield a connection in a read-only transaction that sees one state of a file, or in one that writes.

    Parameters
    ----------
    timeout_minutes : float
        The longest duration.
    is_private : bool
        Whether no message may quote what SQLite says, which may have a cell.
    writes : bool
        Whether what is written is committed at the end, and the file made if it is not there; after an error nothing
        is committed.

    Raises
    ------
    SourceError
        There is no such file, table or column, or the file is of another format.
    Unreachable
        Another process keeps the file locked, or it takes too long.
    """
    is_new = writes and not path.exists() and path.parent.is_dir()
    if not path.is_file() and not is_new:
        what = "is no file" if path.exists() else "does not exist"
        raise SourceError(f"{path} {what}; expected the file of a SQLite database")
    mode = "rwc" if writes else "ro"
    with (
        sqlite_errors(is_private=is_private),
        closing(_connection(path, mode)) as connection,
        interrupted_after(timeout_minutes, connection.interrupt),
    ):
        if not writes:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_CELL_BYTES)
        connection.execute(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        yield connection
        connection.execute("COMMIT")


def _connection(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, timeout=WAIT_SECONDS, isolation_level=None, uri=True)
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    return connection


@contextmanager
def sqlite_errors(*, is_private: bool = False) -> Iterator[None]:
    """Raise what SQLite raises as an error of ours, of which the code says the kind, and so what a value raises."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", None) or "no code"
        said = code if is_private else f"{error} ({code})"
        if code.startswith(TEMPORARY):
            raise Unreachable(f"the database did not answer: {said}") from None
        raise SourceError(f"the database refuses: {said}") from None
    except (pa.ArrowException, ValueError, OverflowError) as error:
        said = type(error).__name__ if is_private else f"{error} ({type(error).__name__})"
        raise SourceError(f"a value of the database cannot be read or written: {said}") from None


@contextmanager
def interrupted_after(minutes: float, interrupt: Callable[[], object]) -> Iterator[None]:
    """Call a function if a block takes longer."""
    timer = Timer(minutes * 60, interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
