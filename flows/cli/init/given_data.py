"""What `leeway init` is given: files, a Delta table, or a table of a database."""

from __future__ import annotations

from pathlib import Path

from flows.cli.init.delta_rows import GivenDelta, is_delta
from flows.cli.init.table_sample import GivenTable
from tasks.databases import database_address
from tasks.errors import SpecError
from tasks.spec.landing_sections.database_section import Database, is_database


def given_data(data: str, *, table: str | None, changed_at: str | None) -> Path | GivenTable | GivenDelta:
    """Return the path of files, a Delta table, or the table of a database, of which a path becomes absolute.

    Raises
    ------
    SpecError
        A database without a table, or the other way round.

    Examples
    --------
    >>> given_data("landing", table=None, changed_at=None).name
    'landing'
    >>> given_data("env:RIDES", table="public.rides", changed_at="updated_at").project
    'rides'
    """
    if not is_database(data):
        if table is not None or changed_at is not None:
            raise SpecError([f"--table and --changed-at are of a database; found the files {data!r}"])
        folder = Path(data).expanduser()
        return GivenDelta(folder) if is_delta(folder) else Path(data)
    if table is None or changed_at is None:
        raise SpecError(["a database needs --table, and --changed-at, the column that grows with each change of a row"])
    return GivenTable(_absolute(data), Database(table=table, changed_at=changed_at))


def _absolute(uri: str) -> str:
    """Return an address, with the absolute path of a file: the project has another folder.

    >>> _absolute("env:RIDES"), _absolute("sqlite:////data/rides.db")
    ('env:RIDES', 'sqlite:////data/rides.db')
    """
    return database_address(uri, {}, Path.cwd()) if uri.startswith(("sqlite:", "duckdb:")) else uri
