"""`leeway migrate`: bring what is stored of a project in line with its changed spec."""

from __future__ import annotations

from flows.cli.console import screen
from flows.cli.session import open_servers
from tasks.render.safe_text import terminal
from tasks.spec import find_project, read_spec


def migrate_stored(project: str, reason: str, *, else_missing: bool, same_label: bool) -> None:
    """Convert stored columns, or say that a label has another name, and print what was done."""
    path = find_project(project)
    name = read_spec(path).project
    with open_servers(path):
        from flows.migrate import Migration, migrate
        from flows.workspace import open_workspace

        asked = Migration(else_missing=else_missing, same_label=same_label, reason=reason)
        done = migrate(open_workspace(name), asked)
    console = screen()
    console.print("what is stored fits the spec" if not done else "done:")
    for sentence in done:
        console.print(f"  {terminal(sentence)}")
