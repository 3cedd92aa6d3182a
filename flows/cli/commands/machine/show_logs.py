"""`leeway logs`: what the processes of the local stack have logged, and what a project's last run has."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from flows.cli.console import screen
from flows.cli.session import running_stack
from flows.stack.access_key import known_key
from flows.stack.endpoints import prefect_client
from tasks.errors import SpecError, Unreachable
from tasks.notify.failed_runs import hidden
from tasks.render.safe_text import terminal
from tasks.spec import find_project, home, known_projects, read_spec

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, Log

LOG = "stack.log"
READ_BYTES = 2_000_000  # at most, from the end of the file
PAGE_LINES = 200  # as many as Prefect gives at once
LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
SHOWN = ("nightly", "monitor", "retrain", "upkeep")
"""The flows with runs to look at; promote runs often, and mostly finds nothing to do."""


def show_stack_log(lines: int) -> None:
    """Print the newest lines of the log that all processes of the local stack write."""
    names = known_projects()
    if not names:
        raise SpecError(["there is no project yet, so no stack has run from here; `leeway up` starts one"])
    path = home(find_project(names[0])) / LOG
    if not path.exists():
        raise Unreachable(f"found no log at {path}; `leeway up` writes it, as long as it starts servers of its own")
    screen(stderr=True).print(f"[dim]{terminal(str(path))}[/]", soft_wrap=True)
    _show(newest_lines(path, lines), path.parent)


def show_run_log(project: str, flow: str | None, lines: int) -> None:
    """Print the newest lines that the last run of a project has logged to Prefect, as it has them."""
    path = find_project(project)
    name = read_spec(path).project
    stack = running_stack(home(path))
    if stack is None:
        raise Unreachable("no Prefect runs that has the logs of runs; `leeway up` starts it")
    with prefect_client(stack, "the logs of runs") as client:
        run = last_run(client, name, [flow] if flow else list(SHOWN))
        if run is None:
            what = f"{flow} run" if flow else "run"
            screen().print(terminal(f"{name} has no {what} yet; `leeway run {flow or 'nightly'} {name}` starts one"))
            return
        logged = _logged(client, run, lines)
    began = f"{run.start_time:%Y-%m-%d %H:%M} UTC" if run.start_time else "not yet"
    title = f"{run.name}, {run.state_name}, began {began}: {stack.prefect_ui}/runs/flow-run/{run.id}"
    screen(stderr=True).print(terminal(title), soft_wrap=True)
    _show(logged, home(path))


def newest_lines(path: Path, lines: int) -> list[str]:
    """Return the last lines of a file, of which no more than two megabytes are read."""
    with path.open("rb") as file:
        begin = max(path.stat().st_size - READ_BYTES, 0)
        file.seek(begin)
        found = file.read().decode(errors="replace").splitlines()
    return found[1 if begin else 0 :][-lines:]


def last_run(client: SyncPrefectClient, project: str, flows: list[str]) -> FlowRun | None:
    """Return the run of some flows of a project that began last."""
    from prefect.client.schemas.filters import (
        FlowFilter,
        FlowFilterName,
        FlowRunFilter,
        FlowRunFilterName,
        FlowRunFilterStartTime,
    )
    from prefect.client.schemas.sorting import FlowRunSort

    began = FlowRunFilter(name=FlowRunFilterName(like_=project), start_time=FlowRunFilterStartTime(is_null_=False))
    kinds = FlowFilter(name=FlowFilterName(any_=flows))
    runs = client.read_flow_runs(flow_filter=kinds, flow_run_filter=began, sort=FlowRunSort.START_TIME_DESC)
    return next((run for run in runs if run.parameters.get("project") == project), None)


def _logged(client: SyncPrefectClient, run: FlowRun, lines: int) -> list[str]:
    """Return the newest lines of a run and its tasks, the oldest of them first."""
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
    from prefect.client.schemas.sorting import LogSort

    of_run, newest = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])), LogSort.TIMESTAMP_DESC
    found: list[Log] = []
    while len(found) < lines:
        wanted = min(PAGE_LINES, lines - len(found))
        page = client.read_logs(of_run, limit=wanted, offset=len(found), sort=newest)
        found += page
        if len(page) < wanted:
            break
    return [f"{log.timestamp:%H:%M:%S} {LEVELS.get(log.level, log.level)} {log.message}" for log in reversed(found)]


def _show(lines: list[str], where: Path) -> None:
    """Print lines without colours of their own and without the secrets that this home and this process know."""
    secrets = {**os.environ, **{f"KEY_{number}": part for number, part in enumerate(known_key(where))}}
    console = screen()
    for line in lines:
        console.print(terminal(hidden(Text.from_ansi(line).plain, secrets)), soft_wrap=True)
