"""The processes a stack is made of: written down by id and start time, marked by a variable they all inherit.

What is stopped is what the note names or the mark shows, so that not even a process whose parents were killed is left.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

MARK = "LEEWAY_STACK"
PORTS = ("LEEWAY_PREFECT_PORT", "LEEWAY_MLFLOW_PORT")  # what a stack's processes inherit too
STOP_SECONDS = 20
NOTE = "stack.json"


def read_note(home: Path) -> dict[str, Any] | None:
    """Return what the keeper of this home's stack wrote down, or None.

    `keeper` and each of `members` are a process; `prefect` and `mlflow` are where the servers answer, and `lasting`
    says whether the stack is meant to outlive the command that started it.
    """
    try:
        note: dict[str, Any] = json.loads((home / NOTE).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return note


def write_note(home: Path, note: dict[str, Any]) -> None:
    """Write down what runs; a reader sees the old note or the new one, never half of one."""
    part = home / f"{NOTE}.part"
    part.write_text(json.dumps(note))
    part.replace(home / NOTE)


def forget(home: Path) -> None:
    """Remove the note."""
    (home / NOTE).unlink(missing_ok=True)


def entry(pid: int) -> dict[str, float]:
    """Return what names a process for good: ids are reused, so its start time belongs to it."""
    return {"pid": pid, "created": psutil.Process(pid).create_time()}


def alive(noted: dict[str, Any]) -> psutil.Process | None:
    """Return the process if it still runs and is the same one."""
    try:
        process = psutil.Process(int(noted["pid"]))
        same = abs(process.create_time() - noted["created"]) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if same else None


def keeper_of(home: Path) -> psutil.Process | None:
    """Return the living process that keeps this home's stack, or None."""
    note = read_note(home)
    return alive(note["keeper"]) if note else None


def started_here(home: Path) -> bool:
    """Tell whether this very process started the stack that runs from a home."""
    keeper = keeper_of(home)
    return keeper is not None and keeper.ppid() == psutil.Process().pid


def belonging(home: Path) -> list[psutil.Process]:
    """Return all that runs of this home's stack, whoever its parents are; never the process that asks."""
    found = {process for process in psutil.process_iter() if _mark(process) == str(home)}
    note = read_note(home)
    if note is not None:
        noted = [alive(each) for each in (note["keeper"], *note["members"].values()) if "pid" in each]
        found.update(process for process in noted if process is not None)
    return [process for process in found if process.pid != psutil.Process().pid]


def promised(home: Path) -> set[int]:
    """Return the ports that stacks of other homes were started for, also those no server of theirs listens on yet."""
    found = set[int]()
    for process in psutil.process_iter():
        variables = _environment(process)
        if variables.get(MARK) not in {None, str(home)}:
            found |= {int(port) for name in PORTS if (port := variables.get(name, "")).isdigit()}
    return found


def stop(home: Path) -> None:
    """Stop all that the stack of this home started: its keeper, which stops the rest, then whatever it left."""
    keeper = keeper_of(home)
    if keeper is not None:
        _signal(keeper, signal.SIGTERM)
        psutil.wait_procs([keeper], timeout=2 * STOP_SECONDS)
    finish(belonging(home))
    forget(home)


def finish(processes: Sequence[psutil.Process], patience_seconds: float = STOP_SECONDS) -> None:
    """End processes and wait for it: asked first, then made to."""
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
    except (psutil.Error, OSError):  # it ended, or is not ours to look into
        return {}


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
