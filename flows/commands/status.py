"""`leeway status`: what the record says of each project, and whether the servers answer."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from flows.local import lake_of
from flows.screen import screen
from flows.stack import answers, configured, running
from tasks import clock
from tasks.errors import SpecError
from tasks.lake import Entry, entries
from tasks.spec import find_project, home, known_projects


def show_status(project: str | None) -> None:
    """Print one line a project; of all projects, one with a wrong spec has a line that says so."""
    names, console = [project] if project else known_projects(), screen()
    if not names:
        console.print("no project yet: `leeway init DATA --time COLUMN --label COLUMN` writes one from your data")
        return
    table = Table("project", "champion", "since", "last night", "decision", "waits for a person", show_edge=False)
    for name in names:
        try:
            cells = _cells(name)
        except SpecError:
            if project:
                raise
            cells = [name, "-", "-", "-", f"its spec cannot be used: `leeway check {name}`", "-"]
        table.add_row(*map(escape, cells))
    console.print(table)
    stack = configured() or running(home(find_project(names[0])))
    if stack is not None and answers(stack):
        console.print(f"Prefect {stack.prefect_ui}  MLflow {stack.mlflow}")
    else:
        console.print("no servers answer; `leeway up` starts them")


def _cells(project: str) -> list[str]:
    spec, lake = lake_of(project)
    record = entries(lake, spec.project)
    nights = [entry for entry in record if entry.kind == "night"]
    champion = _newest(record, {"promoted", "rolled_back", "put_back"})
    challenger = _newest(record, {"registered"})
    waiting = [f"{challenger.subject} for approval"] if challenger and not _settled(challenger, record) else []
    waiting += [f"the night of {nights[-1].night}"] if nights and nights[-1].action == "ask" else []
    return [
        spec.project,
        champion.subject if champion else "none",
        f"{champion.night}, {(clock.now().date() - champion.night).days} days ago" if champion else "-",
        str(nights[-1].night) if nights else "-",
        f"{nights[-1].action}: {nights[-1].reason}" if nights else "-",
        ", ".join(waiting) or "-",
    ]


def _newest(record: list[Entry], actions: set[str]) -> Entry | None:
    found = [entry for entry in record if entry.action in actions and entry.kind != "night"]
    return found[-1] if found else None


def _settled(challenger: Entry, record: list[Entry]) -> bool:
    """Whether anything final was said of a challenger, or of a later one."""
    final = {"promoted", "rejected"}
    return any(entry.action in final and entry.kind == "promotion" and entry.time > challenger.time for entry in record)
