"""A folder like a fresh checkout, the page that a stranger follows in it, and the stack that `leeway up` runs there."""

from __future__ import annotations

import base64
import http
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.stack.process_registry import read_note

PAGE = Path(__file__).parents[2] / "deployments" / "OWN_DATA.md"
TEXT = PAGE.read_text(encoding="utf-8")
CHOSEN = ("PREFECT_API_URL", "PREFECT_HOME", "MLFLOW_TRACKING_URI", "LEEWAY_PROJECTS", "LEEWAY_LAKE", "LEEWAY_HOME")
COMMAND_SECONDS = 120
STARTED_SECONDS = 240
RUN_SECONDS = 150
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass(frozen=True)
class Checkout:
    """The folder, and the commands of the page that are not typed yet."""

    folder: Path
    blocks: Iterator[str]

    @property
    def home(self) -> Path:
        return self.folder / "deployments" / ".leeway"

    @property
    def log(self) -> Path:
        return self.folder / "up.log"

    @property
    def environment(self) -> dict[str, str]:
        """What a shell in the folder knows: of no server, and no folder that a user chose."""
        plain = {name: value for name, value in os.environ.items() if name not in CHOSEN}
        path = f"{self.folder / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {**plain, "PATH": path, "OMP_NUM_THREADS": "1", "LEEWAY_PREFECT_PORT": "", "LEEWAY_MLFLOW_PORT": ""}

    def types(self, command: str = "") -> str:
        """Type a command, or the next ones of the page; return what they print."""
        done = subprocess.run(
            ["bash", "-c", command or next(self.blocks)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout


@dataclass(frozen=True)
class Up:
    """What `leeway up` runs in a checkout."""

    checkout: Checkout
    process: subprocess.Popen[bytes]

    @property
    def output(self) -> str:
        return self.checkout.log.read_text()

    @property
    def log_in(self) -> str:
        """The link that logs a browser in to Prefect."""
        link = re.search(r"http://127\.0\.0\.1:\d+/leeway-login#\S+", self.output)
        assert link is not None
        return link[0]

    @property
    def api(self) -> str:
        address = re.search(r"Prefect (http://127\.0\.0\.1:\d+)", self.output)
        assert address is not None
        return f"{address[1]}/api"

    @property
    def note(self) -> dict[str, Any]:
        note = read_note(self.checkout.home)
        assert note is not None
        return note

    @property
    def mlflow(self) -> str:
        return str(self.note["mlflow"])

    @property
    def key_file(self) -> Path:
        return self.checkout.home / "keys" / "prefect_auth"

    @property
    def authorization(self) -> str:
        """What logs in to Prefect with the key of the home."""
        return f"Basic {base64.b64encode(self.key_file.read_bytes().strip()).decode()}"

    def wait_for(self, words: str) -> None:
        """Wait until it has printed something."""
        deadline = time.monotonic() + STARTED_SECONDS
        while words not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.5)

    def ask(self, url: str, body: dict[str, Any] | None = None) -> Any:
        """Ask Prefect, with the key."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": self.authorization}
        request = urllib.request.Request(url, data, headers)  # noqa: S310 - our own address
        deadline = time.monotonic() + RUN_SECONDS
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310 - our own address
                    return json.load(reply)
            except urllib.error.HTTPError as error:  # Prefect's SQLite is locked; its own clients try again too
                if error.code != http.HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    raise
                time.sleep(1)

    def run_night(self, project: str) -> str:
        """Let the worker run a night; return the run's id."""
        deployment = self.ask(f"{self.api}/deployments/name/nightly/{project}")["id"]
        run = self.ask(f"{self.api}/deployments/{deployment}/create_flow_run", {"parameters": {"project": project}})
        return str(run["id"])

    def state(self, run: str) -> dict[str, Any]:
        state: dict[str, Any] = self.ask(f"{self.api}/flow_runs/{run}")["state"]
        return state

    def finished(self, run: str) -> dict[str, Any]:
        """Wait until a run has ended; return its last state."""
        deadline = time.monotonic() + RUN_SECONDS
        while True:
            try:
                state = self.state(run)
            except OSError as error:  # the servers are being started again
                state = {"type": "UNKNOWN", "error": str(error)}
            if state["type"] in FINAL:
                return state
            assert time.monotonic() < deadline, state
            time.sleep(1)
