"""The prediction service of a demo, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import urlopen

from flows.serving.leeway_client import LeewayClient
from flows.stack.ports import LOOPBACK, OF_SERVICE, ports_of
from flows.workspace import Workspace
from tasks.errors import Unreachable
from tasks.serving_store import SERVING_FOLDER, ApiKeys, new_key, read_keys, write_keys

COMMAND = "from flows.cli.app import run; run()"
KEY_NAME = "demo"
START_SECONDS, STOP_SECONDS, LOOK_SECONDS = 180.0, 60.0, 0.2
DEADLINE_SECONDS = 5.0
LOG = "serve.log"
SHOWN_CHARACTERS = 2_000


@dataclass(frozen=True)
class DemoService:
    """A service that answers.

    Attributes
    ----------
    url : str
        Its address.
    key : str
        The text of a key for the project.
    client : LeewayClient
        A client of it with that key.
    """

    url: str
    key: str
    client: LeewayClient


@contextmanager
def demo_service(workspace: Workspace, say: Callable[[str], None]) -> Iterator[DemoService]:
    """Serve a project with a champion until the block ends.

    Raises
    ------
    Unreachable
        When the service does not answer within three minutes; the message has the end of its log.
    """
    home = workspace.home
    ports = ports_of(home, LOOPBACK, say, OF_SERVICE)
    key, text = new_key(KEY_NAME, projects=(workspace.project,))
    others = [each for each in read_keys(home / SERVING_FOLDER).keys if each.name != KEY_NAME]
    write_keys(home / SERVING_FOLDER, ApiKeys((*others, key)))
    log = home / LOG
    process = _started(workspace, ports, log)
    try:
        _wait(process, f"http://{LOOPBACK}:{ports['serve_admin']}/ready", log)
        url = f"http://{LOOPBACK}:{ports['serve']}"
        with LeewayClient(url, text, deadline_seconds=DEADLINE_SECONDS) as client:
            yield DemoService(url, text, client)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        process.kill()


def _started(workspace: Workspace, ports: dict[str, int], log: Path) -> subprocess.Popen[bytes]:
    where = ["--port", str(ports["serve"]), "--admin-port", str(ports["serve_admin"])]
    command = [sys.executable, "-P", "-c", COMMAND, "serve", str(workspace.folder / "project.yaml"), *where]
    with log.open("wb") as out:
        return subprocess.Popen(
            command,
            env={**os.environ, "LEEWAY_HOME": str(workspace.home)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = monotonic() + START_SECONDS
    while process.poll() is None and monotonic() < until:
        with suppress(URLError, OSError), urlopen(url, timeout=DEADLINE_SECONDS):  # noqa: S310 - our own address
            return
        sleep(LOOK_SECONDS)
    end = log.read_text(encoding="utf-8", errors="replace")[-SHOWN_CHARACTERS:]
    raise Unreachable(f"the prediction service of the demo does not answer; its log {log} ends with\n{end}")
