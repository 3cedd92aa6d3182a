"""`leeway rollback`: end a rollout, or restore the previous champion, now."""

from __future__ import annotations

from flows.cli.console import screen
from flows.cli.session import open_servers
from tasks import clock
from tasks.render.safe_text import terminal
from tasks.spec import find_project, read_spec


def roll_back(project: str, reason: str) -> None:
    """End the rollout that is under way, else restore the previous champion; its version cannot be promoted again."""
    path = find_project(project)
    spec = read_spec(path)
    with open_servers(path):
        from flows.promote import roll_back_now
        from flows.workspace import open_workspace

        outcome = roll_back_now(open_workspace(spec.project), reason, clock.tonight(spec.schedule.time_zone))
    screen().print(terminal(outcome))
