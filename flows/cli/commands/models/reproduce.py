"""`leeway reproduce`: train a version again from its recorded inputs."""

from __future__ import annotations

from flows.cli.console import screen
from flows.cli.session import open_servers
from tasks.render.safe_text import terminal
from tasks.spec import find_project, read_spec


def reproduce_version(project: str, number: int) -> bool:
    """Train a version again, print how the two models compare, and return whether they are the same."""
    path = find_project(project)
    name = read_spec(path).project
    with open_servers(path):
        from flows.backtest.retrace_version import reproduce
        from flows.workspace import open_workspace

        comparison = reproduce(open_workspace(name), number)
    console = screen()
    if comparison.same:
        console.print(f"[bold green]the same model[/]: {terminal(comparison.proof)}")
        return True
    console.print(f"[bold red]not the same model[/] as version {number} of {terminal(name)}:")
    for difference in comparison.differences:
        console.print(f"  {terminal(difference)}")
    if comparison.explanations:
        console.print("possible explanations:")
        for explanation in comparison.explanations:
            console.print(f"  {terminal(explanation)}")
    return False
