"""`leeway run`: run a flow now through Prefect, on running servers or on temporary ones."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from flows.cli.console import screen
from flows.cli.progress import show_progress
from flows.cli.session import open_servers
from flows.stack.process_registry import started_here
from tasks.render.safe_text import terminal
from tasks.spec import ProjectSpec, find_project, home, read_spec

DECIDING = {"nightly", "monitor"}


def run_flow_now(kind: str, project: str, night: date | None, reason: str | None) -> None:
    """Run a project's flow and the retraining it starts in this process, and print the outcomes."""
    path = find_project(project)
    spec = read_spec(path)
    with open_servers(path) as endpoints:
        with screen(stderr=True).status("loading"):
            from flows.stack.run_deployment import run, run_due

            _deploy_if_needed(kind, spec, home(path))
        parameters: dict[str, Any] = {"date": night.isoformat() if night else None}
        if reason is not None:
            parameters["reason"] = reason
        with show_progress(f"{kind} of {spec.project}, shown at {endpoints.prefect_ui}/runs"):
            result = run(kind, spec.project, **parameters)
        _print(kind, result)
        if kind not in DECIDING:
            return
        with show_progress(f"retrain of {spec.project}, if the decision asks for it"):
            trained = run_due("retrain", spec.project)
        for outcome in trained:
            _print("retrain", outcome)
        if result["action"] == "retrain" and not trained:
            screen().print(f"a worker runs the retraining: {endpoints.prefect_ui}/runs")


def _deploy_if_needed(kind: str, spec: ProjectSpec, where: Path) -> None:
    """Deploy a project that is not deployed yet; without a worker, its schedules are off so that no runs pile up."""
    from prefect import get_client
    from prefect.exceptions import ObjectNotFound

    from flows.stack.deployments import deploy

    with get_client(sync_client=True) as client:
        try:
            client.read_deployment_by_name(f"{kind}/{spec.project}")
        except ObjectNotFound:
            deploy([spec], where, scheduled=not started_here(where))


def _print(kind: str, result: dict[str, Any]) -> None:
    screen().print(f"[bold]{kind} {result.get('night', '')}: {result['action']}[/] {terminal(str(result['reason']))}")
