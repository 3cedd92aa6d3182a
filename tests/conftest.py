"""The servers that all processes of a session share, and projects made of the house sales."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from flows.stack.local_stack import QUIET, drain_logs
from tests import servers as of_session
from tests.browsers import chromium
from tests.houses import Landing, write_houses
from tests.scheduling import longest_first, mark_long, scheduler, workers
from tests.servers import Server
from tests.shared import end_processes, open_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Threads of scikit-learn that wait for each other do not spin meanwhile, which takes the processors from other tests.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when it is first imported
STARTS = {"mlflow_server": of_session.mlflow_server, "prefect_server": of_session.prefect_server}

# A busy machine is no fault: no example is timed.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that the processes of this session share."""
    open_folder(config)


@pytest.hookimpl(tryfirst=True)  # before `-m long` chooses by the mark
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that take long, and let them begin first."""
    mark_long(items)
    longest_first(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep together what shares much."""
    return scheduler(config, log)


def pytest_xdist_auto_num_workers() -> int:
    """Tell how many processes `-n logical` is."""
    return workers()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the servers start while the first tests run, if any test wants them."""
    wanted = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if not session.config.option.collectonly:
        for name in sorted(wanted & set(STARTS)):
            STARTS[name]()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """End what this process has started for all."""
    end_processes(session.config)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def mlflow_server() -> Server:
    return of_session.mlflow_server()


@pytest.fixture(scope="session")
def prefect_server() -> Server:
    return of_session.prefect_server()


@pytest.fixture(scope="session")
def mlflow_url(mlflow_server: Server) -> str:
    return mlflow_server.answering()


@pytest.fixture(scope="session")
def mlflow_artifacts(mlflow_server: Server) -> Path:
    return Path(mlflow_server.home) / "artifacts"


@pytest.fixture(scope="session")
def prefect_url(prefect_server: Server) -> str:
    return prefect_server.answering()


@pytest.fixture(scope="module")
def servers(prefect_server: Server, mlflow_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make this process, and those it starts, use both servers; give a folder for the module's projects and home."""
    where = tmp_path_factory.mktemp("leeway")
    with using_servers(where, prefect_server.answering(), mlflow_server.answering()):
        yield where
        drain_logs()


@contextmanager
def using_servers(where: Path, prefect: str, mlflow: str) -> Iterator[None]:
    """Make this process, and those it starts, use both servers, and a folder's projects and home."""
    names = {
        **QUIET,
        "PREFECT_API_URL": prefect,
        "PREFECT_HOME": str(where / "prefect"),
        "MLFLOW_TRACKING_URI": mlflow,
        "LEEWAY_HOME": str(where / "home"),
        "LEEWAY_PROJECTS": str(where / "projects"),
    }
    with pytest.MonkeyPatch.context() as environment:
        for name, value in names.items():
            environment.setenv(name, value)
        # Another test may have imported prefect already, and it reads the environment only then.
        from prefect.settings import temporary_settings

        with temporary_settings({"api.url": names["PREFECT_API_URL"], "home": where / "prefect"}):
            yield


@pytest.fixture(scope="session")
def houses() -> Callable[[Path, Landing], None]:
    return write_houses
