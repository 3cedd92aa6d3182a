"""What the tests of whole nights share: one trained project, its copies, and processes forked for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import using_servers
from tests.end_to_end.fork_server import ForkServer, connected, start_fork_server
from tests.end_to_end.project_copies import PROJECT, Copy, copied_to, crown, grow
from tests.servers import Server, mlflow_server, prefect_server
from tests.shared import made_once


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the process that others are forked from start while the first tests run, if any test wants it."""
    wanted = any("fork_server" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly:
        start_fork_server(prefect_server().url, mlflow_server().url)


@pytest.fixture(scope="session")
def grown(prefect_server: Server, mlflow_server: Server) -> Path:
    """Give the folder of a project with a first champion that has scored its first night; no test changes it."""

    def make(where: Path) -> None:
        where.mkdir()
        with using_servers(where, prefect_server.answering(), mlflow_server.answering()):
            grow(where)

    return made_once("grown", make)


@pytest.fixture
def copy(grown: Path, servers: Path, tmp_path: Path) -> Callable[..., Copy]:
    """Copy the grown project; under a name of its own it has a registry of its own too."""
    assert servers

    def copied(folder: str = "it", project: str = PROJECT, *, champion: bool = True) -> Copy:
        made = copied_to(grown, tmp_path / folder, project)
        if project != PROJECT and champion:
            crown(made.workspace)
        return made

    return copied


@pytest.fixture(scope="session")
def forking(prefect_server: Server, mlflow_server: Server) -> tuple[Path, dict[str, float]]:
    """Give where the process listens that others are forked from, and its id."""
    return start_fork_server(prefect_server.answering(), mlflow_server.answering())


@pytest.fixture(scope="module")
def fork_server(
    forking: tuple[Path, dict[str, float]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ForkServer]:
    """Give processes of their own for the nights of a module."""
    made = connected(*forking, tmp_path_factory.mktemp("forked") / "processes.log")
    yield made
    made.close()
