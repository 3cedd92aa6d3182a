"""The rim of notify: sends through Apprise to addresses that stand in environment variables, never in the spec."""

from __future__ import annotations

import os
from typing import Literal

from tasks.logs import line, logger
from tasks.rim import room
from tasks.spec import ProjectSpec

Event = Literal["alarm", "quarantine", "approval", "promotion", "rollback", "failure"]


@room("notify")
def notify(spec: ProjectSpec, event: Event, title: str, body: str) -> int:
    """Send to every channel that wants the event; return how many took it."""
    wanted = [channel for channel in spec.notifications if event in channel.on]
    return sum(_sent(channel.to, title, body) for channel in wanted)


def _sent(reference: str, title: str, body: str) -> bool:
    variable = reference.removeprefix("env:")
    address = os.environ.get(variable)
    if not address:
        logger().warning(line("notification_not_sent", variable=variable, why="the variable is not set"))
        return False
    from apprise import Apprise

    channels = Apprise()
    taken = channels.add(address) and channels.notify(title=title, body=body)
    if not taken:
        logger().warning(line("notification_not_sent", variable=variable, why="the channel did not take it"))
    return bool(taken)
