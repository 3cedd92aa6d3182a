"""The part of `leeway check` that compares the spec with the lake, the decision record and the registry."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

from rich.console import Console

from flows.stack.endpoints import Endpoints
from flows.stack.local_stack import answers, configured, running
from tasks.agreement import mismatches
from tasks.errors import Error, SpecError
from tasks.registry import Registry, load_keys
from tasks.render.safe_text import terminal
from tasks.spec import ProjectSpec, home


def agreement_faults(spec: ProjectSpec, path: Path, console: Console) -> Generator[str, None, ProjectSpec]:
    """Yield what does not fit; print what may not fit; return the spec of a night, with all that the champion reads.

    The registry is asked if its server answers. Only what is stored can be at fault: a server, a store or a key that
    this machine lacks is a note.
    """
    from flows.cli.project_facts import project_facts
    from flows.workspace import Workspace, open_lake

    where = home(path)
    if not where.is_dir() and not os.environ.get("LEEWAY_LAKE"):
        return spec  # before the first night nothing is stored
    try:
        lake, servers = open_lake(where), _servers(where)
        registry = Registry(servers.mlflow, load_keys(where, os.environ, make=False).verifying) if servers else None
        for each in mismatches(project_facts(spec, lake, registry)):
            if each.certain:
                yield str(each)
            else:
                console.print(f"[yellow]note[/]  {terminal(str(each))}")
        if registry is not None:
            workspace = Workspace(spec, path.parent, where, lake, registry)
            return workspace.reading_for(workspace.champion()).spec
    except SpecError as error:
        yield from error.faults
    except Error as error:
        console.print(f"[yellow]note[/]  not compared with what is stored: {terminal(str(error))}")
    return spec


def _servers(where: Path) -> Endpoints | None:
    named = configured()
    return named if named is not None and answers(named) else running(where)
