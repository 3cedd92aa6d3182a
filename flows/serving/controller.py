"""`python -m flows.serving.controller HOME PROJECT.YAML ...`: publishes champions for as long as the service runs.

Each project has a thread that publishes it, and one that lands what was kept of it, so that a server that is away
delays neither the other projects nor the end of the service: the first is not waited for, since every write is whole.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread
from types import FrameType

from flows.serving.fault_log import Duty, FaultLog
from flows.serving.log_landing import LogLanding
from flows.serving.publisher import Publisher
from flows.serving.version_keys import VersionKeys
from tasks.logs import line, logger
from tasks.registry import PACKAGES, HomeKeys, load_keys
from tasks.serve.service_settings import FILE as SETTINGS_FILE
from tasks.serve.service_settings import read_settings
from tasks.serving_store import SERVING_FOLDER, ServingStore

POLL_SECONDS = 0.2
PAUSE_SECONDS = 2.0  # after a fault: a server that is away is not asked five times a second
POLL_SHARE = 0.04  # of a second for each project: the record of many is read less often
ALL_PROJECTS = "*"


class Stopping:
    """Whether the controller was asked to end, or the service that it belongs to has ended."""

    def __init__(self) -> None:
        self._parent, self._asked = os.getppid(), False
        signal.signal(signal.SIGTERM, self._ask)

    def __bool__(self) -> bool:
        return self._asked or os.getppid() != self._parent

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True


def follow_keys(versions: VersionKeys, publishers: list[Publisher]) -> None:
    """Give the workers the keys of the home if they have changed, and try again what the old ones refused."""
    if versions.follow():
        for publisher in publishers:
            publisher.forget_refusals()


def follow(publisher: Publisher, faults: FaultLog, stopping: Stopping, pause_seconds: float) -> None:
    """Let a project be published and rolled out until the service ends."""
    paused = dict[Duty, float]()
    while not stopping:
        follow_once(publisher, faults, paused, time.monotonic())
        time.sleep(pause_seconds)


def follow_once(publisher: Publisher, faults: FaultLog, paused: dict[Duty, float], now: float) -> None:
    """Let a publisher publish, roll out and prepare once, except for what had a fault just before."""
    steps: dict[Duty, Callable[[], str | None]] = {
        "publish": publisher.publish,
        "roll_out": publisher.roll_out,
        "prepare": publisher.prepare,
    }
    for duty, step in steps.items():
        if now >= paused.get(duty, 0.0) and not done(publisher.project, duty, step, faults):
            paused[duty] = now + PAUSE_SECONDS


def land(landing: LogLanding, faults: FaultLog, stopping: Stopping, stop_seconds: float) -> None:
    """Land what is kept of a project until the service ends, and what its workers have kept last."""
    while not stopping:
        fine = done(landing.project, "carry", landing.carry, faults)
        wait_unless(stopping, POLL_SECONDS if fine else PAUSE_SECONDS)
    carry_last(landing, faults, time.monotonic() + stop_seconds)


def wait_unless(stopping: Stopping, seconds: float) -> None:
    """Wait, but no longer than until the service ends."""
    until = time.monotonic() + seconds
    while not stopping and time.monotonic() < until:
        time.sleep(POLL_SECONDS)


def done(project: str, duty: Duty, step: Callable[[], str | None], faults: FaultLog) -> bool:
    """Do a duty for a project; return whether it could be done."""
    try:
        published = step()
    except Exception as error:  # noqa: BLE001 - one project, or a store that is away, never ends the controller
        faults.fault(project, duty, error)
        return False
    faults.fine(project, duty)
    if published is not None:
        logger().info(line("published", project=project, what=published))
    return True


def main() -> None:
    """Publish and land until the service ends, and then what its workers have kept last."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s controller %(message)s")
    logging.getLogger("leeway").setLevel(logging.INFO)
    home, stopping = Path(sys.argv[1]), Stopping()
    keys, root = load_keys(home, os.environ, pair=PACKAGES), home / SERVING_FOLDER
    versions, settings = VersionKeys(HomeKeys(home, os.environ), root), read_settings(root / SETTINGS_FILE)
    store, faults = ServingStore(root, keys.trusted, versions.trusted), FaultLog(root)
    paths = [Path(path) for path in sys.argv[2:]]
    publishers = [Publisher(path, home, keys, store) for path in paths]
    follow_keys_once = partial(done, ALL_PROJECTS, "keys", partial(follow_keys, versions, publishers), faults)
    follow_keys_once()  # before a version is packaged
    pause = max(POLL_SECONDS, POLL_SHARE * len(paths))
    for publisher in publishers:
        Thread(target=follow, args=(publisher, faults, stopping, pause), daemon=True).start()
    landings = [
        Thread(target=land, args=(LogLanding(path, root), faults, stopping, settings.worker_stop_seconds), daemon=True)
        for path in paths
    ]
    for landing in landings:
        landing.start()
    while not stopping:
        follow_keys_once()
        time.sleep(POLL_SECONDS)
    for landing in landings:  # what is being published is published at the next start
        landing.join()


def carry_last(landing: LogLanding, faults: FaultLog, until: float) -> None:
    """Land what has been kept, once the workers have closed their files, or a time has passed.

    Usually they have ended before this process is asked to; a signal to all processes of the service reaches it sooner.
    """
    while True:
        is_last = time.monotonic() >= until or not landing.is_logging
        done(landing.project, "carry", partial(landing.carry, at_once=True), faults)
        if is_last:
            return
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
