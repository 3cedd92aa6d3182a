"""Connections to PostgreSQL: read-only, in one snapshot, with a time limit, and encrypted to other machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from tasks.errors import SourceError, Unreachable

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Cursor

SCHEMES = ("postgresql", "postgres")
CONNECT_SECONDS = 20
SETTINGS = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",  # the first statement of a transaction
    "SET LOCAL TIME ZONE 'UTC'",
    "SET LOCAL datestyle = 'ISO'",
)
LOCAL_HOSTS = ("", "localhost", "127.0.0.1", "::1")
TEMPORARY = ("08", "40", "53", "55", "57", "58")  # classes of SQLSTATE: connection, conflict, resources, operator
REFUSED_LOGIN = ("does not exist", "authentication failed", "no password supplied", "no pg_hba.conf entry", "in URI")


def database_address(uri: str, environment: Mapping[str, str]) -> str:
    """Return the address of a database: `uri` itself, or the value of the variable that it names.

    Raises
    ------
    SourceError
        The variable is not set, or there is no address of PostgreSQL.

    Examples
    --------
    >>> database_address("env:RIDES", {"RIDES": "postgresql://reader:secret@db/rides"})
    'postgresql://reader:secret@db/rides'
    """
    name = uri.removeprefix("env:")
    address = uri if name == uri else environment.get(name, "")
    where = repr(uri) if name == uri else f"the variable {name}"
    if not address:
        raise SourceError(f"{where} is not set; expected the address of a database, postgresql://user@host/name")
    if address.partition("://")[0] not in SCHEMES:
        raise SourceError(
            f"{where} has no address of a database that can be read; expected postgresql://user@host/name"
        )
    return address


def with_defaults(address: str) -> str:
    """Return an address with our choices where it makes none: encrypted to another machine, and soon given up.

    >>> with_defaults("postgresql://reader@db/rides")
    'postgresql://reader@db/rides?sslmode=require&connect_timeout=20&application_name=leeway'
    >>> with_defaults("postgresql://reader@localhost/rides?connect_timeout=3")
    'postgresql://reader@localhost/rides?connect_timeout=3&application_name=leeway'
    """
    try:
        parts = urlsplit(address)
        given = dict(parse_qsl(parts.query, keep_blank_values=True))
        host = given.get("host", parts.hostname or "")
    except ValueError:
        raise SourceError("the address of the database cannot be read; expected postgresql://user@host/name") from None
    ours = {} if host in LOCAL_HOSTS or host.startswith("/") else {"sslmode": "require"}
    ours |= {"connect_timeout": str(CONNECT_SECONDS), "application_name": "leeway"}
    query = urlencode({**given, **{name: value for name, value in ours.items() if name not in given}}, quote_via=quote)
    return urlunsplit(parts._replace(query=query))


@contextmanager
def session(address: str, timeout_minutes: int) -> Iterator[Cursor]:
    """Yield a cursor in a read-only transaction that sees one state of the database.

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
        our_errors(address),
        closing(dbapi.connect(with_defaults(address))) as connection,
        connection.cursor() as cursor,
    ):
        for setting in SETTINGS:
            cursor.execute(setting)
        cursor.execute(f"SET LOCAL statement_timeout = '{timeout_minutes}min'")
        yield cursor
        connection.rollback()


@contextmanager
def our_errors(address: str) -> Iterator[None]:
    """Raise what the driver raises as an error of ours, without the password in the address."""
    from adbc_driver_manager.dbapi import Error as DriverError

    try:
        yield
    except DriverError as error:
        raise _translated(error, address) from None


def _translated(error: Any, address: str) -> SourceError | Unreachable:
    text, state = str(error).strip(), error.sqlstate or ""
    for secret in _secrets(address):
        text = text.replace(secret, "***")
    refused = state[:2] not in TEMPORARY if state else any(sign in text for sign in REFUSED_LOGIN)
    if refused:
        return SourceError(f"the database refuses: {text}")
    return Unreachable(f"the database did not answer: {text}")


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
