"""The processes a stack is made of: written down by id and start time, and stopped by them; nothing else is touched."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import psutil

STOP_SECONDS = 20


def read_note(home: Path) -> dict[str, Any] | None:
    """Return what the last start from this home wrote down, or None: keeper, members, and the servers' addresses."""
    try:
        note: dict[str, Any] = json.loads(_note_path(home).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return note


def write_note(home: Path, keeper: int, addresses: dict[str, str]) -> None:
    """Write down a keeper, all it started so far, and where the servers answer."""
    process = psutil.Process(keeper)
    members = [_entry(child) for child in process.children(recursive=True)]
    note = {"keeper": _entry(process), "members": members, **addresses}
    part = _note_path(home).with_suffix(".part")
    part.write_text(json.dumps(note))
    part.replace(_note_path(home))


def alive(entry: dict[str, float]) -> psutil.Process | None:
    """Return the process if it is the same one: ids are reused, so its start time must match too."""
    try:
        process = psutil.Process(int(entry["pid"]))
        same = abs(process.create_time() - entry["created"]) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if same else None


def stop(home: Path) -> None:
    """Stop all that the stack of this home started: asked first, then made to."""
    note = read_note(home)
    if note is None:
        return
    members = [process for entry in [note["keeper"], *note["members"]] if (process := alive(entry))]
    members += [child for process in members for child in process.children(recursive=True)]
    for process in members:
        _signal(process, signal.SIGTERM)
    _, left = psutil.wait_procs(members, timeout=STOP_SECONDS)
    for process in left:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(left, timeout=STOP_SECONDS)
    _note_path(home).unlink(missing_ok=True)


def _note_path(home: Path) -> Path:
    return home / "stack.json"


def _entry(process: psutil.Process) -> dict[str, float]:
    return {"pid": process.pid, "created": process.create_time()}


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
