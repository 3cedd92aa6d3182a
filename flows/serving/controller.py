"""`python -m flows.serving.controller HOME PROJECT.YAML ...`: publishes champions for as long as the service runs."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

from flows.serving.fault_log import Duty, FaultLog
from flows.serving.publisher import Publisher
from flows.serving.version_keys import VersionKeys
from tasks.logs import line, logger
from tasks.registry import PACKAGES, HomeKeys, load_keys
from tasks.serve.service_settings import FILE as SETTINGS_FILE
from tasks.serve.service_settings import read_settings
from tasks.serving_store import SERVING_FOLDER, ServingStore

POLL_SECONDS = 0.2
PAUSE_SECONDS = 2.0  # after a fault: a server that is away is not asked five times a second
ALL_PROJECTS = "*"
Step = tuple[str, Duty]


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


def publish_all(publishers: list[Publisher], faults: FaultLog, paused: dict[Step, float], now: float) -> None:
    """Let each publisher publish, roll out, prepare and land the log once, except for what had a fault just before."""
    for publisher in publishers:
        steps: dict[Duty, Callable[[], str | None]] = {
            "publish": publisher.publish,
            "roll_out": publisher.roll_out,
            "prepare": publisher.prepare,
            "carry": publisher.carry,
        }
        for duty, step in steps.items():
            if now < paused.get((publisher.project, duty), 0.0):
                continue
            if not done(publisher.project, duty, step, faults):
                paused[publisher.project, duty] = now + PAUSE_SECONDS


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
    """Publish until the service ends; then land what its workers have logged last."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s controller %(message)s")
    logging.getLogger("leeway").setLevel(logging.INFO)
    home, stopping = Path(sys.argv[1]), Stopping()
    keys, root = load_keys(home, os.environ, pair=PACKAGES), home / SERVING_FOLDER
    versions, settings = VersionKeys(HomeKeys(home, os.environ), root), read_settings(root / SETTINGS_FILE)
    store = ServingStore(root, keys.trusted, versions.trusted)
    publishers = [Publisher(Path(path), home, keys, store) for path in sys.argv[2:]]
    faults, paused = FaultLog(root), dict[Step, float]()
    while not stopping:
        done(ALL_PROJECTS, "keys", partial(follow_keys, versions, publishers), faults)
        for publisher in publishers:
            if not stopping:  # a project with a server that is away may take a minute
                publish_all([publisher], faults, paused, time.monotonic())
        time.sleep(POLL_SECONDS)
    carry_last(publishers, faults, time.monotonic() + settings.worker_stop_seconds)


def carry_last(publishers: list[Publisher], faults: FaultLog, until: float) -> None:
    """Land what has been logged, once the workers have closed their files, or a time has passed.

    Usually they have ended before this process is asked to; a signal to all processes of the service reaches it sooner.
    """
    while True:
        is_last = time.monotonic() >= until or not any(publisher.is_logging for publisher in publishers)
        for publisher in publishers:
            done(publisher.project, "carry", partial(publisher.carry, at_once=True), faults)
        if is_last:
            return
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
