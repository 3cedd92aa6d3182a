"""The local stack: Prefect, MLflow, a worker and the prediction service, kept running by flows.stack.supervisor.

Configured servers (PREFECT_API_URL, MLFLOW_TRACKING_URI) are used as they are. New servers listen on 127.0.0.1 by
default, keep their state in LEEWAY_HOME, and end with the block that opened them; the next start stops processes that a
killed run left behind. A home has one stack at a time, ensured by a lock on stack.lock.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flows.stack.access_key import access_key
from flows.stack.endpoints import QUIET, Endpoints, environment, on_host
from flows.stack.ports import LOOPBACK, OF_SERVICE, free_port, ports_of
from flows.stack.process_registry import entry, read_note, stack_processes, stop, supervisor_of, terminate
from flows.stack.supervisor import PROCFILE, SERVICE_WANTED, WORKER_WANTED, healthy
from tasks.errors import Terminal, Unreachable
from tasks.spec.private_home import private_home

__all__ = ["HOST", "PROCFILE", "QUIET", "Endpoints", "answers", "configured", "free_port", "open_stack", "running"]

HOST = LOOPBACK
START_SECONDS = 180
MAX_STARTS = 3
DRAIN_SECONDS = 5
POLL_SECONDS = 0.25
MAX_LOG_BYTES = 20_000_000
SERVERS = {"prefect": "Prefect", "mlflow": "MLflow"}
Say = Callable[[str], None]
Process = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class StackPlan:
    """How a stack is started: with or without a worker, whether it outlives its block, and on which host."""

    worker: bool
    keep: bool
    host: str


def stop_on_signals() -> None:
    """Raise KeyboardInterrupt on SIGINT and SIGTERM, so that the process stops what it started.

    A shell starts background jobs with interrupts ignored; this is undone.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def configured() -> Endpoints | None:
    """Return the servers that the environment names, or None.

    Raises
    ------
    Terminal
        When it names only one of the two.
    """
    prefect, mlflow = os.environ.get("PREFECT_API_URL"), os.environ.get("MLFLOW_TRACKING_URI")
    if bool(prefect) != bool(mlflow):
        present, missing = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI")[:: 1 if prefect else -1]
        raise Terminal(
            f"{present} is set but {missing} is not; set both to use your servers, or neither to start local ones"
        )
    return Endpoints(prefect.rstrip("/"), mlflow.rstrip("/")) if prefect and mlflow else None


def running(home: Path) -> Endpoints | None:
    """Return the servers of the stack that runs from this home and answers, or None."""
    note = read_note(home)
    if note is None or supervisor_of(home) is None:
        return None
    endpoints = endpoints_of(home, note)
    return endpoints if answers(endpoints) else None


def endpoints_of(home: Path, note: dict[str, Any]) -> Endpoints:
    """Return the endpoints of a stack's note, with the key of the home if the stack started Prefect itself."""
    key = access_key(home) if "prefect" in note["members"] else ""
    return Endpoints(note["prefect"], note["mlflow"], key, tuple(note.get("service_ports", ())))


def answers(endpoints: Endpoints) -> bool:
    """Return whether both servers are healthy."""
    return all(map(healthy, endpoints.health.values()))


@contextmanager
def open_stack(
    home: Path, *, worker: bool = False, keep: bool = False, host: str = HOST, say: Say = print
) -> Iterator[Endpoints]:
    """Give two healthy servers: configured ones, running ones, or new ones that end with the block.

    Parameters
    ----------
    worker : bool
        Also supervise a worker and the prediction service, which `start_worker` and `start_service` start; with
        configured servers, only these two are supervised.
    keep : bool
        Leave the new servers running after the block.
    host : str
        The address that new servers listen on.
    say : callable
        Called with a message for each step.

    Raises
    ------
    Unreachable
        When the servers do not answer; the message has the last lines of their log.
    """
    private_home(home, say)
    before, leave = dict(os.environ), False
    endpoints, supervisor = _find_or_start(home, StackPlan(worker, keep, host), say)
    try:
        if supervisor is not None:
            _wait(home, endpoints, supervisor, say)
        endpoints.export(home)
        yield endpoints
        leave = keep
    finally:
        if supervisor is not None and leave:
            supervisor.returncode = 0  # it outlives this object on purpose; this avoids a ResourceWarning
        elif supervisor is not None:
            _end(home, supervisor)
        for name in endpoints.variables(home):
            os.environ.pop(name, None)
            os.environ.update({name: before[name]} if name in before else {})


def start_worker(home: Path) -> None:
    """Start the worker of an open stack, after everything is deployed; a running worker is not affected."""
    supervisor = supervisor_of(home)
    if supervisor is not None:
        supervisor.send_signal(WORKER_WANTED)


def start_service(home: Path, *, again: bool = False) -> None:
    """Start the prediction service of an open stack, or start it again with the specs as they are now.

    Parameters
    ----------
    again : bool
        Whether a running service is stopped first; without it, a running one is not affected.
    """
    supervisor, member = supervisor_of(home), _members(home).get("serve")
    if supervisor is not None and member is not None and (again or "pid" not in member):
        supervisor.send_signal(SERVICE_WANTED)


def drain_logs() -> None:
    """Send the logs that this process still holds, before the server stops.

    Prefect sends logs in the background. Without a server it tries for a minute before it lets a process end. They are
    sent from a thread: in one with an event loop, such as a notebook's, Prefect would not wait.
    """
    handlers = sys.modules.get("prefect.logging.handlers")  # not imported unless a flow ran
    if handlers is not None:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(handlers.APILogWorker.drain_all, timeout=DRAIN_SECONDS).result()


def _find_or_start(home: Path, plan: StackPlan, say: Say) -> tuple[Endpoints, Process | None]:
    """Return the addresses of the servers, and the supervisor if this process started one."""
    foreign = configured()
    if foreign is not None and not answers(foreign):
        raise Unreachable(
            f"{foreign.prefect} and {foreign.mlflow} are configured but do not answer; start them or unset them"
        )
    while True:
        endpoints = foreign if foreign is not None and not plan.worker else _join(home, say)
        if endpoints is not None:
            say(f"using Prefect at {endpoints.prefect_ui} and MLflow at {endpoints.mlflow}")
            return endpoints, None
        with (home / "stack.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # another process is about to start a stack
                time.sleep(POLL_SECONDS)
                continue
            return _start(home, plan, foreign, lock.fileno(), say)


def _join(home: Path, say: Say) -> Endpoints | None:
    """Return the running stack of this home once it answers; wait for a temporary one to end, then return None."""
    announced, begun = False, time.monotonic()
    while (supervisor := supervisor_of(home)) is not None and (note := read_note(home)) is not None:
        endpoints, lasting = endpoints_of(home, note), note["lasting"]
        if lasting and answers(endpoints):
            return endpoints
        if not announced:
            state = "do not answer yet" if lasting else "end with the command that started them"
            say(f"waiting: the servers of process {supervisor.pid} run from {home} and {state}")
            announced = True
        if lasting and time.monotonic() - begun > START_SECONDS:
            raise Unreachable(
                f"the servers of process {supervisor.pid} do not answer; end that process, or read {home / 'stack.log'}"
            )
        time.sleep(POLL_SECONDS)
    return None


def _start(home: Path, plan: StackPlan, foreign: Endpoints | None, lock: int, say: Say) -> tuple[Endpoints, Process]:
    """Start a supervisor, which inherits the lock, and wait until it has written stack.json."""
    terminate(stack_processes(home))  # of a supervisor that was killed
    endpoints = foreign or on_host(plan.host, ports_of(home, plan.host, say), access_key(home))
    members = [*([] if foreign else SERVERS), *(["worker"] if plan.worker else [])]
    if plan.worker:
        ports = ports_of(home, LOOPBACK, say, OF_SERVICE)
        endpoints, members = replace(endpoints, service_ports=tuple(ports.values())), [*members, "serve"]
    say(f"starting {', '.join(name for name in members if name != 'serve')} (log: {home / 'stack.log'})")
    log_path, this_process = home / "stack.log", entry(os.getpid())
    if log_path.exists() and log_path.stat().st_size > MAX_LOG_BYTES:
        log_path.replace(log_path.with_suffix(".log.1"))
    owner = "-" if plan.keep else f"{this_process['pid']}@{this_process['created']}"
    with log_path.open("ab") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-P", "-m", "flows.stack.supervisor", str(home), owner, *members],
            env=environment(home, endpoints, plan.host),
            cwd=home,  # uvicorn imports from its folder first, and a user's may have packages of our names
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=[lock],
        )
    while (note := read_note(home)) is None or note["keeper"]["pid"] != supervisor.pid:
        if supervisor.poll() is not None:
            raise Unreachable(
                f"the supervisor of the servers ended with code {supervisor.returncode}; {_log_tail(home)}"
            )
        time.sleep(POLL_SECONDS)
    return endpoints, supervisor


def _wait(home: Path, endpoints: Endpoints, supervisor: Process, say: Say) -> None:
    """Wait until every new server is healthy; report each one that is, and each one that ended meanwhile."""
    begun, reported = time.monotonic(), 1
    waiting = {name: url for name, url in endpoints.health.items() if name in _members(home)}
    while waiting:
        for name in [name for name, url in waiting.items() if healthy(url)]:
            address = waiting.pop(name).removesuffix("/health").removesuffix("/api")
            say(f"{SERVERS[name]} answers after {time.monotonic() - begun:.0f} s: {address}")
        state = {name: _members(home).get(name, {"starts": 0, "ended": ""}) for name in waiting}
        starts, passed = max((member["starts"] for member in state.values()), default=0), time.monotonic() - begun
        if waiting and (supervisor.poll() is not None or starts > MAX_STARTS or passed > START_SECONDS):
            failed = ", ".join(f"{SERVERS[name]} ({member['ended'] or 'no answer'})" for name, member in state.items())
            raise Unreachable(f"{failed} did not start within {passed:.0f} s; {_log_tail(home)}")
        for name, member in state.items():
            if member["starts"] > reported:
                say(f"{SERVERS[name]} ended with {member['ended']}; restarting it")
        reported = max(reported, starts)
        time.sleep(POLL_SECONDS if waiting else 0)


def _members(home: Path) -> dict[str, dict[str, Any]]:
    note = read_note(home) or {}
    members: dict[str, dict[str, Any]] = note.get("members", {})
    return members


def _log_tail(home: Path) -> str:
    tail = (home / "stack.log").read_text(errors="replace").splitlines()[-5:]
    return "\n".join([f"the last lines of {home / 'stack.log'}:", *tail])


def _end(home: Path, supervisor: Process) -> None:
    """Stop the stack that this process started, but not one that another process has started since."""
    try:
        drain_logs()
    finally:
        holder = supervisor_of(home)
        if holder is None or holder.pid == supervisor.pid:
            stop(home)
        supervisor.poll()  # reaps it
