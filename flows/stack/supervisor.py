"""`python -m flows.stack.supervisor`: keeps the members of the local stack running, in a process of its own.

The commands of the members are the lines of infra/Procfile, as honcho reads them. A member that ends is started again
after a pause that doubles each time, and so is a server that has stopped answering. The file stack.json in the home
lists the running members and how often each was started. The worker starts on request, after all projects are
deployed, so that it does not carry out runs that piled up while nothing ran. The prediction service starts on request
if a project asks for it, and again on the next request, with the specs as they are then.

The supervisor ends, together with everything it started, on a signal or when the command that owns it has ended. It
inherits the lock of the home (see flows.stack.local_stack), which the kernel releases however the supervisor ends.
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
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from honcho.environ import parse_procfile

from flows.shipped_files import shipped_file
from flows.stack.ports import LOOPBACK
from flows.stack.process_registry import (
    SERVICE_PORTS,
    alive,
    entry,
    remove_note,
    stack_processes,
    terminate,
    write_note,
)

PROCFILE = shipped_file("infra/Procfile")
POLL_SECONDS = 0.25
MAX_PAUSE_SECONDS = 60
STEADY_SECONDS = 120  # a member that ran this long is restarted without a long pause
HEALTH_CHECK_SECONDS = 10
MAX_SILENCE_SECONDS = 90
WORKER_WANTED, SERVICE_WANTED = signal.SIGUSR1, signal.SIGUSR2
NOTHING_TO_SERVE = 66
"""The exit code of a member that has nothing to do until the next request: no project asks for it."""
SHUTDOWN_SECONDS = 10
SERVICE_SHUTDOWN_SECONDS = 60
"""The prediction service answers what it has begun, and lets its log and its labels land."""
REQUEST_SECONDS = 5


@dataclass
class Member:
    """One line of the Procfile and the state of its process; `health` is the health check of a server."""

    name: str
    command: str
    health: str | None = None
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    began: float = 0.0
    due: float = 0.0
    pause: float = 1.0
    ended: str = ""
    checked: float = 0.0
    answered: float | None = None
    again: bool = False

    def poll(self, now: float) -> bool:
        """Start the member if it is due, or notice that it ended; return whether anything changed."""
        if self.process is None:
            return self._start(now) if now >= self.due else False
        code = self.process.poll()
        if code is not None and (self.again or code == NOTHING_TO_SERVE):
            return self._rest(now)
        if code is not None:
            self.ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        elif self._is_silent(now):
            self.ended = f"no answer for {MAX_SILENCE_SECONDS} s"
        else:
            return False
        self.pause = 1.0 if now - self.began > STEADY_SECONDS else min(2 * self.pause, MAX_PAUSE_SECONDS)
        self.due, self.answered = now + self.pause, None
        self._end(self.process)
        self.process = None
        return True

    def want(self) -> None:
        """Start it, or stop it to start it again."""
        if self.process is None:
            self.due = 0
        else:
            self.again = True
            self.process.terminate()

    def state(self) -> dict[str, Any]:
        """Return the entry of the member in stack.json."""
        state = {"starts": self.starts, "ended": self.ended}
        with suppress(psutil.NoSuchProcess):
            return {**state, **(entry(self.process.pid) if self.process else {})}
        return state

    def _rest(self, now: float) -> bool:
        """Note an end that is no fault and is not counted: it was asked for, or there is nothing to do."""
        self.due, self.starts = now if self.again else math.inf, self.starts - 1
        self.process, self.answered, self.again = None, None, False
        return True

    def _start(self, now: float) -> bool:
        self.process = subprocess.Popen(["/bin/sh", "-c", self.command], start_new_session=True)
        self.starts, self.began = self.starts + 1, now
        return True

    def _is_silent(self, now: float) -> bool:
        """Return whether a server that answered before has been silent for too long."""
        if self.health is None or now - self.checked < HEALTH_CHECK_SECONDS:
            return False
        self.checked = now
        if healthy(self.health):
            self.answered = now
        return self.answered is not None and now - self.answered > MAX_SILENCE_SECONDS

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a server and its children, which use its port. The runs of a worker go on until they finish."""
        if self.health is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def supervise(home: Path, members: list[Member], owner: dict[str, float] | None) -> None:
    """Keep members running until this process receives a signal or its owner has ended."""
    signals: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: signals.append(number))
    signal.signal(WORKER_WANTED, lambda *_: _start_waiting(members))
    signal.signal(SERVICE_WANTED, lambda *_: _want_service(members))
    note = {
        "keeper": entry(os.getpid()),
        "lasting": owner is None or any(member.health is None for member in members),
        "prefect": os.environ["PREFECT_API_URL"],
        "mlflow": os.environ["MLFLOW_TRACKING_URI"],
        "service_ports": [int(os.environ[name]) for name in SERVICE_PORTS if name in os.environ],
    }
    noted = False
    try:
        while not signals and (owner is None or alive(owner)):
            changes = [member.poll(time.monotonic()) for member in members]
            if any(changes) or not noted:
                noted = _noted(home, {**note, "members": {member.name: member.state() for member in members}}) or noted
            time.sleep(POLL_SECONDS)
    finally:
        _end(home, members)


def healthy(url: str) -> bool:
    """Return whether an address answers with status 200."""
    try:
        with urlopen(url, timeout=REQUEST_SECONDS) as reply:  # noqa: S310 - http addresses of our own or the user's
            return int(reply.status) == HTTPStatus.OK
    except (URLError, OSError, HTTPException):
        return False


def _noted(home: Path, note: dict[str, Any]) -> bool:
    """Write stack.json and return whether it worked; a full disk is no reason to end the members."""
    with suppress(OSError):
        write_note(home, note)
        return True
    return False


def _start_waiting(members: list[Member]) -> None:
    """Make the worker due, which waits for a request."""
    for member in members:
        if member.name == "worker" and member.due == math.inf:
            member.due = 0


def _want_service(members: list[Member]) -> None:
    for member in members:
        if member.name == "serve":
            member.want()


def _end(home: Path, members: list[Member]) -> None:
    """End the prediction service, which ends its own processes in their order, then the worker, then the servers.

    The runs of the worker can report to the servers that they were interrupted.
    """
    terminate(_processes([member for member in members if member.name == "serve"]), SERVICE_SHUTDOWN_SECONDS)
    serving = {member.process.pid for member in members if member.process and member.health}
    processes = stack_processes(home)
    servers = [process for process in processes if serving & {process.pid, *(p.pid for p in _parents(process))}]
    terminate([process for process in processes if process not in servers], SHUTDOWN_SECONDS)
    terminate(servers, SHUTDOWN_SECONDS)
    remove_note(home)


def _processes(members: list[Member]) -> list[psutil.Process]:
    found = []
    for member in members:
        with suppress(psutil.NoSuchProcess):
            found += [psutil.Process(member.process.pid)] if member.process else []
    return found


def _parents(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return process.parents()
    return []


def main() -> None:
    """Supervise the named members for an owner: a process id and its start time, or `-` for none."""
    home, owner, *names = sys.argv[1:]
    lines = parse_procfile(PROCFILE.read_text()).processes
    servers = {"prefect": os.environ["PREFECT_API_URL"], "mlflow": os.environ["MLFLOW_TRACKING_URI"]}
    health = {name: f"{url}/health" for name, url in servers.items()}
    health["serve"] = f"http://{LOOPBACK}:{os.environ.get(SERVICE_PORTS[1], '')}/live"
    members = [Member(name, lines[name], health.get(name), due=0 if name in servers else math.inf) for name in names]
    pid, _, created = owner.partition("@")
    supervise(Path(home), members, {"pid": int(pid), "created": float(created)} if created else None)


if __name__ == "__main__":
    main()
