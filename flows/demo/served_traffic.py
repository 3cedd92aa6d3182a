"""Requests to a prediction service of the demo's own, all the while that something happens to it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

from flows.serving.leeway_client import LeewayClient, LeewayError
from flows.stack.ports import LOOPBACK, OF_SERVICE, ports_of
from tasks.errors import Unreachable
from tasks.serving_store import SERVING_FOLDER, ApiKeys, new_key, read_keys, write_keys

KEY_NAME = "demo"
START_SECONDS = 180.0
PAUSE_SECONDS = 0.004
DEADLINE_SECONDS = 5.0
Row = Mapping[str, Any]


class Callers:
    """They ask for one row after the other until they are stopped.

    Attributes
    ----------
    answered : Counter of int
        Requests by the version that answered.
    failed : int
        Requests without an answer.
    rows : sequence of mapping
        What is asked for, again and again; another one may be set at any time.
    """

    def __init__(self, client: LeewayClient, project: str, rows: Sequence[Row]) -> None:
        self._client, self._project, self.rows = client, project, rows
        self.answered, self.failed = Counter[int](), 0
        self._stop = Event()
        self._thread = Thread(target=self._ask, daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._stop.set()
        self._thread.join()

    def _ask(self) -> None:
        number = 0
        while not self._stop.is_set():
            rows = self.rows
            try:
                answer = self._client.predict(self._project, rows[number % len(rows)])
                self.answered[answer.version] += 1
            except LeewayError:
                self.failed += 1
            number += 1
            sleep(PAUSE_SECONDS)


@contextmanager
def served(project: str, home: Path, say: Callable[[str], None]) -> Iterator[LeewayClient]:
    """Serve a project with a champion until the block ends; give a client of it.

    Raises
    ------
    Unreachable
        When it does not answer in time; the message has the end of its log.
    """
    root = home / SERVING_FOLDER
    key, text = new_key(KEY_NAME, projects=(project,))
    write_keys(root, ApiKeys((*(each for each in read_keys(root).keys if each.name != KEY_NAME), key)))
    port, admin_port = ports_of(home, LOOPBACK, say, OF_SERVICE).values()
    command = [sys.executable, "-P", "-c", "from flows.cli.app import run; run()", "serve", project]
    log = home / "demo-service.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--admin-port", str(admin_port)],
            env={**os.environ, "LEEWAY_HOME": str(home)},
            stdout=said,
            stderr=said,
        )
    try:
        with LeewayClient(f"http://{LOOPBACK}:{port}", text, deadline_seconds=DEADLINE_SECONDS) as client:
            _wait(client, project, log)
            yield client
    finally:
        process.terminate()
        process.wait()


def _wait(client: LeewayClient, project: str, log: Path) -> None:
    until = monotonic() + START_SECONDS
    while True:
        try:
            client.schema(project)
        except LeewayError as error:
            if monotonic() > until:
                end = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise Unreachable(
                    f"the prediction service does not answer ({error}); its log ends with\n{end}"
                ) from None
            sleep(0.2)
        else:
            return
