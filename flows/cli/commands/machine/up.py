"""`leeway up`: the local stack, until Ctrl-C."""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from flows.cli.console import screen
from flows.cli.session import lake_of
from flows.stack.endpoints import Endpoints
from flows.stack.local_stack import open_stack, start_worker, stop_on_signals
from flows.stack.next_runs import overdue
from flows.stack.orphaned_runs import settle
from flows.stack.ports import LOOPBACK
from flows.stack.process_registry import started_here
from flows.stack.watcher import Projects, StackWatcher
from tasks import clock
from tasks.errors import Error, SpecError
from tasks.lake import read_entries
from tasks.spec import ProjectSpec, find_project, home, known_projects

LOOK_SECONDS = 1
ASK_SECONDS = 15


def run_stack(host: str = LOOPBACK) -> None:
    """Start the servers and a worker, deploy every project, then tell what happens to them until interrupted.

    Parameters
    ----------
    host : str
        The address the servers listen on; any but the loopback is open to whoever reaches it.

    Raises
    ------
    SpecError
        When there is no project, or none whose spec can be used.
    """
    console, names = screen(), known_projects()
    if not names:
        raise SpecError(["there is no project yet; `leeway init DATA --time .. --label ..` writes one from your data"])
    if host != LOOPBACK:
        console.print(
            f"[bold yellow]warning[/] the servers listen on {escape(host)} and ask for no password: whoever reaches "
            "this machine there can start flows, which run code, and approve models. Servers with accounts: infra/"
        )
    stop_on_signals()
    while True:
        projects = Projects(console.print)
        specs = projects.changed()
        if not specs:
            raise SpecError(["no project's spec can be used; what is wrong stands above"])
        if not _until_ended(home(find_project(names[0])), host, projects, specs, console):
            return
        console.print("[red]the process that kept the servers is gone[/]; all is started again")


def _until_ended(where: Path, host: str, projects: Projects, specs: list[ProjectSpec], console: Console) -> bool:
    """Run one stack; tell whether it ended by itself."""
    with open_stack(where, worker=True, host=host, say=lambda text: console.print(escape(text))) as addresses:
        try:
            _deploy(specs, where, console)
            if started_here(where):
                _take_up(specs, console)
            start_worker(where)
            _welcome(console, addresses, where)
            _keep_looking(StackWatcher(where, addresses, console.print), projects, console)
        except KeyboardInterrupt:
            console.print("stopping")
            return False
    return True


def _deploy(specs: list[ProjectSpec], where: Path, console: Console) -> None:
    from flows.stack.deployments import deploy

    with console.status("deploying"):
        deploy(specs, where)
    console.print(f"deployed {', '.join(spec.project for spec in specs)}")


def _take_up(specs: list[ProjectSpec], console: Console) -> None:
    """Go on where the last stop interrupted; run tonight's night where its hour is over, and it those missed before."""
    from prefect.deployments import run_deployment

    again = settle(specs, clock.now())
    if again:
        console.print(f"{again} interrupted run{'s' if again > 1 else ''} put up again")
    for spec in (spec for spec in specs if overdue(spec, _last_night(spec), clock.now())):
        name, parameters = f"nightly/{spec.project}", {"project": spec.project, "reason": "missed, caught up"}
        once = f"{spec.project}/missed/{clock.tonight(spec.schedule.time_zone)}"
        run_deployment(name, parameters=parameters, timeout=0, as_subflow=False, idempotency_key=once)
        console.print(f"{spec.project}: tonight's hour came while nothing ran; its night is run now")


def _last_night(spec: ProjectSpec) -> date | None:
    _, lake = lake_of(spec.project)
    return max((entry.night for entry in read_entries(lake, spec.project, "night")), default=None)


def _welcome(console: Console, addresses: Endpoints, where: Path) -> None:
    servers = f"[bold]Prefect[/] {addresses.prefect_ui}   [bold]MLflow[/] {addresses.mlflow}"
    console.print(f"{servers}   [bold]data[/] {escape(str(where))}")
    mine, other = "Ctrl-C stops it, and everything is kept", "it was started elsewhere: Ctrl-C ends only this view"
    ends = mine if started_here(where) else other
    console.print(f"`leeway status` shows what waits for you; {ends}")


def _keep_looking(watch: StackWatcher, projects: Projects, console: Console) -> None:
    """Return when the stack is no longer kept."""
    asked = time.monotonic()
    while watch.look():
        specs = projects.changed()
        if specs:
            try:
                _deploy(specs, watch.home, console)
            except Error as error:
                console.print(f"[red]not deployed[/] {escape(str(error))}")
        if time.monotonic() - asked > ASK_SECONDS:
            watch.ask()
            asked = time.monotonic()
        time.sleep(LOOK_SECONDS)
