"""`leeway status`: from the lake, and from the registry when a stack answers."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.local import all_specs, lake_of
from flows.stack import answers, configured, running
from tasks import clock
from tasks.lake import Entry, entries
from tasks.spec import ProjectSpec, find_project, home


def show_status(project: str | None) -> None:
    """Print one line a project."""
    specs = [lake_of(project)[0]] if project else all_specs()
    console = Console()
    table = Table("project", "champion", "since", "last night", "decision", "waits for a person", show_edge=False)
    for spec in specs:
        table.add_row(*map(escape, _cells(spec, project or spec.project)))
    console.print(table if specs else "no project yet: leeway init DATA --time COLUMN --label COLUMN")
    if specs:
        where = home(find_project(project or specs[0].project))
        stack = configured() or running(where)
        up = stack is not None and answers(stack)
        console.print(
            f"Prefect {stack.prefect_ui}  MLflow {stack.mlflow}"
            if up and stack
            else "no servers answer; `leeway up` starts them"
        )


def _cells(spec: ProjectSpec, project: str) -> list[str]:
    _, lake = lake_of(project)
    record = entries(lake, spec.project)
    nights = [entry for entry in record if entry.kind == "night"]
    champion = _newest(record, {"promoted", "rolled_back", "put_back"})
    challenger = _newest(record, {"registered"})
    waits = challenger is not None and not _settled(challenger, record)
    asked = nights and nights[-1].action == "ask"
    waiting = [f"{challenger.subject} for approval"] if waits and challenger else []
    waiting += [f"the night of {nights[-1].night}"] if asked else []
    age = f"{champion.night}, {(clock.now().date() - champion.night).days} days ago" if champion else "-"
    return [
        spec.project,
        champion.subject if champion else "none",
        age,
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
