"""`leeway run`: a flow now, through Prefect, with the stack that is there or a temporary one."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from rich.markup import escape

from flows.cli.console import screen
from flows.cli.progress import hush, progress
from flows.cli.session import served
from flows.stack.process_registry import started_here
from tasks.spec import ProjectSpec, find_project, home, read_spec

DECIDING = {"nightly", "monitor"}


def run_flow_now(kind: str, project: str, night: date | None, reason: str | None) -> None:
    """Run a project's flow, and what it starts, in this process; print what came of it."""
    path = find_project(project)
    spec = read_spec(path)
    hush()
    with served(path) as addresses:
        with screen(stderr=True).status("loading"):
            from flows.stack.run_deployment import run, run_due

            _make_sure_it_is_deployed(kind, spec, home(path))
        parameters: dict[str, Any] = {"date": night.isoformat() if night else None}
        if reason is not None:
            parameters["reason"] = reason
        with progress(f"{kind} of {spec.project}, seen at {addresses.prefect_ui}/runs"):
            result = run(kind, spec.project, **parameters)
        _print(kind, result)
        if kind not in DECIDING:
            return
        with progress(f"retrain of {spec.project}, if the night asked for it"):
            trained = run_due("retrain", spec.project)
        for each in trained:
            _print("retrain", each)
        if result["action"] == "retrain" and not trained:
            screen().print(f"the retraining is carried out by a worker: {addresses.prefect_ui}/runs")


def _make_sure_it_is_deployed(kind: str, spec: ProjectSpec, where: Path) -> None:
    """Deploy a project where it is not; where no worker waits, its schedules are off, lest runs pile up as late."""
    from prefect import get_client
    from prefect.exceptions import ObjectNotFound

    from flows.stack.deployments import deploy

    with get_client(sync_client=True) as client:
        try:
            client.read_deployment_by_name(f"{kind}/{spec.project}")
        except ObjectNotFound:
            deploy([spec], where, scheduled=not started_here(where))


def _print(kind: str, result: dict[str, Any]) -> None:
    screen().print(f"[bold]{kind} {result.get('night', '')}: {result['action']}[/] {escape(str(result['reason']))}")
