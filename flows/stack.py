"""The local stack: a Prefect server and an MLflow server (and a worker), started from infra/Procfile by honcho.

Addresses already configured (PREFECT_API_URL, MLFLOW_TRACKING_URI) are used as they are. What is started listens on
127.0.0.1, keeps its state under LEEWAY_HOME, writes down its process ids, and is stopped by them; whatever a killed run
left behind is stopped by the next start.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from flows.processes import alive, read_note, stop, write_note
from tasks.errors import Terminal, Unreachable
from tasks.spec.find import projects_folder

HOST = "127.0.0.1"
PROCFILE = Path(__file__).parent.parent / "infra" / "Procfile"
START_SECONDS = 180
HAND_IN_SECONDS = 5
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the two servers answer."""

    prefect: str
    mlflow: str

    @property
    def prefect_ui(self) -> str:
        """The page a person opens."""
        return self.prefect.removesuffix("/api")

    def export(self, home: Path) -> None:
        """Make this process, and those it starts, use these servers and this home."""
        os.environ.update(QUIET)
        os.environ["PREFECT_API_URL"] = self.prefect
        os.environ["MLFLOW_TRACKING_URI"] = self.mlflow
        os.environ["LEEWAY_HOME"] = str(home)
        os.environ.setdefault("PREFECT_HOME", str(home / "prefect"))


def stop_on_signals() -> None:
    """Let an interrupt and a request to end both unwind this process, so that what it started is stopped.

    A shell starts background jobs with interrupts ignored; that is undone here.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def configured() -> Addresses | None:
    """Return the servers the environment names, or None when it names none.

    Raises
    ------
    Terminal
        When it names only one of the two.
    """
    prefect, mlflow = os.environ.get("PREFECT_API_URL"), os.environ.get("MLFLOW_TRACKING_URI")
    if bool(prefect) != bool(mlflow):
        given, lacking = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI")[:: 1 if prefect else -1]
        raise Terminal(
            f"{given} is set but {lacking} is not; set both to use your servers, or neither to start local ones"
        )
    return Addresses(prefect, mlflow) if prefect and mlflow else None


def running(home: Path) -> Addresses | None:
    """Return the stack that was started from this home and still answers, or None."""
    note = read_note(home)
    if note is None or not alive(note["keeper"]):
        return None
    addresses = Addresses(note["prefect"], note["mlflow"])
    return addresses if answers(addresses) else None


def answers(addresses: Addresses) -> bool:
    """Tell whether both servers are healthy."""
    return _healthy(f"{addresses.prefect}/health") and _healthy(f"{addresses.mlflow}/health")


@contextmanager
def open_stack(
    home: Path, *, worker: bool = False, keep: bool = False, say: Callable[[str], None] = print
) -> Iterator[Addresses]:
    """Give two healthy servers: the configured ones, the running ones, or new ones that end with the block.

    Parameters
    ----------
    worker : bool
        Also start a worker, so that scheduled runs are carried out.
    keep : bool
        Leave what was started running.
    say : callable
        Told each step, for people who wait.
    """
    found = configured() or running(home)
    if found is not None:
        if not answers(found):
            raise Unreachable(
                f"{found.prefect} and {found.mlflow} are configured but do not answer; start them or unset them"
            )
        found.export(home)
        say(f"using Prefect at {found.prefect_ui} and MLflow at {found.mlflow}")
        yield found
        return
    stop(home)
    keeper, leave = start(home, worker=worker, say=say), False
    try:
        addresses = _wait(home, keeper, say)
        addresses.export(home)
        yield addresses
        leave = keep
    finally:
        if not leave:
            _end(home, keeper)


def start(home: Path, *, worker: bool, say: Callable[[str], None]) -> subprocess.Popen[bytes]:
    """Start honcho on the Procfile with free ports; return at once."""
    home.mkdir(parents=True, exist_ok=True)
    prefect_port, mlflow_port = free_port("LEEWAY_PREFECT_PORT", 4200), free_port("LEEWAY_MLFLOW_PORT", 5000)
    addresses = Addresses(f"http://{HOST}:{prefect_port}/api", f"http://{HOST}:{mlflow_port}")
    environment = {
        **os.environ,
        **QUIET,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "LEEWAY_HOME": str(home),
        "LEEWAY_PROJECTS": str(projects_folder().resolve()),  # a worker's runs have another working directory
        "LEEWAY_HOST": HOST,
        "LEEWAY_PREFECT_PORT": str(prefect_port),
        "LEEWAY_MLFLOW_PORT": str(mlflow_port),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": addresses.prefect,
        "MLFLOW_TRACKING_URI": addresses.mlflow,
    }
    members = ["prefect", "mlflow", *(["worker"] if worker else [])]
    say(f"starting {', '.join(members)} (log: {home / 'stack.log'})")
    with (home / "stack.log").open("ab") as log:
        keeper = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "honcho",
                "start",
                "--no-prefix",
                "-f",
                str(PROCFILE),
                "-d",
                str(Path.cwd()),
                *members,
            ],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    write_note(home, keeper.pid, {"prefect": addresses.prefect, "mlflow": addresses.mlflow})
    return keeper


def hand_in() -> None:
    """Send the logs and events this process still holds, while there is a server to take them.

    Prefect sends them in the background, and when its server is gone tries for a minute before it lets a process end.
    """
    handlers = sys.modules.get("prefect.logging.handlers")  # not there unless something ran
    if handlers is not None:
        handlers.APILogWorker.drain_all(timeout=HAND_IN_SECONDS)  # every sender's, not only its own


def _end(home: Path, keeper: subprocess.Popen[bytes]) -> None:
    try:
        hand_in()
    finally:
        stop(home)
        keeper.poll()  # it is known to have ended


def free_port(variable: str, preferred: int) -> int:
    """Return the port a variable names, else the preferred one if it is free, else any free one."""
    wanted = os.environ.get(variable)
    if wanted and not wanted.isdigit():
        raise Terminal(f"{variable} is {wanted!r}; expected the number of a port")
    if wanted:
        return int(wanted)
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unreachable(f"no free port on {HOST}")


def _wait(home: Path, keeper: subprocess.Popen[bytes], say: Callable[[str], None]) -> Addresses:
    note = read_note(home) or {}
    addresses, begun = Addresses(note["prefect"], note["mlflow"]), time.monotonic()
    waiting = {"Prefect": f"{addresses.prefect}/health", "MLflow": f"{addresses.mlflow}/health"}
    while waiting:
        for name in [name for name, url in waiting.items() if _healthy(url)]:
            address = waiting.pop(name).removesuffix("/health").removesuffix("/api")
            say(f"{name} answers after {time.monotonic() - begun:.0f} s: {address}")
        if keeper.poll() is not None or time.monotonic() - begun > START_SECONDS:
            tail = (home / "stack.log").read_text(errors="replace").splitlines()[-5:]
            raise Unreachable(
                f"{', '.join(waiting)} did not start within {START_SECONDS} s; last lines of the log:\n"
                + "\n".join(tail)
            )
        time.sleep(0.25)
    write_note(home, keeper.pid, {"prefect": addresses.prefect, "mlflow": addresses.mlflow})
    return addresses


def _healthy(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as reply:  # noqa: S310 - http addresses of our own or the user's servers
            return int(reply.status) == 200  # noqa: PLR2004 - HTTP OK
    except (URLError, OSError):
        return False
