"""`leeway adopt`, `approve`, `reject`, `reproduce`, `restore` and `rollback`: which version is champion."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from flows.cli.parsers.arguments import FAILED, Night, Project, Reason

Version = Annotated[
    int | None, typer.Option("--version", help="The version's number.", show_default="the waiting challenger")
]

model_app = typer.Typer()


@model_app.command()
def adopt(
    project: Project,
    source: Annotated[
        str, typer.Argument(metavar="FILE|RUN", help="A skops file, or the id of an MLflow run with one.")
    ],
    trained_until: Annotated[
        datetime,
        typer.Option(formats=["%Y-%m-%d"], help="The last day of the rows that it was trained on, as YYYY-MM-DD."),
    ],
    date: Night = None,
    reason: Reason = "by hand",
) -> None:
    """Evaluate a scikit-learn pipeline that was trained elsewhere, and put it up for approval."""
    from flows.cli.commands.models.adopt_pipeline import adopt_pipeline

    adopt_pipeline(project, source, trained_until.date(), date.date() if date else None, reason)


@model_app.command()
def approve(project: Project, version: Version = None, reason: Reason = "by hand") -> None:
    """Approve the challenger: it becomes champion if its evidence is still valid."""
    from flows.cli.commands.models.answer_challenger import answer_challenger

    answer_challenger(project, version, "approved", reason)


@model_app.command()
def reject(project: Project, version: Version = None, reason: Reason = "by hand") -> None:
    """Reject the challenger: it never becomes champion."""
    from flows.cli.commands.models.answer_challenger import answer_challenger

    answer_challenger(project, version, "rejected", reason)


@model_app.command()
def reproduce(
    project: Project, version: Annotated[int, typer.Argument(help="The version's number in the registry.")]
) -> None:
    """Train a version again from its recorded inputs, and report whether the model is the same."""
    from flows.cli.commands.models.reproduce import reproduce_version

    raise typer.Exit(0 if reproduce_version(project, version) else FAILED)


@model_app.command()
def restore(project: Project, reason: Reason = "by hand") -> None:
    """Register the champion again, from the lake's own copy of its files, if MLflow has lost it."""
    from flows.cli.commands.migrations.restore_champion import restore_champion

    restore_champion(project, reason)


@model_app.command()
def rollback(project: Project, reason: Reason = "by hand") -> None:
    """End the rollout that is under way, else restore the previous champion; its version cannot be promoted again."""
    from flows.cli.commands.models.roll_back import roll_back

    roll_back(project, reason)
