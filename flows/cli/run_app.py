"""`leeway run FLOW PROJECT`: a flow now."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

run_app = typer.Typer(help="Run a flow now, and wait for it: nightly, monitor, retrain, promote.", no_args_is_help=True)

Project = Annotated[str, typer.Argument(help="A project's name, its folder, or its project.yaml.")]
Night = Annotated[
    datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="The night, YYYY-MM-DD. [default: today]")
]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]


@run_app.command("nightly")
def run_nightly(project: Project, date: Night = None, reason: Reason = "by hand") -> None:
    """Take in, check, score, measure and decide one night; retrain if that is the decision."""
    from flows.cli.commands.nights.run_flow import run_flow_now

    run_flow_now("nightly", project, date.date() if date else None, reason)


@run_app.command("monitor")
def run_monitor(project: Project, date: Night = None, reason: Reason = "by hand") -> None:
    """Measure drift and decide what to do, of what was taken in and scored; retrain if that is the decision."""
    from flows.cli.commands.nights.run_flow import run_flow_now

    run_flow_now("monitor", project, date.date() if date else None, reason)


@run_app.command("retrain")
def run_retrain(project: Project, date: Night = None, reason: Reason = "by hand") -> None:
    """Train a challenger, prove it against the champion, and put it up for approval."""
    from flows.cli.commands.nights.run_flow import run_flow_now

    run_flow_now("retrain", project, date.date() if date else None, reason)


@run_app.command("promote")
def run_promote(project: Project, date: Night = None) -> None:
    """Look for approvals set in MLflow and carry them out."""
    from flows.cli.commands.nights.run_flow import run_flow_now

    run_flow_now("promote", project, date.date() if date else None, None)
