"""Arguments and options that several commands have."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

FAILED = 1
"""The exit code of a command that did not do what it was asked to."""
Project = Annotated[str, typer.Argument(help="The project's name, its folder, or its project.yaml.")]
Reason = Annotated[str, typer.Option(help="The reason to record.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]
Night = Annotated[
    datetime | None,
    typer.Option("--date", formats=["%Y-%m-%d"], help="The night, as YYYY-MM-DD.", show_default="today"),
]
