"""The local stack: a Prefect server and an MLflow server (and a worker), kept running by flows.stack.supervisor.

Addresses already configured (PREFECT_API_URL, MLFLOW_TRACKING_URI) are used as they are. What is started listens on
127.0.0.1 unless another host is asked for, keeps its state under LEEWAY_HOME, and ends with the block that opened it;
whatever a killed run left behind is stopped by the next start. A home has one stack at a time: a lock on stack.lock.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.stack.endpoints import QUIET, Endpoints, environment, on_host
from flows.stack.ports import LOOPBACK, free_port, ports_of
from flows.stack.process_registry import belonging, entry, finish, keeper_of, read_note, stop
from flows.stack.supervisor import PROCFILE, WORKER_WANTED, healthy
from tasks.errors import Terminal, Unreachable

__all__ = ["HOST", "PROCFILE", "QUIET", "Endpoints", "answers", "configured", "free_port", "open_stack", "running"]

HOST = LOOPBACK
START_SECONDS = 180
TRIES = 3
HAND_IN_SECONDS = 5
LOOK_SECONDS = 0.25
LONGEST_LOG_BYTES = 20_000_000
SERVERS = {"prefect": "Prefect", "mlflow": "MLflow"}
Say = Callable[[str], None]
Process = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What is started when nothing runs: with a worker or without, to stay or to end with the block, on which host."""

    worker: bool
    keep: bool
    host: str


def stop_on_signals() -> None:
    """Let an interrupt and a request to end both unwind this process, so that what it started is stopped.

    A shell starts background jobs with interrupts ignored; that is undone here.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def configured() -> Endpoints | None:
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
    return Endpoints(prefect.rstrip("/"), mlflow.rstrip("/")) if prefect and mlflow else None


def running(home: Path) -> Endpoints | None:
    """Return the stack that was started from this home and still answers, or None."""
    note = read_note(home)
    if note is None or keeper_of(home) is None:
        return None
    addresses = Endpoints(note["prefect"], note["mlflow"])
    return addresses if answers(addresses) else None


def answers(addresses: Endpoints) -> bool:
    """Tell whether both servers are healthy."""
    return all(map(healthy, addresses.health.values()))


@contextmanager
def open_stack(
    home: Path, *, worker: bool = False, keep: bool = False, host: str = HOST, say: Say = print
) -> Iterator[Endpoints]:
    """Give two healthy servers: the configured ones, the running ones, or new ones that end with the block.

    Parameters
    ----------
    worker : bool
        Also keep a worker, which `start_worker` lets begin; beside configured servers it alone is kept.
    keep : bool
        Leave what was started running.
    host : str
        The address that new servers listen on.
    say : callable
        Told each step, for people who wait.

    Raises
    ------
    Unreachable
        When the servers do not answer, with the last lines of their log.
    """
    home.mkdir(parents=True, exist_ok=True)
    before, leave = dict(os.environ), False
    addresses, keeper = _found_or_started(home, StackPlan(worker, keep, host), say)
    try:
        if keeper is not None:
            _wait(home, addresses, keeper, say)
        addresses.export(home)
        yield addresses
        leave = keep
    finally:
        if keeper is not None and leave:
            keeper.returncode = 0  # it outlives this object on purpose; else that is warned of
        elif keeper is not None:
            _end(home, keeper)
        for name in addresses.variables(home):
            os.environ.pop(name, None)
            os.environ.update({name: before[name]} if name in before else {})


def start_worker(home: Path) -> None:
    """Let the worker of an open stack begin, now that everything is deployed; a worker that runs is left alone."""
    keeper = keeper_of(home)
    if keeper is not None:
        keeper.send_signal(WORKER_WANTED)


def hand_in() -> None:
    """Send the logs and events this process still holds, while there is a server to take them.

    Prefect sends them in the background, and when its server is gone tries for a minute before it lets a process end.
    """
    handlers = sys.modules.get("prefect.logging.handlers")  # not there unless something ran
    if handlers is not None:
        handlers.APILogWorker.drain_all(timeout=HAND_IN_SECONDS)  # every sender's, not only its own


def _found_or_started(home: Path, plan: StackPlan, say: Say) -> tuple[Endpoints, Process | None]:
    """Return where the servers answer or will, and the keeper if this process started one."""
    foreign = configured()
    if foreign is not None and not answers(foreign):
        raise Unreachable(
            f"{foreign.prefect} and {foreign.mlflow} are configured but do not answer; start them or unset them"
        )
    while True:
        found = foreign if foreign is not None and not plan.worker else _joined(home, say)
        if found is not None:
            say(f"using Prefect at {found.prefect_ui} and MLflow at {found.mlflow}")
            return found, None
        with (home / "stack.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # somebody else is about to start one
                time.sleep(LOOK_SECONDS)
                continue
            return _started(home, plan, foreign, lock.fileno(), say)


def _joined(home: Path, say: Say) -> Endpoints | None:
    """Return the stack that runs from this home once it answers; one that ends with its command is waited out."""
    said, begun = False, time.monotonic()
    while (keeper := keeper_of(home)) is not None and (note := read_note(home)) is not None:
        addresses, lasting = Endpoints(note["prefect"], note["mlflow"]), note["lasting"]
        if lasting and answers(addresses):
            return addresses
        if not said:
            wait = "do not answer yet" if lasting else "end with the command that started them"
            say(f"waiting: servers kept by process {keeper.pid} run from {home}, and {wait}")
            said = True
        if lasting and time.monotonic() - begun > START_SECONDS:
            raise Unreachable(
                f"the servers of process {keeper.pid} do not answer; end that process, or read {home / 'stack.log'}"
            )
        time.sleep(LOOK_SECONDS)
    return None


def _started(home: Path, plan: StackPlan, foreign: Endpoints | None, lock: int, say: Say) -> tuple[Endpoints, Process]:
    """Start a keeper, which inherits the lock, and wait until it has written its note."""
    finish(belonging(home))  # of a keeper that was killed
    addresses = foreign or on_host(plan.host, ports_of(home, plan.host, say))
    members = [*([] if foreign else SERVERS), *(["worker"] if plan.worker else [])]
    say(f"starting {', '.join(members)} (log: {home / 'stack.log'})")
    log_path, mine = home / "stack.log", entry(os.getpid())
    if log_path.exists() and log_path.stat().st_size > LONGEST_LOG_BYTES:
        log_path.replace(log_path.with_suffix(".log.1"))
    owner = "-" if plan.keep else f"{mine['pid']}@{mine['created']}"
    with log_path.open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "flows.stack.supervisor", str(home), owner, *members],
            env=environment(home, addresses, plan.host),
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=[lock],
        )
    while (note := read_note(home)) is None or note["keeper"]["pid"] != keeper.pid:
        if keeper.poll() is not None:
            raise Unreachable(f"the servers' keeper ended with code {keeper.returncode}; {_last_words(home)}")
        time.sleep(LOOK_SECONDS)
    return addresses, keeper


def _wait(home: Path, addresses: Endpoints, keeper: Process, say: Say) -> None:
    """Wait until every server that was started is healthy; say when one is, and when one ended on the way."""
    begun, told = time.monotonic(), 1
    waiting = {name: url for name, url in addresses.health.items() if name in _members(home)}
    while waiting:
        for name in [name for name, url in waiting.items() if healthy(url)]:
            address = waiting.pop(name).removesuffix("/health").removesuffix("/api")
            say(f"{SERVERS[name]} answers after {time.monotonic() - begun:.0f} s: {address}")
        state = {name: _members(home).get(name, {"starts": 0, "ended": ""}) for name in waiting}
        starts, passed = max((each["starts"] for each in state.values()), default=0), time.monotonic() - begun
        if waiting and (keeper.poll() is not None or starts > TRIES or passed > START_SECONDS):
            how = ", ".join(f"{SERVERS[name]} ({each['ended'] or 'no answer'})" for name, each in state.items())
            raise Unreachable(f"{how} did not start within {passed:.0f} s; {_last_words(home)}")
        for name, each in state.items():
            if each["starts"] > told:
                say(f"{SERVERS[name]} ended with {each['ended']}; it is started again")
        told = max(told, starts)
        time.sleep(LOOK_SECONDS if waiting else 0)


def _members(home: Path) -> dict[str, dict[str, Any]]:
    note = read_note(home) or {}
    members: dict[str, dict[str, Any]] = note.get("members", {})
    return members


def _last_words(home: Path) -> str:
    tail = (home / "stack.log").read_text(errors="replace").splitlines()[-5:]
    return "\n".join([f"the last lines of {home / 'stack.log'}:", *tail])


def _end(home: Path, keeper: Process) -> None:
    """End what this process started, and nothing that somebody else started since."""
    try:
        hand_in()
    finally:
        holder = keeper_of(home)
        if holder is None or holder.pid == keeper.pid:
            stop(home)
        keeper.poll()  # it is known to have ended
