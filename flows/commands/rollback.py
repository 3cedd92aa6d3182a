"""`leeway rollback`: the previous champion back, now."""

from __future__ import annotations

from rich.markup import escape

from flows.local import served
from flows.screen import screen
from tasks import clock
from tasks.spec import find_project, read_spec


def roll_back(project: str, reason: str) -> None:
    """Put the previous champion back and bar the current one."""
    path = find_project(project)
    spec = read_spec(path)
    with served(path):
        from flows.house import open_house
        from flows.promote import roll_back_now

        said = roll_back_now(open_house(spec.project), reason, clock.tonight(spec.schedule.time_zone))
    screen().print(escape(said))
