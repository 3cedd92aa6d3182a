"""`leeway run FLOW PROJECT`: run a flow now."""

from __future__ import annotations

from datetime import datetime

import typer

from flows.cli.parsers.arguments import Night, Project, Reason

run_app = typer.Typer(help="Run a flow now and wait for it to finish.", no_args_is_help=True)


@run_app.command("nightly")
def run_nightly(project: Project, date: Night = None, reason: Reason = "by hand") -> None:
    """Ingest, validate, score, measure drift and decide one night; retrain if that is the decision."""
    _run("nightly", project, date, reason)


@run_app.command("monitor")
def run_monitor(project: Project, date: Night = None, reason: Reason = "by hand") -> None:
    """Measure drift on the rows already scored and decide; retrain if that is the decision."""
    _run("monitor", project, date, reason)


@run_app.command("retrain")
def run_retrain(project: Project, date: Night = None, reason: Reason = "by hand") -> None:
    """Train a challenger, compare it with the champion, and register it for approval."""
    _run("retrain", project, date, reason)


@run_app.command("promote")
def run_promote(project: Project, date: Night = None) -> None:
    """Carry out the approvals and rejections set in MLflow."""
    _run("promote", project, date, None)


def _run(flow: str, project: str, date: datetime | None, reason: str | None) -> None:
    from flows.cli.commands.nights.run_flow import run_flow_now

    run_flow_now(flow, project, date.date() if date else None, reason)
