"""Connections to PostgreSQL: in one transaction, with a time limit, and encrypted to other machines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import pyarrow as pa

from tasks.databases.arrow_batches import arrow_batches
from tasks.errors import SourceError, Unreachable

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Cursor

CONNECT_SECONDS = 20
ONE_STATE = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
SETTINGS = (
    "SET LOCAL TIME ZONE 'UTC'",
    "SET LOCAL datestyle = 'ISO'",
)
LOCAL_HOSTS = ("", "localhost", "127.0.0.1", "::1")
TEMPORARY = ("08", "40", "53", "55", "57", "58")  # classes of SQLSTATE: connection, conflict, resources, operator
REFUSED = ("does not exist", "authentication failed", "no password supplied", "no pg_hba.conf entry", "Wrapping")
"""Words of messages without a SQLSTATE that stay the same when it is tried again; the last is of a text's encoding."""
INVALID = ("[libpq] Failed to connect: invalid", "[libpq] Failed to connect: end of string")
SQLSTATE = re.compile(r"SQLSTATE:? ?([0-9A-Z]{5})")
UNREADABLE = (
    "the address of the database cannot be read; expected postgresql://user@host/name, with each of / ? # @ : in the "
    "user and the password percent-encoded"
)


def with_defaults(address: str, environment: Mapping[str, str]) -> str:
    """Return an address with our choices where neither it nor libpq's variables make one.

    The connection to another machine is encrypted, and given up soon if there is no answer.

    Raises
    ------
    SourceError
        A user or password has a character that must be percent-encoded, by which the address would be another one.

    Examples
    --------
    >>> with_defaults("postgresql://reader@db/rides", {})
    'postgresql://reader@db/rides?connect_timeout=20&application_name=leeway&sslmode=require'
    >>> with_defaults("postgresql://reader@localhost/rides?connect_timeout=3", {})
    'postgresql://reader@localhost/rides?connect_timeout=3&application_name=leeway'
    >>> with_defaults("postgresql:///rides?host=/run/postgresql", {"PGSSLMODE": "verify-full"})
    'postgresql:///rides?host=/run/postgresql&connect_timeout=20&application_name=leeway'
    """
    rest = address.partition("://")[2]
    authority, query = re.split(r"[/?#]", rest, maxsplit=1)[0], rest.partition("?")[2]
    if "#" in rest or rest.count("@") > 1 or rest.count("@") != authority.count("@"):
        raise SourceError(UNREADABLE)
    given = dict(parse_qsl(query, keep_blank_values=True))
    ours = {"connect_timeout": str(CONNECT_SECONDS), "application_name": "leeway"}
    if "PGSSLMODE" not in environment and not _is_local(authority, given, environment):
        ours["sslmode"] = "require"
    missing = urlencode({name: value for name, value in ours.items() if name not in given})
    return f"{address}{'&' if query else '?' if '?' not in address else ''}{missing}" if missing else address


def _is_local(authority: str, given: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    """Return whether every machine that an address may mean is this one.

    >>> _is_local("me@localhost:5432,db", {}, {}), _is_local("localhost", {"hostaddr": "10.0.0.5"}, {})
    (False, False)
    >>> _is_local("[::1]:5432", {}, {}), _is_local("", {}, {}), _is_local("", {}, {"PGHOST": "db"})
    (True, True, False)
    """
    named = [re.sub(r":\d*$", "", each).strip("[]") for each in authority.rpartition("@")[2].split(",")]
    hosts = [each for each in (*named, *given.get("host", "").split(",")) if each] or [environment.get("PGHOST", "")]
    hosts += [given.get("hostaddr") or environment.get("PGHOSTADDR", "")]
    return all(host in LOCAL_HOSTS or host.startswith("/") for each in hosts for host in each.split(","))


@contextmanager
def session(
    address: str,
    environment: Mapping[str, str],
    timeout_minutes: float,
    *,
    is_private: bool = False,
    writes: bool = False,
) -> Iterator[Cursor]:
    """Yield a cursor in a read-only transaction that sees one state of the database, or in one that writes.

    Parameters
    ----------
    timeout_minutes : int
        The longest duration of a statement.
    is_private : bool
        Whether no message may quote what the database says, which may have a cell.
    writes : bool
        Whether what is written is committed at the end; after an error nothing of it is.

    Raises
    ------
    SourceError
        The database refuses: no such user, table or column, or no right to read it.
    Unreachable
        It does not respond, ends the connection, or takes too long.
    """
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError as error:
        raise SourceError(
            f"{error}; expected the drivers of databases: install them with `pip install 'leeway[databases]'`"
        ) from error
    with (
        our_errors(address, is_private=is_private),
        closing(dbapi.connect(with_defaults(address, environment))) as connection,
        connection.cursor() as cursor,
    ):
        for setting in SETTINGS if writes else (ONE_STATE, *SETTINGS):
            cursor.execute(setting)  # the isolation is the first statement of a transaction
        cursor.execute(f"SET LOCAL statement_timeout = {round(timeout_minutes * 60_000)}")  # milliseconds
        yield cursor
        if writes:
            connection.commit()
        else:
            connection.rollback()


@contextmanager
def our_errors(address: str, *, is_private: bool = False) -> Iterator[None]:
    """Raise what the driver raises as an error of ours, without the password in the address."""
    from adbc_driver_manager.dbapi import Error as DriverError

    try:
        yield
    except DriverError as error:
        text = str(error).strip()
        for secret in _secrets(address):
            text = text.replace(secret, "***")
        raise _translated(text, error.sqlstate or "", is_private=is_private) from None


def batches_of(reader: pa.RecordBatchReader, *, is_private: bool) -> Iterator[pa.RecordBatch]:
    """Return an iterator over what a query returns; an error in the middle of it is one of ours.

    Raises
    ------
    SourceError
        A row cannot be read.
    Unreachable
        The connection was cut, or the statement took too long.
    """

    def ours(error: Exception) -> Exception:
        state = SQLSTATE.search(str(error))
        return _translated(str(error).strip(), state[1] if state else "", is_private=is_private)

    return arrow_batches(reader, ours)


def _translated(text: str, state: str, *, is_private: bool) -> SourceError | Unreachable:
    """Return an error of ours: whether it may pass is known by its SQLSTATE, or else by its words.

    >>> type(_translated("FATAL: terminating connection", "57P01", is_private=False)).__name__
    'Unreachable'
    >>> str(_translated('invalid input syntax: "Ann"', "22P02", is_private=True))
    'the database refuses: SQLSTATE 22P02'
    """
    if not state and text.partition(": ")[2].startswith(INVALID):
        return SourceError(UNREADABLE)
    said = (f"SQLSTATE {state}" if state else "no SQLSTATE") if is_private else text
    if state[:2] not in TEMPORARY if state else _is_refusal(text):
        return SourceError(f"the database refuses: {said}")
    return Unreachable(f"the database did not answer: {said}")


def _is_refusal(text: str) -> bool:
    """Return whether a message without a SQLSTATE stays the same when it is tried again.

    >>> _is_refusal("ERROR:  division by zero"), _is_refusal("ERROR:  canceling statement due to statement timeout")
    (True, False)
    """
    ended = any(word in text for word in ("cancel", "terminat", "closed the connection"))
    return any(sign in text for sign in REFUSED) or ("ERROR:  " in text and not ended)


def _secrets(address: str) -> list[str]:
    """Return the address and its password; a message must show neither.

    >>> _secrets("postgresql://reader:se%20cret@db/rides")
    ['postgresql://reader:se%20cret@db/rides', 'se%20cret', 'se cret']
    """
    try:
        parts = urlsplit(address)
        passwords = [parts.password or "", dict(parse_qsl(parts.query)).get("password", "")]
    except ValueError:
        passwords = []
    known = [address, *passwords, *map(unquote, passwords)]
    return list(dict.fromkeys(each for each in known if each))
