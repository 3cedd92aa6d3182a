"""`leeway upkeep`: compact and clean up a project's tables now, or only report what would be done."""

from __future__ import annotations

from flows.cli.console import screen
from flows.cli.session import open_servers
from tasks.render.safe_text import terminal
from tasks.spec import find_project, read_spec


def keep_up_now(project: str, *, dry_run: bool) -> None:
    """Run the upkeep flow of a project and print what it did."""
    path = find_project(project)
    name = read_spec(path).project
    with open_servers(path):
        from flows.upkeep import upkeep

        steps = upkeep(name, dry_run=dry_run)["done"]
    console = screen()
    console.print("this would be done:" if dry_run and steps else "done:" if steps else "nothing to do")
    for step in steps:
        console.print(f"  {terminal(step)}")
