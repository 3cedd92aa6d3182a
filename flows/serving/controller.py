"""`python -m flows.serving.controller HOME PROJECT.YAML ...`: publishes champions for as long as the service runs."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from flows.serving.fault_log import Duty, FaultLog
from flows.serving.publisher import Publisher
from tasks.logs import line, logger
from tasks.registry import PACKAGES, load_keys
from tasks.serving_store import SERVING_FOLDER, ServingStore

POLL_SECONDS = 0.2
PAUSE_SECONDS = 2.0  # after a fault: a server that is away is not asked five times a second
Step = tuple[str, Duty]


def publish_all(publishers: list[Publisher], faults: FaultLog, paused: dict[Step, float], now: float) -> None:
    """Let each publisher publish, prepare and land the log once, except for what had a fault just before."""
    for publisher in publishers:
        steps: dict[Duty, Callable[[], str | None]] = {
            "publish": publisher.publish,
            "prepare": publisher.prepare,
            "carry": publisher.carry,
        }
        for duty, step in steps.items():
            if now < paused.get((publisher.project, duty), 0.0):
                continue
            try:
                done = step()
            except Exception as error:  # noqa: BLE001 - one project, or a store that is away, never ends the controller
                faults.fault(publisher.project, duty, error)
                paused[publisher.project, duty] = now + PAUSE_SECONDS
            else:
                faults.fine(publisher.project, duty)
                if done is not None:
                    logger().info(line("published", project=publisher.project, what=done))


def main() -> None:
    """Publish until the supervisor of the service has ended."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s controller %(message)s")
    logging.getLogger("leeway").setLevel(logging.INFO)
    home = Path(sys.argv[1])
    keys = load_keys(home, os.environ, pair=PACKAGES)
    root = home / SERVING_FOLDER
    store = ServingStore(root, keys.trusted, load_keys(home, os.environ).trusted)
    publishers = [Publisher(Path(path), home, keys, store) for path in sys.argv[2:]]
    faults, paused, parent = FaultLog(root), dict[Step, float](), os.getppid()
    while os.getppid() == parent:
        publish_all(publishers, faults, paused, time.monotonic())
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
