"""Real servers: one Prefect and one MLflow for all processes of a test session, and others for a test."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from flows.stack.endpoints import QUIET
from flows.stack.process_registry import alive
from tests.shared import LOG, locked, start

HOST = "127.0.0.1"
START_SECONDS = 180  # about 36 on a laptop; a shared machine is slower
STOP_SECONDS = 20
PORT_RANGE = range(20_000, 32_000, 2)  # below those that Linux gives to connections
START = os.getpid() * 997 % len(PORT_RANGE)  # processes of one session have ids that follow each other
PORTS: Iterator[int] = iter([*PORT_RANGE[START:], *PORT_RANGE[:START]])
"""The ports that this process has not given yet; each process of a session begins at another one."""


UNUSED = {
    f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false"
    for service in ("EVENT_PERSISTER", "FOREMAN", "PAUSE_EXPIRATIONS", "TASK_RUN_RECORDER", "TRIGGERS")
}
"""What Prefect's server of the session does not do: no test looks at it, and it takes as long as the runs' own rows."""


@dataclass(frozen=True)
class Server:
    """A server of the session, which perhaps does not answer yet."""

    url: str
    health: str
    home: str
    process: dict[str, float]

    def answering(self) -> str:
        """Wait until it answers; return its address."""
        wait_until_healthy(self.health, lambda: alive(self.process) is not None, Path(self.home) / LOG)
        return self.url


def mlflow_server() -> Server:
    """Start MLflow, unless a process of this session has."""

    def command(home: Path, port: int) -> list[str]:
        return [
            *(sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}"),
            *("--serve-artifacts", "--artifacts-destination", str(home / "artifacts")),
        ]

    return _of_session("mlflow", command, "", "/health")


def prefect_server() -> Server:
    """Start Prefect's server, unless a process of this session has."""

    def command(_home: Path, port: int) -> list[str]:
        return [str(Path(sys.executable).parent / "prefect"), "server", "start", "--host", HOST, "--port", str(port)]

    return _of_session("prefect", command, "/api", "/api/health")


def _of_session(name: str, command: Callable[[Path, int], Sequence[str]], path: str, health: str) -> Server:
    with locked(name) as home:
        note = home / "server.json"
        if not note.exists():
            port = free_port()
            process = start(command(home, port), home, environment_of(home) | UNUSED)
            address = f"http://{HOST}:{port}"
            note.write_text(json.dumps(asdict(Server(f"{address}{path}", f"{address}{health}", str(home), process))))
        return Server(**json.loads(note.read_text()))


@contextmanager
def serving(command: Sequence[str], home: Path, health: str) -> Iterator[None]:
    """Start a server that ends with the block, and wait until it answers."""
    log = home / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=home, env=environment_of(home), stdout=output, stderr=output, start_new_session=True
        )
    try:
        wait_until_healthy(health, lambda: server.poll() is None, log)
        yield
    finally:
        stop(server)


def environment_of(home: Path) -> dict[str, str]:
    """Return what a server finds in its environment: no other server's address."""
    environment = {**os.environ, **QUIET, "PREFECT_HOME": str(home)}
    environment.pop("PREFECT_API_URL", None)
    return environment


def free_port() -> int:
    """Return a port on which nothing listens, nor on the next one; no other call returns either of them.

    `leeway serve` has its health and metrics on the next one. The system gives none of these ports to a connection.
    """
    for port in PORTS:
        with socket.socket() as first, socket.socket() as second, suppress(OSError):
            first.bind((HOST, port))
            second.bind((HOST, port + 1))
            return port
    pytest.fail(f"none of the ports of {PORT_RANGE} is free")


def wait_until_healthy(address: str, lives: Callable[[], bool], log: Path) -> None:
    """Wait until a server answers; fail with the end of its log when it ends before, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and lives():
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own http address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    pytest.fail(f"no answer from {address}; its log ends:\n{log.read_text()[-3000:]}")


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the whole process group, so that no worker of the server outlives the block."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, how)
            server.wait(STOP_SECONDS)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
