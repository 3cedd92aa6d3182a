"""`leeway upkeep`: the lake's housekeeping, now, or only what it would do."""

from __future__ import annotations

from rich.markup import escape

from flows.cli.console import screen
from flows.cli.session import served
from tasks.spec import find_project, read_spec


def keep_up_now(project: str, *, dry_run: bool) -> None:
    """Compact a project's tables, and remove what nothing counts and what is past its retention."""
    path = find_project(project)
    name = read_spec(path).project
    with served(path):
        from flows.upkeep import upkeep

        said = upkeep(name, dry_run=dry_run)["done"]
    console = screen()
    console.print("this would be done:" if dry_run and said else "done:" if said else "nothing to do")
    for each in said:
        console.print(f"  {escape(each)}")
