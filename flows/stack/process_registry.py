"""The processes of a stack: recorded by id and start time in stack.json, and marked by an inherited variable.

Stopping a stack ends every recorded or marked process, so that no process is left even if its parents were killed.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

MARK = "LEEWAY_STACK"
SERVICE_PORTS = ("LEEWAY_SERVE_PORT", "LEEWAY_SERVE_ADMIN_PORT")
PORTS = ("LEEWAY_PREFECT_PORT", "LEEWAY_MLFLOW_PORT", *SERVICE_PORTS)  # also inherited by the processes of a stack
STOP_SECONDS = 20
SUPERVISOR_STOP_SECONDS = 100  # the prediction service has 60 of them
NOTE = "stack.json"


def read_note(home: Path) -> dict[str, Any] | None:
    """Return the content of stack.json, written by the supervisor of the home's stack, or None.

    `keeper` is the process of the supervisor, `members` are those of the servers, the worker and the prediction
    service; `prefect` and `mlflow` are addresses, `service_ports` those of the prediction service and its health, and
    `lasting` is whether the stack outlives the command that started it.
    """
    try:
        note: dict[str, Any] = json.loads((home / NOTE).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return note


def write_note(home: Path, note: dict[str, Any]) -> None:
    """Write stack.json; a reader sees the old content or the new one, never a part."""
    part = home / f"{NOTE}.part"
    part.write_text(json.dumps(note))
    part.replace(home / NOTE)


def remove_note(home: Path) -> None:
    """Remove stack.json."""
    (home / NOTE).unlink(missing_ok=True)


def entry(pid: int) -> dict[str, float]:
    """Return the identity of a process: its id, which may be reused, and its start time."""
    return {"pid": pid, "created": psutil.Process(pid).create_time()}


def alive(recorded: dict[str, Any]) -> psutil.Process | None:
    """Return the process if it is running and is the recorded one."""
    try:
        process = psutil.Process(int(recorded["pid"]))
        same = abs(process.create_time() - recorded["created"]) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if same else None


def supervisor_of(home: Path) -> psutil.Process | None:
    """Return the running supervisor of this home's stack, or None."""
    note = read_note(home)
    return alive(note["keeper"]) if note else None


def started_here(home: Path) -> bool:
    """Return whether this process started the running stack of a home."""
    supervisor = supervisor_of(home)
    return supervisor is not None and supervisor.ppid() == psutil.Process().pid


def stack_processes(home: Path) -> list[psutil.Process]:
    """Return all running processes of this home's stack, whatever their parents, without the calling process."""
    processes = {process for process in psutil.process_iter() if _mark(process) == str(home)}
    note = read_note(home)
    if note is not None:
        recorded = [alive(entry) for entry in (note["keeper"], *note["members"].values()) if "pid" in entry]
        processes.update(process for process in recorded if process is not None)
    return [process for process in processes if process.pid != psutil.Process().pid]


def reserved_ports(home: Path) -> set[int]:
    """Return the ports of the stacks of other homes, also those on which no server listens yet."""
    ports = set[int]()
    for process in psutil.process_iter():
        variables = _environment(process)
        if variables.get(MARK) not in {None, str(home)}:
            ports |= {int(port) for name in PORTS if (port := variables.get(name, "")).isdigit()}
    return ports


def stop(home: Path) -> None:
    """Stop the stack of this home: its supervisor, which stops the members, then any process that is left."""
    supervisor = supervisor_of(home)
    if supervisor is not None:
        _signal(supervisor, signal.SIGTERM)
        psutil.wait_procs([supervisor], timeout=SUPERVISOR_STOP_SECONDS)
    terminate(stack_processes(home))
    remove_note(home)


def terminate(processes: Sequence[psutil.Process], patience_seconds: float = STOP_SECONDS) -> None:
    """Terminate processes, wait for them, and kill those that do not end in time."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    _, left = psutil.wait_procs(processes, timeout=patience_seconds)
    for process in left:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(left, timeout=patience_seconds)


def _mark(process: psutil.Process) -> str | None:
    return _environment(process).get(MARK)


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ() if process.status() != psutil.STATUS_ZOMBIE else {}
    except (psutil.Error, OSError):  # it ended, or belongs to another user
        return {}


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
