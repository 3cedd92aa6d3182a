"""`leeway status`: each project's champion and last decision, what needs attention, what runs next, and on what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from flows.cli.commands.service.served_projects import show_served
from flows.cli.console import screen
from flows.cli.session import lake_of, running_stack
from flows.stack.endpoints import Endpoints
from flows.stack.local_stack import answers
from flows.stack.next_runs import by_prefect, by_schedule
from flows.stack.process_registry import read_note
from flows.stack.supervisor import healthy
from tasks import clock
from tasks.agreement import mismatches
from tasks.errors import Error, SpecError
from tasks.lake import read_entries
from tasks.records import (
    Entry,
    RolloutEntry,
    champion_record,
    nights_of,
    running_rollout,
)
from tasks.registry import Keys, Registry
from tasks.render.safe_text import terminal
from tasks.render.values import counted
from tasks.report import PendingAction, champion_changes, pending_actions
from tasks.spec import ProjectSpec, find_project, home, known_projects

NAMES = {"prefect": "Prefect", "mlflow": "MLflow", "worker": "worker", "serve": "prediction service"}


def show_status(project: str | None) -> None:
    """Print what the record and the servers say; a project with a wrong spec has a line that says so."""
    names, console = [project] if project else known_projects(), screen()
    if not names:
        console.print("no project yet: `leeway init DATA --time COLUMN --label COLUMN` writes one from your data")
        return
    table = Table("project", "champion", "since", "last night", "decision", "attention", show_edge=False)
    specs, attention, begin, champions = [], [], [], dict[str, int]()
    running: list[tuple[str, RolloutEntry]] = []
    for name in names:
        try:
            spec, lake = lake_of(name)
        except SpecError:
            if project:
                raise
            table.add_row(
                terminal(name), "-", "-", "-", f"its spec cannot be used: `leeway check {terminal(name)}`", "-"
            )
            continue
        record = read_entries(lake, spec.project)
        pending = pending_actions(record, spec)
        table.add_row(*map(terminal, _cells(spec, record, pending)))
        specs.append(spec)
        champions.update((spec.project, each.number) for each in champion_record(record).champions()[:1])
        attention += [(spec.project, action) for action in pending]
        begin += [] if record else [spec.project]
        if (step := running_rollout(record)) is not None:
            running.append((spec.project, step))
    console.print(table)
    _show_rollouts(running, console)
    _show_attention(attention, begin, console)
    where = home(find_project(names[0]))
    show_served(specs, champions, where, console)
    stack = running_stack(where)
    _show_mismatches(specs, where, stack, console)
    _tell_next(specs, stack, console)
    _tell_servers(where, stack, console)


def _cells(spec: ProjectSpec, record: Sequence[Entry], pending: Sequence[PendingAction]) -> list[str]:
    nights = nights_of(record)
    change = next(reversed(champion_changes(record)), None)
    return [
        spec.project,
        change.subject if change else "none",
        f"{change.night}, {_age(change.night)}" if change else "-",
        str(nights[-1].night) if nights else "-",
        f"{nights[-1].action}: {nights[-1].reason}" if nights else "-",
        counted(len(pending), "item") if pending else "-",
    ]


def _age(night: date) -> str:
    days = (clock.now().date() - night).days
    return "today" if days <= 0 else f"{counted(days, 'day')} ago"


def _show_rollouts(running: Sequence[tuple[str, RolloutEntry]], console: Console) -> None:
    """Print the stage of each rollout that is under way."""
    for project, step in running:
        since = f"since {step.time:%Y-%m-%d %H:%M} UTC"
        text = f"{project}: rollout of {step.subject}, {step.action}, {100 * step.share:g} % of the requests {since}"
        console.print(terminal(f"{text}; `leeway why {project} rollout`"))


def _show_attention(attention: Sequence[tuple[str, PendingAction]], begin: Sequence[str], console: Console) -> None:
    """Print what goes on only when a person acts: what, since when, who, and how; and which projects have no record."""
    console.print("[bold]needs attention[/]" if attention else "nothing needs attention")
    for project, action in attention:
        how = f": {action.how}" if action.how else ""
        since = f"since the night of {action.since} ({_age(action.since)})"
        console.print(terminal(f"  {project}: {action.what}, {since}, {action.who}{how}"))
    for project in begin:
        console.print(terminal(f"{project}: no night has been run yet; `leeway run nightly {project}` runs the first"))


def _show_mismatches(specs: Sequence[ProjectSpec], where: Path, stack: Endpoints | None, console: Console) -> None:
    """Print where spec, lake, record and registry do not fit; the registry is asked if it answers."""
    from flows.cli.project_facts import project_facts
    from flows.workspace import open_lake

    registry = Registry(stack.mlflow, Keys()) if stack is not None and healthy(stack.health["mlflow"]) else None
    lake = open_lake(where)
    for spec in specs:
        try:
            found = mismatches(project_facts(spec, lake, registry))
        except Error as error:
            console.print(f"[yellow]note[/] {terminal(f'{spec.project}: {error}')}")
            continue
        for each in found:
            said = "[red]does not fit[/]" if each.certain else "[yellow]note[/]"
            console.print(f"{said} {terminal(f'{spec.project}: {each}')}")


def _tell_next(specs: Sequence[ProjectSpec], stack: Endpoints | None, console: Console) -> None:
    """Print when each project's next night is: as Prefect has it if it answers, else as the spec says."""
    if not specs:
        return
    planned = {spec.project: by_schedule(spec, clock.now()) for spec in specs}
    if stack is not None and healthy(stack.health["prefect"]):
        try:
            with console.status("asking Prefect"):
                planned = by_prefect(specs, stack, clock.now())
        except Error as error:
            console.print(f"[yellow]note[/] {terminal(str(error))}")
    console.print("[bold]next night[/]")
    for project, said in planned.items():
        console.print(f"  {terminal(project)}: {terminal(said)}")


def _tell_servers(where: Path, stack: Endpoints | None, console: Console) -> None:
    if stack is None:
        console.print("no servers answer; `leeway up` starts them")
        return
    console.print("[bold]servers[/]")
    addresses = {"prefect": stack.prefect_ui, "mlflow": stack.mlflow}
    for name, url in stack.health.items():
        state = "[green]healthy[/]" if healthy(url) else "[red]does not answer[/]"
        console.print(f"  {NAMES[name]} {addresses[name]} {state}{_restarts(where, name)}")
    members = (read_note(where) or {}).get("members", {})
    for name in ("worker", "serve"):
        if name == "worker" in members or "pid" in members.get(name, {}):
            state = "[green]runs[/]" if "pid" in members[name] else "[red]is being started[/]"
            console.print(f"  {NAMES[name]} {state}{_restarts(where, name)}")
    if not answers(stack):
        log = where / "stack.log"
        console.print(f"  not every server answers; {terminal(str(log))} may say why" if log.exists() else "")


def _restarts(where: Path, name: str) -> str:
    member = (read_note(where) or {}).get("members", {}).get(name, {})
    times = member.get("starts", 1) - 1
    often = "once" if times == 1 else f"{times} times"
    return f", started again {often} (it ended with {terminal(str(member['ended']))})" if times > 0 else ""
