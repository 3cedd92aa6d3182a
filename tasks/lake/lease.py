"""Leases: one run at a time does a project's night, and a run that died is noticed.

A lease is taken, prolonged and given back by commits to the project's `leases` table. Each commit's name is its number,
looked up before the state is read, so whoever acts on a state that has changed meanwhile writes nothing: the commit
number of a lease only grows and is its fencing token.

What a lease protects is never more than order and effort: every write of a night is exactly-once by itself, so even a
holder that wakes up after its lease ran out does no harm.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from tasks import clock
from tasks.errors import Conflict, Error
from tasks.lake.lake import Lake
from tasks.logs import line, logger

TABLE = "leases"
SPAN = timedelta(seconds=120)
PROLONG_SECONDS = 40.0
LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may do what until when; `token` is the number of the commit that gave it."""

    name: str
    holder: str
    token: int
    until: datetime


def this_process() -> str:
    """Return a name for this process that no later one with its number shares: host, number, moment of its start."""
    import psutil

    return f"{socket.gethostname()}/{os.getpid()}/{psutil.Process().create_time():.2f}"


@contextmanager
def held(
    lake: Lake, project: str, name: str, *, holder: str | None = None, patience_seconds: float = PATIENCE_SECONDS
) -> Iterator[Lease]:
    """Hold a lease for as long as the block takes; wait for whoever holds it, unless that one is dead.

    Raises
    ------
    Conflict
        When somebody else still holds it after `patience_seconds`.
    """
    lease = _taken(lake, project, name, (holder or this_process(), patience_seconds))
    over = threading.Event()
    prolonging = threading.Thread(target=_prolong, args=(lake, project, lease, over), daemon=True)
    prolonging.start()
    try:
        yield lease
    finally:
        over.set()
        prolonging.join()
        _write(lake, project, lease, until=clock.now())


def current(lake: Lake, project: str, name: str) -> Lease | None:
    """Return the lease that runs now, or None; one whose holder is known to be dead does not run."""
    rows = lake.read(project, TABLE, where=[("name", "=", name)])
    if rows.empty:
        return None
    last = rows.sort_values("commit").iloc[-1]
    lease = Lease(name, str(last["holder"]), int(last["token"]), last["until"].to_pydatetime())
    return None if lease.until <= clock.now() or _is_dead(lease.holder) else lease


def _taken(lake: Lake, project: str, name: str, who: tuple[str, float]) -> Lease:
    holder, patience_seconds = who
    deadline = time.monotonic() + patience_seconds
    while True:
        commit = _next_commit(lake, project)
        running = current(lake, project, name)
        if running is None:
            lease = Lease(name, holder, commit, clock.now() + SPAN)
            if _add(lake, project, lease, commit):
                return lease
        elif time.monotonic() >= deadline:
            raise Conflict(
                f"{running.holder} has been doing the {name} of {project} for too long; expected it to end within "
                f"{patience_seconds:.0f} s. Is it stuck? End that process, and run this again"
            )
        else:
            time.sleep(LOOK_SECONDS)


def _prolong(lake: Lake, project: str, lease: Lease, over: threading.Event) -> None:
    while not over.wait(PROLONG_SECONDS):
        try:
            _write(lake, project, lease, until=clock.now() + SPAN)
        except Error as error:  # the next try may succeed, and nothing is lost if none does: see the module's text
            logger().warning(line("lease_not_prolonged", name=lease.name, why=error))


def _write(lake: Lake, project: str, lease: Lease, *, until: datetime) -> None:
    """Move a lease's end, unless somebody else has taken it meanwhile."""
    while True:
        commit = _next_commit(lake, project)
        rows = lake.read(project, TABLE, columns=["commit", "token"], where=[("name", "=", lease.name)])
        if rows.sort_values("commit")["token"].iloc[-1] != lease.token:
            return
        if _add(lake, project, Lease(lease.name, lease.holder, lease.token, until), commit):
            return


def _next_commit(lake: Lake, project: str) -> int:
    """Return the number of the next commit; the table is made first, so that this holds for the first lease too."""
    lake.ensured(project, TABLE)
    return (lake.version(project, TABLE) or 0) + 1


def _add(lake: Lake, project: str, lease: Lease, commit: int) -> bool:
    """Write a lease's state as the commit of that number; return whether it was free."""
    row = {"commit": commit, "name": lease.name, "holder": lease.holder, "token": lease.token, "until": lease.until}
    try:
        return lake.add_once(project, TABLE, pd.DataFrame([row]), f"lease/{commit}")
    except Conflict:  # so many others write that somebody else has the number by now
        return False


def _is_dead(holder: str) -> bool:
    """Tell whether a holder was a process of this machine that no longer runs."""
    import psutil

    host, number, started = holder.rsplit("/", 2)
    if host != socket.gethostname():
        return False
    try:
        return f"{psutil.Process(int(number)).create_time():.2f}" != started
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
