"""What commands need before they do their work: a project's spec, its lake, and servers to run flows on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.cli.console import screen
from flows.cli.progress import silence_prefect
from flows.stack.local_stack import Endpoints, configured, endpoints_of, open_stack
from flows.stack.process_registry import read_note, supervisor_of
from tasks.lake import Lake
from tasks.spec import ProjectSpec, find_project, home, read_spec


def lake_of(project: str) -> tuple[ProjectSpec, Lake]:
    """Return a project's spec and its lake."""
    from flows.workspace import open_lake

    path = find_project(project)
    return read_spec(path), open_lake(home(path))


def running_stack(where: Path) -> Endpoints | None:
    """Return the addresses of the configured servers, or of the stack that runs from this home; None without one."""
    note = read_note(where)
    kept = note is not None and supervisor_of(where) is not None
    return configured() or (endpoints_of(where, note) if note is not None and kept else None)


@contextmanager
def open_servers(path: Path) -> Iterator[Endpoints]:
    """Give servers for one command: configured ones, running ones, or temporary ones that end with the command.

    A flow that the command runs keeps its log lines in Prefect; enter the block before Prefect is imported.
    """
    silence_prefect()
    os.environ["LEEWAY_PROJECTS"] = str(path.resolve().parent.parent)
    console = screen(stderr=True)
    with open_stack(home(path), say=lambda text: console.print(f"[dim]{text}[/]")) as endpoints:
        yield endpoints
