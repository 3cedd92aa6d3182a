"""`leeway reproduce`: a version made again from what it wrote down."""

from __future__ import annotations

from rich.markup import escape

from flows.cli.console import screen
from flows.cli.session import served
from tasks.spec import find_project, read_spec


def reproduce_version(project: str, number: int) -> bool:
    """Train a version again, and print whether it is the same model; return that."""
    path = find_project(project)
    name = read_spec(path).project
    with served(path):
        from flows.backtest.retrace_version import reproduce
        from flows.workspace import open_workspace

        found = reproduce(open_workspace(name), number)
    console = screen()
    if found.same:
        console.print(f"[bold green]the same model[/]: {escape(found.proof)}")
        return True
    console.print(f"[bold red]not the same model[/] as version {number} of {escape(name)}:")
    for each in found.differences:
        console.print(f"  {escape(each)}")
    if found.explanations:
        console.print("what may explain it:")
        for each in found.explanations:
            console.print(f"  {escape(each)}")
    return False
