"""Arguments and options that several commands have."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from tasks.errors import Error

FAILED = 1
"""The exit code of a command that did not do what it was asked to."""


def project_names(incomplete: str) -> list[str]:
    """Return the projects that a shell may complete a word to; none where they cannot be read."""
    from tasks.spec.find_project import known_projects

    try:
        return [name for name in known_projects() if name.startswith(incomplete)]
    except (Error, OSError):
        return []


Project = Annotated[
    str, typer.Argument(help="The project's name, its folder, or its project.yaml.", autocompletion=project_names)
]
Reason = Annotated[str, typer.Option(help="The reason to record.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]
Night = Annotated[
    datetime | None,
    typer.Option("--date", formats=["%Y-%m-%d"], help="The night, as YYYY-MM-DD.", show_default="today"),
]
