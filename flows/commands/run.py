"""`leeway run`: a flow now, through Prefect, with the stack that is there or a temporary one."""

from __future__ import annotations

from datetime import date
from typing import Any

from rich.markup import escape

from flows.local import served
from flows.screen import screen
from tasks.spec import find_project, home, read_spec


def run_flow_now(kind: str, project: str, night: date | None, reason: str | None) -> None:
    """Run a project's flow, and what it starts, in this process; print what came of it."""
    path = find_project(project)
    spec = read_spec(path)
    with served(path):
        from flows.deliver import deploy
        from flows.runners import run, run_due

        deploy([spec], home(path))
        parameters: dict[str, Any] = {"date": night.isoformat() if night else None}
        if reason is not None:
            parameters["reason"] = reason
        _print(kind, run(kind, spec.project, **parameters))
        if kind == "nightly":
            for result in run_due("retrain", spec.project):
                _print("retrain", result)


def _print(kind: str, result: dict[str, Any]) -> None:
    screen().print(f"[bold]{kind} {result.get('night', '')}: {result['action']}[/] {escape(str(result['reason']))}")
