"""What commands need before any server is asked: a project's spec, its lake, and the stack that serves it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.cli.console import screen
from flows.stack.local_stack import Endpoints, open_stack
from tasks.lake import Lake
from tasks.spec import ProjectSpec, find_project, home, read_spec


def lake_of(project: str) -> tuple[ProjectSpec, Lake]:
    """Return a project's spec and its lake."""
    from flows.workspace import open_lake

    path = find_project(project)
    return read_spec(path), open_lake(home(path))


@contextmanager
def served(path: Path) -> Iterator[Endpoints]:
    """Give a stack for one command: the configured or running one, or a temporary one that ends with the command."""
    os.environ["LEEWAY_PROJECTS"] = str(path.resolve().parent.parent)
    console = screen(stderr=True)
    with open_stack(home(path), say=lambda text: console.print(f"[dim]{text}[/]")) as addresses:
        yield addresses
