"""Real servers, started once a test session, and projects made of the house sales that land beside the demo's spec."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.stack.local_stack import QUIET, drain_logs

START_SECONDS = 180  # about 36 on a laptop; a shared machine is slower
STOP_SECONDS = 20
HOUSES = Path(__file__).parents[1] / "deployments" / "house-prices"
Landing = Mapping[str, Mapping[str, tuple[str, str]]]


@dataclass(frozen=True)
class Server:
    """A server that was started, and perhaps does not answer yet."""

    url: str
    health: str
    home: Path
    process: subprocess.Popen[bytes]

    def answering(self) -> str:
        wait_until_healthy(self.health, self.process, self.home / "server.log")
        return self.url


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home, port = tmp_path_factory.mktemp("mlflow"), free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}"),
        *("--serve-artifacts", "--artifacts-destination", str(home / "artifacts")),
    ]
    url = f"http://127.0.0.1:{port}"
    yield from served(command, home, url, f"{url}/health")


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home, port = tmp_path_factory.mktemp("prefect"), free_port()
    command = [
        *(str(Path(sys.executable).parent / "prefect"), "server", "start"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    url = f"http://127.0.0.1:{port}/api"
    yield from served(command, home, url, f"{url}/health")


@pytest.fixture(scope="session")
def mlflow_url(mlflow_server: Server) -> str:
    return mlflow_server.answering()


@pytest.fixture(scope="session")
def mlflow_artifacts(mlflow_server: Server) -> Path:
    return mlflow_server.home / "artifacts"


@pytest.fixture(scope="session")
def prefect_url(prefect_server: Server) -> str:
    return prefect_server.answering()


@pytest.fixture(scope="module")
def servers(
    prefect_server: Server,  # both are started before either is waited for
    mlflow_server: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Path]:
    """Make this process, and those it starts, use both servers; give a folder for the module's projects and home."""
    where = tmp_path_factory.mktemp("leeway")
    names = {
        **QUIET,
        "PREFECT_API_URL": prefect_server.answering(),
        "PREFECT_HOME": str(where / "prefect"),
        "MLFLOW_TRACKING_URI": mlflow_server.answering(),
        "LEEWAY_HOME": str(where / "home"),
        "LEEWAY_PROJECTS": str(where / "projects"),
    }
    with pytest.MonkeyPatch.context() as environment:
        for name, value in names.items():
            environment.setenv(name, value)
        # Another test may have imported prefect already, and it reads the environment only then.
        from prefect.settings import temporary_settings

        with temporary_settings({"api.url": names["PREFECT_API_URL"], "home": where / "prefect"}):
            yield where
            drain_logs()


@pytest.fixture(scope="session")
def houses() -> Callable[[Path, Landing], None]:
    return write_houses


def write_houses(folder: Path, landing: Landing) -> None:
    """Write a project of the house sales that trains in seconds.

    Parameters
    ----------
    folder : Path
        Where to; its name is the project's.
    landing : mapping of str to mapping of str to (str, str)
        For `sales` and `prices`: what lands on a day, as the first and last of the real weekly files put together.
    """
    folder.mkdir(parents=True)
    spec = (HOUSES / "project.yaml").read_text(encoding="utf-8")
    for found, instead in (
        ("project: house-prices", f"project: {folder.name}"),
        ("[all_history, recency, event_time, level]", "[event_time]"),
        ("folds: 3", "folds: 1"),
    ):
        assert found in spec
        spec = spec.replace(found, instead)
    (folder / "project.yaml").write_text(spec, encoding="utf-8")
    shutil.copy(HOUSES / "expectations.json", folder)
    for kind, days in landing.items():
        (folder / "landing" / kind).mkdir(parents=True)
        for day, (first, last) in days.items():
            (folder / "landing" / kind / f"{day}.csv").write_text(weeks(kind, first, last), encoding="utf-8")


def weeks(kind: str, first: str, last: str) -> str:
    """Return the weekly files of some days as one text with one header."""
    paths = [path for path in sorted((HOUSES / "landing" / kind).iterdir()) if first <= path.stem <= last]
    header, *_ = paths[0].read_text(encoding="utf-8").splitlines()
    lines = [line for path in paths for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return "\n".join([header, *lines, ""])


def served(command: list[str], home: Path, url: str, health: str) -> Iterator[Server]:
    environment = {**os.environ, **QUIET, "PREFECT_HOME": str(home)}
    environment.pop("PREFECT_API_URL", None)
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield Server(url, health, home, server)
    finally:
        stop(server)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own http address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    pytest.fail(f"no answer from {address}; its log ends:\n{log.read_text()[-2000:]}")


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the whole process group, so that no worker of the server outlives the session."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, how)
            server.wait(STOP_SECONDS)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
