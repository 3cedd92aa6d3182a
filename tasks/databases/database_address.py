"""Addresses of databases: in a spec, or in the variable that it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from tasks.errors import SourceError

Engine = Literal["postgresql", "sqlite", "duckdb"]
ENGINES: Mapping[str, Engine] = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "sqlite": "sqlite",
    "duckdb": "duckdb",
}
EXPECTED = "expected postgresql://user@host/name, sqlite:///file or duckdb:///file"


def database_address(uri: str, environment: Mapping[str, str], folder: Path | None = None) -> str:
    """Return the address of a database: `uri` itself, or the value of the variable that it names.

    Parameters
    ----------
    folder : Path, optional
        What the path of a file is relative to.

    Raises
    ------
    SourceError
        The variable is not set, or has no address that is known.

    Examples
    --------
    >>> database_address("env:RIDES", {"RIDES": "postgresql://reader:secret@db/rides"})
    'postgresql://reader:secret@db/rides'
    >>> database_address("sqlite:///rides.db", {}, Path("/projects/rides"))
    'sqlite:////projects/rides/rides.db'
    """
    name = uri.removeprefix("env:")
    address = uri if name == uri else environment.get(name, "")
    where = repr(uri) if name == uri else f"the variable {name}"
    if not address:
        raise SourceError(
            f"{where} is not set; expected the address of a database, such as postgresql://user@host/name"
        )
    scheme, _, rest = address.partition("://")
    if scheme not in ENGINES:
        raise SourceError(f"{where} has no address of a database that is known; {EXPECTED}")
    if engine_of(address) == "postgresql":
        return address
    if not rest.startswith("/") or len(rest) < len("/a"):
        raise SourceError(f"{where} names no file; {EXPECTED}, with four slashes for an absolute path")
    return f"{scheme}:///{(folder or Path()) / unquote(rest[1:])}"


def engine_of(address: str) -> Engine:
    """Return which engine has an address that `database_address` returned.

    >>> engine_of("postgres://reader@db/rides")
    'postgresql'
    """
    return ENGINES[address.partition("://")[0]]


def file_of(address: str) -> Path:
    """Return the file of an address that `database_address` returned.

    >>> file_of("sqlite:////projects/rides.db").as_posix()
    '/projects/rides.db'
    """
    return Path(address.partition(":///")[2])


def is_there(address: str) -> bool:
    """Return whether there is something to open at an address: a server, or a file that exists."""
    return engine_of(address) == "postgresql" or file_of(address).exists()
