"""Where the two servers answer, and the environment in which processes find them."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from flows.stack.ports import LOOPBACK
from flows.stack.process_registry import MARK
from tasks.spec.find_project import projects_folder

EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, not listened on
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
    # After a pause, marking all that is late at once locks SQLite for minutes (seen); `leeway status` tells it.
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the two servers answer."""

    prefect: str
    mlflow: str

    @property
    def prefect_ui(self) -> str:
        """The page a person opens."""
        return self.prefect.removesuffix("/api")

    @property
    def health(self) -> dict[str, str]:
        """Where each server says that it is well."""
        return {"prefect": f"{self.prefect}/health", "mlflow": f"{self.mlflow}/health"}

    def variables(self, home: Path) -> dict[str, str]:
        """Return what a process needs in its environment to use these servers and this home."""
        return {
            **QUIET,
            "PREFECT_API_URL": self.prefect,
            "MLFLOW_TRACKING_URI": self.mlflow,
            "LEEWAY_HOME": str(home),
            "PREFECT_HOME": os.environ.get("PREFECT_HOME") or str(home / "prefect"),
        }

    def export(self, home: Path) -> None:
        """Make this process, and those it starts, use these servers and this home."""
        os.environ.update(self.variables(home))


def on_host(host: str, ports: dict[str, int]) -> Endpoints:
    """Return where servers that listen on a host are reached from this machine.

    Examples
    --------
    >>> on_host("0.0.0.0", {"prefect": 4200, "mlflow": 5000}).mlflow
    'http://127.0.0.1:5000'
    """
    name = LOOPBACK if host in EVERY_ADDRESS else host
    name = f"[{name}]" if ":" in name else name
    return Endpoints(f"http://{name}:{ports['prefect']}/api", f"http://{name}:{ports['mlflow']}")


def environment(home: Path, addresses: Endpoints, host: str) -> dict[str, str]:
    """Return what the members of a stack find in their environment."""
    found = {
        **os.environ,
        **addresses.variables(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_WORKER_QUERY_SECONDS": os.environ.get("PREFECT_WORKER_QUERY_SECONDS", "3"),  # who pressed Run waits
        "LEEWAY_PROJECTS": str(projects_folder().resolve()),  # a worker's runs have another working directory
        "LEEWAY_HOST": host,
        "LEEWAY_PREFECT_PORT": addresses.prefect_ui.rpartition(":")[2],
        "LEEWAY_MLFLOW_PORT": addresses.mlflow.rpartition(":")[2],
        MARK: str(home),
    }
    return found if host == LOOPBACK else {**_names(host, addresses), **found}


def _names(host: str, addresses: Endpoints) -> dict[str, str]:
    """Return what lets browsers elsewhere use the two UIs: MLflow refuses names and origins that it does not know."""
    here = [each.address for held in psutil.net_if_addrs().values() for each in held if each.family == socket.AF_INET]
    names = ["localhost", LOOPBACK, *([*here, socket.gethostname()] if host in EVERY_ADDRESS else [host])]
    port = addresses.mlflow.rpartition(":")[2]
    called = [f"{name}:{port}" for name in dict.fromkeys(names)]
    return {
        "PREFECT_UI_API_URL": "/api",  # of whatever name the browser called it by
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(called),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(f"http://{name}" for name in called),
    }
