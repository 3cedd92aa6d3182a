"""The prediction service of a demo: the champion answers requests and a page while the nights go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pandas as pd

from flows.demo.price_page import PricePage
from flows.serving.leeway_client import LeewayClient, LeewayError
from flows.stack.ports import LOOPBACK, OF_SERVICE, ports_of
from flows.workspace import Workspace
from tasks.errors import Unreachable
from tasks.lake import active_rows
from tasks.package.joined_references import plain_cells
from tasks.serving_store import SERVING_FOLDER, ApiKeys, new_key, write_keys
from tasks.whole_file import write_whole

COMMAND = "from flows.cli.app import run; run()"
START_SECONDS, STOP_SECONDS, PAUSE_SECONDS = 120.0, 60.0, 0.2
DEADLINE_SECONDS = 5.0
LOG, REQUEST = "serve.log", "request.json"


class Asking:
    """Asks for one row again and again, and keeps which version answered, and how often."""

    def __init__(self, client: LeewayClient, project: str, row: dict[str, Any]) -> None:
        self._client, self._project, self._row = client, project, row
        self._ended = Event()
        self._thread = Thread(target=self._run, name="asking", daemon=True)
        self.answers: dict[int, int] = {}
        self.failures = 0

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._ended.set()
        self._thread.join()

    def said(self) -> str:
        """Return what was answered, in words."""
        parts = [f"version {number} {count:,} times" for number, count in self.answers.items()]
        return f"while the nights went on, {', then '.join(parts)} answered; {self.failures} requests failed"

    def _run(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            try:
                answer = self._client.predict(self._project, self._row)
            except LeewayError:
                self.failures += 1
                continue
            self.answers[answer.version] = self.answers.get(answer.version, 0) + 1


@contextmanager
def served(workspace: Workspace, say: Callable[[str], None]) -> Iterator[Asking]:
    """Serve the champion of a demo, with a page, until the block ends; the addresses are said.

    Raises
    ------
    Unreachable
        When the service does not answer within two minutes.
    """
    ports = ports_of(workspace.home, LOOPBACK, say, OF_SERVICE)
    key, text = new_key("demo")
    write_keys(workspace.home / SERVING_FOLDER, ApiKeys((key,)))
    log = workspace.home / LOG
    process = _started(workspace, ports, log)
    try:
        _wait(process, f"http://{LOOPBACK}:{ports['serve_admin']}/ready", log)
        url = f"http://{LOOPBACK}:{ports['serve']}"
        with LeewayClient(url, text, deadline_seconds=DEADLINE_SECONDS) as client:
            row = newest_row(workspace, list(client.schema(workspace.project).row["properties"]))
            request = write_whole(workspace.home / REQUEST, json.dumps({"row": row}).encode())
            asking = Asking(client, workspace.project, row)
            with PricePage(client, workspace.spec, row) as page:
                say(f"ask it: [bold]page[/] {page.url}")
                say(f"        [bold]curl[/] -s {url}/v1/projects/{workspace.project}/predict -d @{request} \\")
                say(f"             -H 'Content-Type: application/json' -H 'X-API-Key: {text}'")
                asking.start()
                yield asking
                asking.stop()
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        process.kill()


def newest_row(workspace: Workspace, columns: list[str]) -> dict[str, Any]:
    """Return the newest stored row as a client sends it, with these columns."""
    rows = active_rows(workspace.lake, workspace.project, "rows")
    newest = rows.sort_values(["event_date", "row_id"]).iloc[[-1]]
    cells: dict[str, Any] = plain_cells(newest.reindex(columns=columns))[0]
    moment = cells[workspace.spec.source.event_time]
    date = datetime.fromisoformat(moment)
    is_day = pd.Timestamp(date) == pd.Timestamp(date).normalize()
    return cells | {workspace.spec.source.event_time: date.date().isoformat() if is_day else moment}


def _started(workspace: Workspace, ports: dict[str, int], log: Path) -> subprocess.Popen[bytes]:
    where = ["--port", str(ports["serve"]), "--admin-port", str(ports["serve_admin"])]
    command = [sys.executable, "-P", "-c", COMMAND, "serve", str(workspace.folder / "project.yaml"), *where]
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            env={**os.environ, "LEEWAY_HOME": str(workspace.home)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with suppress(URLError, OSError), urlopen(url, timeout=DEADLINE_SECONDS):  # noqa: S310 - our own address
            return
        time.sleep(PAUSE_SECONDS)
    raise Unreachable(f"the prediction service of the demo does not answer; read {log}")
