"""The addresses of the two servers, and the environment variables with which processes find them."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from flows.stack.ports import LOOPBACK
from flows.stack.process_registry import MARK, SERVICE_PORTS
from flows.stack.request_guard import ALLOWED, LOG_IN
from tasks.errors import Unreachable
from tasks.spec.find_project import projects_folder

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

ALL_ADDRESSES = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
    # After a pause, marking all late runs at once locks SQLite for minutes; `leeway status` shows late runs.
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The addresses of the two servers.

    `key` is the secret that Prefect asks for if this home started it. It is empty for servers that the environment
    names; those are reached with the PREFECT_API_AUTH_STRING of the environment. `service_ports` are those of the
    prediction service and of its health and metrics, for a stack that has one.
    """

    prefect: str
    mlflow: str
    key: str = field(default="", repr=False)
    service_ports: tuple[int, ...] = ()

    @property
    def service(self) -> str:
        """The address of the prediction service, which listens on this machine only; empty without one."""
        return f"http://{LOOPBACK}:{self.service_ports[0]}" if self.service_ports else ""

    @property
    def prefect_ui(self) -> str:
        """The address of Prefect's user interface."""
        return self.prefect.removesuffix("/api")

    @property
    def log_in(self) -> str:
        """The page that logs a browser in to Prefect; browsers never send what follows `#`."""
        return f"{self.prefect_ui}{LOG_IN}#{self.key}" if self.key else self.prefect_ui

    @property
    def health(self) -> dict[str, str]:
        """The health check of each server."""
        return {"prefect": f"{self.prefect}/health", "mlflow": f"{self.mlflow}/health"}

    def variables(self, home: Path) -> dict[str, str]:
        """Return the environment variables of a process that uses these servers and this home."""
        return {
            **QUIET,
            "PREFECT_API_URL": self.prefect,
            "MLFLOW_TRACKING_URI": self.mlflow,
            "LEEWAY_HOME": str(home),
            "PREFECT_HOME": os.environ.get("PREFECT_HOME") or str(home / "prefect"),
            **({"PREFECT_API_AUTH_STRING": self.key} if self.key else {}),
        }

    def export(self, home: Path) -> None:
        """Set the variables for this process and those it starts."""
        os.environ.update(self.variables(home))


@contextmanager
def prefect_client(endpoints: Endpoints, wanted: str) -> Iterator[SyncPrefectClient]:
    """Give a client of Prefect at these addresses, whatever server this process has been configured for.

    Parameters
    ----------
    wanted : str
        What the caller asks for, which an error names.

    Raises
    ------
    Unreachable
        When Prefect does not answer, or asks for a key that is not configured.
    """
    from httpx import HTTPError
    from prefect import get_client
    from prefect.exceptions import PrefectException
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    access = {PREFECT_API_AUTH_STRING: endpoints.key} if endpoints.key else {}
    try:
        with (
            temporary_settings({PREFECT_API_URL: endpoints.prefect, **access}),
            get_client(sync_client=True) as client,
        ):
            yield client
    except (HTTPError, PrefectException) as error:
        raise Unreachable(f"Prefect at {endpoints.prefect} does not give {wanted}: {error}") from error


def on_host(host: str, ports: dict[str, int], key: str = "") -> Endpoints:
    """Return the addresses at which this machine reaches servers that listen on a host.

    Examples
    --------
    >>> on_host("0.0.0.0", {"prefect": 4200, "mlflow": 5000}).mlflow
    'http://127.0.0.1:5000'
    """
    name = LOOPBACK if host in ALL_ADDRESSES else host
    name = f"[{name}]" if ":" in name else name
    return Endpoints(f"http://{name}:{ports['prefect']}/api", f"http://{name}:{ports['mlflow']}", key)


def environment(home: Path, endpoints: Endpoints, host: str) -> dict[str, str]:
    """Return the environment of the members of a stack."""
    variables = {
        **os.environ,
        **endpoints.variables(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_WORKER_QUERY_SECONDS": os.environ.get("PREFECT_WORKER_QUERY_SECONDS", "3"),  # a person waits
        "LEEWAY_PROJECTS": str(projects_folder().resolve()),  # the runs of a worker have another working directory
        "LEEWAY_HOST": host,
        "LEEWAY_PREFECT_PORT": endpoints.prefect_ui.rpartition(":")[2],
        "LEEWAY_MLFLOW_PORT": endpoints.mlflow.rpartition(":")[2],
        "PYTHONSAFEPATH": "1",  # as in local_stack: no package of ours is taken from a user's folder
        MARK: str(home),
        **dict(zip(SERVICE_PORTS, map(str, endpoints.service_ports), strict=False)),
    }
    return {**_protection(host, endpoints), **variables} if endpoints.key else variables


def _protection(host: str, endpoints: Endpoints) -> dict[str, str]:
    """Return the variables that protect our own servers: Prefect's key, and the host names and origins they accept."""
    interfaces = [address for addresses in psutil.net_if_addrs().values() for address in addresses]
    own = [address.address for address in interfaces if address.family == socket.AF_INET]
    names = ["localhost", LOOPBACK, *([*own, socket.gethostname()] if host in ALL_ADDRESSES else [host])]
    ports = [address.rpartition(":")[2] for address in (endpoints.prefect_ui, endpoints.mlflow)]
    prefect, mlflow = ([f"{name}:{port}" for name in dict.fromkeys(names)] for port in ports)
    return {
        ALLOWED: ",".join([*prefect, *mlflow]),
        "PREFECT_SERVER_API_AUTH_STRING": endpoints.key,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join(f"http://{name}" for name in prefect),
        "PREFECT_UI_API_URL": "/api",  # relative: any accepted host name of the browser works
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(mlflow),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(f"http://{name}" for name in mlflow),
    }
