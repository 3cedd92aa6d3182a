"""`leeway rename`: give a project another name."""

from __future__ import annotations

from flows.cli.console import screen
from flows.cli.session import open_servers
from tasks.render.safe_text import terminal
from tasks.spec import projects_folder
from tasks.spec.find_project import FILE


def rename_project(old: str, new: str, reason: str) -> None:
    """Rename a project, with everything that is stored of it, and print what is left to do."""
    path = projects_folder() / old / FILE
    with open_servers(path):
        from flows.rename import rename

        done = rename(old, new, reason)
    screen().print(
        terminal(
            f"{done}. `leeway up` deploys it under its new name; commit its folder, and give applications that ask the "
            "prediction service its new address"
        )
    )
