"""`leeway restore`: register a champion again that MLflow has lost."""

from __future__ import annotations

from flows.cli.console import screen
from flows.cli.session import open_servers
from tasks.render.safe_text import terminal
from tasks.spec import find_project, read_spec


def restore_champion(project: str, reason: str) -> None:
    """Restore the champion from the lake's own copy, and print what was done."""
    path = find_project(project)
    name = read_spec(path).project
    with open_servers(path):
        from flows.restore import restore
        from flows.workspace import open_workspace

        done = restore(open_workspace(name, signs=True), reason)
    screen().print(terminal(f"{name}: {done}"))
