"""`leeway rollback`: the previous champion back, now."""

from __future__ import annotations

from rich.markup import escape

from flows.cli.console import screen
from flows.cli.session import served
from tasks import clock
from tasks.spec import find_project, read_spec


def roll_back(project: str, reason: str) -> None:
    """Put the previous champion back and bar the current one."""
    path = find_project(project)
    spec = read_spec(path)
    with served(path):
        from flows.promote import roll_back_now
        from flows.workspace import open_workspace

        said = roll_back_now(open_workspace(spec.project), reason, clock.tonight(spec.schedule.time_zone))
    screen().print(escape(said))
