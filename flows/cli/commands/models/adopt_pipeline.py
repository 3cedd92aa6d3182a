"""`leeway adopt`: put a pipeline that was trained elsewhere up for approval."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from flows.cli.console import screen
from flows.cli.progress import show_progress
from flows.cli.session import open_servers
from tasks.render.safe_text import terminal
from tasks.spec import find_project, read_spec


def adopt_pipeline(project: str, source: str, trained_until: date, night: date | None, reason: str) -> None:
    """Evaluate a pipeline, and print what came of it."""
    path = find_project(project)
    name = read_spec(path).project
    file = Path(source)
    with open_servers(path) as endpoints, show_progress(f"adopt {file.name}, shown at {endpoints.prefect_ui}/runs"):
        from flows.adopt import adopt

        done = adopt(name, str(file.absolute()) if file.is_file() else source, trained_until, night, reason)
    screen().print(f"[bold]adopt {done['night']}: {done['action']}[/] {terminal(str(done['reason']))}")
