"""`leeway up`: the local stack, until Ctrl-C."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

from rich.console import Console

from flows.cli.console import screen
from flows.cli.session import lake_of
from flows.stack.endpoints import Endpoints
from flows.stack.local_stack import open_stack, start_service, start_worker, stop_on_signals
from flows.stack.next_runs import overdue
from flows.stack.orphaned_runs import settle_orphans
from flows.stack.ports import LOOPBACK
from flows.stack.process_registry import started_here
from flows.stack.watcher import Projects, ServedTerms, StackWatcher
from tasks import clock
from tasks.errors import Error, SpecError
from tasks.lake import read_entries
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.spec import ProjectSpec, find_project, home, known_projects, projects_folder

WATCH_SECONDS = 1
HEALTH_SECONDS = 15


def run_stack(host: str = LOOPBACK) -> None:
    """Start the servers and a worker, deploy every project, then report their changes until interrupted.

    Parameters
    ----------
    host : str
        The address the servers listen on; any other than the loopback is open to other machines.

    Raises
    ------
    SpecError
        When there is no project with a valid spec.
    """
    console, names = screen(), known_projects()
    if not names:
        raise SpecError(
            ["there is no project yet; `leeway init DATA --time COLUMN --label COLUMN` creates one from your data"]
        )
    if host != LOOPBACK:
        console.print(
            f"[bold yellow]warning[/] the servers listen on {terminal(host)}. Prefect asks for a key, MLflow does not: "
            "anyone who reaches this machine can approve models. For servers with accounts see infra/"
        )
    stop_on_signals()
    while True:
        projects = Projects(console.print)
        specs = projects.changed()
        if not specs:
            raise SpecError(["no project has a valid spec; the faults are listed above"])
        if not _until_ended(home(find_project(names[0])), host, projects, specs, console):
            return
        console.print("[red]the supervisor of the servers has ended[/]; restarting everything")


def _until_ended(where: Path, host: str, projects: Projects, specs: list[ProjectSpec], console: Console) -> bool:
    """Run one stack; return whether it ended by itself."""
    with open_stack(where, worker=True, host=host, say=lambda text: console.print(terminal(text))) as endpoints:
        try:
            _deploy(specs, where, console)
            if started_here(where):
                _resume(specs, console)
            start_worker(where)
            served = ServedTerms(console.print)
            if served.changed(specs, projects):
                start_service(where)
            _welcome(console, endpoints, where)
            served.say(endpoints.service, where)
            _watch(StackWatcher(where, endpoints, console.print), projects, served, console)
        except KeyboardInterrupt:
            console.print("stopping")
            return False
    return True


def _deploy(specs: list[ProjectSpec], where: Path, console: Console) -> None:
    from flows.stack.deployments import deploy, refresh_prefect_yaml

    with console.status("deploying"):
        deploy(specs, where)
        refresh_prefect_yaml(projects_folder())
    console.print(f"deployed {', '.join(spec.project for spec in specs)}")


def _resume(specs: list[ProjectSpec], console: Console) -> None:
    """Reschedule the runs that the last stop interrupted, and run tonight's night if its time has passed."""
    from prefect.deployments import run_deployment

    rescheduled = settle_orphans(specs, clock.now())
    if rescheduled:
        console.print(f"{counted(rescheduled, 'interrupted run')} scheduled again")
    for spec in (spec for spec in specs if overdue(spec, _last_night(spec), clock.now())):
        name, parameters = f"nightly/{spec.project}", {"project": spec.project, "reason": "missed, caught up"}
        once = f"{spec.project}/missed/{clock.tonight(spec.schedule.time_zone)}"
        run_deployment(name, parameters=parameters, timeout=0, as_subflow=False, idempotency_key=once)
        console.print(
            f"{spec.project}: the scheduled time of tonight's run passed while the stack was down; it runs now"
        )


def _last_night(spec: ProjectSpec) -> date | None:
    _, lake = lake_of(spec.project)
    return max((entry.night for entry in read_entries(lake, spec.project, "night")), default=None)


def _welcome(console: Console, endpoints: Endpoints, where: Path) -> None:
    servers = f"[bold]Prefect[/] {endpoints.prefect_ui}   [bold]MLflow[/] {endpoints.mlflow}"
    console.print(f"{servers}   [bold]data[/] {terminal(str(where))}")
    if endpoints.key:
        console.print(f"log in to Prefect, once for each browser: {terminal(endpoints.log_in)}")
    own, other = "Ctrl-C stops the stack and keeps its data", "started elsewhere: Ctrl-C only ends this view"
    console.print(f"`leeway status` shows what needs attention; {own if started_here(where) else other}")


def _watch(watcher: StackWatcher, projects: Projects, served: ServedTerms, console: Console) -> None:
    """Report changes of the stack and the projects; return when the supervisor has ended."""
    checked = time.monotonic()
    while watcher.check_members():
        specs = projects.changed()
        if served.changed(specs, projects):
            start_service(watcher.home, again=True)
            served.say(watcher.endpoints.service, watcher.home)
        if specs:
            try:
                _deploy(specs, watcher.home, console)
            except Error as error:
                console.print(f"[red]not deployed[/] {terminal(str(error))}")
        if time.monotonic() - checked > HEALTH_SECONDS:
            watcher.check_health()
            checked = time.monotonic()
        time.sleep(WATCH_SECONDS)
