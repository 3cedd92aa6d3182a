"""`python -m flows.stack.supervisor`: keeps the members of the local stack running, in a process of its own.

Their commands are the lines of infra/Procfile, as honcho reads them. A member that ends is started again, after a pause
that doubles each time; so is a server that answered and then does not for long. What runs, and how often it had to be
started, stands in the home's stack.json. A worker is only started once it is wanted: when all is deployed, lest it
carries out what piled up while nothing ran. The keeper ends, and everything it started with it, when it is asked to or
when the command that owns it is gone. It was handed the home's lock (see flows.stack.local_stack), which the kernel
lets go however
it ends.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from honcho.environ import parse_procfile

from flows.stack.process_registry import alive, belonging, entry, finish, forget, write_note

PROCFILE = Path(__file__).parents[2] / "infra" / "Procfile"
LOOK_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 60
STEADY_SECONDS = 120  # who has run this long is trusted again
ASK_SECONDS = 10
SILENT_SECONDS = 90
WORKER_WANTED = signal.SIGUSR1
LAST_WORDS_SECONDS = 10
HEALTH_SECONDS = 5


@dataclass
class Member:
    """One line of the Procfile, and its state. A server says where it is healthy; a worker waits until it is wanted."""

    name: str
    command: str
    health: str | None = None
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    began: float = 0.0
    due: float = 0.0
    pause: float = 1.0
    ended: str = ""
    asked: float = 0.0
    answered: float | None = None

    def look(self, now: float) -> bool:
        """Start it, or notice that it ended, if it is time; tell whether anything changed."""
        if self.process is None:
            return self._start(now) if now >= self.due else False
        code = self.process.poll()
        if code is not None:
            self.ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        elif self._is_silent(now):
            self.ended = f"no answer for {SILENT_SECONDS} s"
        else:
            return False
        self.pause = 1.0 if now - self.began > STEADY_SECONDS else min(2 * self.pause, LONGEST_PAUSE_SECONDS)
        self.due, self.answered = now + self.pause, None
        self._end(self.process)
        self.process = None
        return True

    def noted(self) -> dict[str, Any]:
        """Return what the note says of it."""
        said = {"starts": self.starts, "ended": self.ended}
        with suppress(psutil.NoSuchProcess):
            return {**said, **(entry(self.process.pid) if self.process else {})}
        return said

    def _start(self, now: float) -> bool:
        self.process = subprocess.Popen(["/bin/sh", "-c", self.command], start_new_session=True)
        self.starts, self.began = self.starts + 1, now
        return True

    def _is_silent(self, now: float) -> bool:
        """Tell whether a server that did answer has not for too long."""
        if self.health is None or now - self.asked < ASK_SECONDS:
            return False
        self.asked = now
        if healthy(self.health):
            self.answered = now
        return self.answered is not None and now - self.answered > SILENT_SECONDS

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """End a server and what it left, which holds its port. A worker's runs go on: they finish what they began."""
        if self.health is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def keep(home: Path, members: list[Member], owner: dict[str, float] | None) -> None:
    """Keep members running until this process is asked to end or its owner is gone."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: asked.append(number))
    signal.signal(WORKER_WANTED, lambda *_: _want(members))
    note = {
        "keeper": entry(os.getpid()),
        "lasting": owner is None or any(member.health is None for member in members),
        "prefect": os.environ["PREFECT_API_URL"],
        "mlflow": os.environ["MLFLOW_TRACKING_URI"],
    }
    noted = False
    try:
        while not asked and (owner is None or alive(owner)):
            looks = [member.look(time.monotonic()) for member in members]
            if any(looks) or not noted:
                noted = _noted(home, {**note, "members": {member.name: member.noted() for member in members}}) or noted
            time.sleep(LOOK_SECONDS)
    finally:
        _end(home, members)


def healthy(url: str) -> bool:
    """Tell whether an address answers with 200."""
    try:
        with urlopen(url, timeout=HEALTH_SECONDS) as reply:  # noqa: S310 - http addresses of our own or the user's
            return int(reply.status) == 200  # noqa: PLR2004 - HTTP OK
    except (URLError, OSError, HTTPException):
        return False


def _noted(home: Path, note: dict[str, Any]) -> bool:
    """Write the note, or do without: a full disk is no reason to end what runs."""
    with suppress(OSError):
        write_note(home, note)
        return True
    return False


def _want(members: list[Member]) -> None:
    """Let those begin that wait until they are wanted."""
    for member in members:
        if member.due == math.inf:
            member.due = 0


def _end(home: Path, members: list[Member]) -> None:
    """End the worker and its runs first, while there are servers to tell that they were interrupted."""
    serving = {member.process.pid for member in members if member.process and member.health}
    everything = belonging(home)
    servers = [process for process in everything if serving & {process.pid, *(p.pid for p in _parents(process))}]
    finish([process for process in everything if process not in servers], LAST_WORDS_SECONDS)
    finish(servers, LAST_WORDS_SECONDS)
    forget(home)


def _parents(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return process.parents()
    return []


def main() -> None:
    """Keep the members named, for the owner (a process id and its start time, or `-` for nobody)."""
    home, owner, *names = sys.argv[1:]
    lines = parse_procfile(PROCFILE.read_text()).processes
    servers = {"prefect": os.environ["PREFECT_API_URL"], "mlflow": os.environ["MLFLOW_TRACKING_URI"]}
    health = {name: f"{url}/health" for name, url in servers.items()}
    members = [Member(name, lines[name], health.get(name), due=0 if name in health else math.inf) for name in names]
    pid, _, created = owner.partition("@")
    keep(Path(home), members, {"pid": int(pid), "created": float(created)} if created else None)


if __name__ == "__main__":
    main()
