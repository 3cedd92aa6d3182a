"""The part of `leeway check` that compares the spec with the lake, the decision record and the registry."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from flows.stack.local_stack import configured, running
from tasks.agreement import mismatches
from tasks.errors import Error, SpecError
from tasks.render.safe_text import terminal
from tasks.spec import ProjectSpec, home


def agreement_faults(spec: ProjectSpec, path: Path, console: Console) -> Iterator[str]:
    """Yield what does not fit; print what may not fit. The registry is asked if its server answers."""
    from flows.cli.project_facts import project_facts
    from flows.workspace import assemble, open_lake

    where = home(path)
    if not where.is_dir() and not os.environ.get("LEEWAY_LAKE"):
        return  # before the first night nothing is stored
    try:
        servers = configured() or running(where)
        if servers is None:
            workspace, lake, registry = None, open_lake(where), None
        else:
            os.environ["MLFLOW_TRACKING_URI"] = servers.mlflow
            workspace = assemble(spec, path)
            lake, registry = workspace.lake, workspace.registry
        for each in mismatches(project_facts(spec, lake, registry)):
            if each.certain:
                yield str(each)
            else:
                console.print(f"[yellow]note[/]  {terminal(str(each))}")
        if workspace is not None:
            workspace.reading_for(workspace.champion())
    except SpecError as error:
        yield from error.faults
    except Error as error:
        yield str(error)
