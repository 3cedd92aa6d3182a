"""Leases: one run at a time works on a project, and the lease of a dead run is taken over.

A lease is taken, extended and released by rows of the project's `leases` table. The number of a row is one more than
that of the state it follows, and each number is written once: a run that acts on an outdated state writes nothing. The
number of the row that granted a lease is its fencing token; it only grows.

A lease only avoids double work: every write of a night is exactly-once by itself, so a holder that wakes up after its
lease ran out does no harm.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from tasks import clock
from tasks.errors import Conflict, Error
from tasks.lake.lake import Lake
from tasks.logs import line, logger

TABLE = "leases"
NIGHT_LEASE = "night"
"""The lease of a run that changes the data of a project: a night, a retraining, an erasure or upkeep."""
PROMOTION_LEASE = "promotion"
"""The lease of a run that changes which version is champion, how it is rolled out, or the degree of automation."""
SPAN = timedelta(seconds=120)
PROLONG_SECONDS = 40.0
LOOK_SECONDS = 1.0
PATIENCE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of a holder to do something until a moment; `token` is the number of the row that granted it."""

    name: str
    holder: str
    token: int
    until: datetime


def this_process() -> str:
    """Return a unique name for this process: its host, its number and the moment of its start."""
    import psutil

    return f"{socket.gethostname()}/{os.getpid()}/{psutil.Process().create_time():.2f}"


@contextmanager
def acquire_lease(
    lake: Lake, project: str, name: str, *, holder: str | None = None, patience_seconds: float = PATIENCE_SECONDS
) -> Iterator[Lease]:
    """Hold a lease while the block runs; wait for the present holder, unless its process is dead.

    Raises
    ------
    Conflict
        When another process still holds it after `patience_seconds`.
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


def _taken(lake: Lake, project: str, name: str, who: tuple[str, float]) -> Lease:
    holder, patience_seconds = who
    deadline = time.monotonic() + patience_seconds
    while True:
        last = _last(lake, project, name)
        number, running = _next(last), _running(last)
        if running is None:
            lease = Lease(name, holder, number, clock.now() + SPAN)
            if _add(lake, project, lease, number):
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
        except Error as error:  # the next try may succeed, and nothing is lost if none does
            logger().warning(line("lease_not_prolonged", name=lease.name, why=error))


def _write(lake: Lake, project: str, lease: Lease, *, until: datetime) -> None:
    """Move the end of a lease, unless another process has taken it in the meantime."""
    while True:
        last = _last(lake, project, lease.name)
        if last is None or last["token"] != lease.token:
            return
        if _add(lake, project, Lease(lease.name, lease.holder, lease.token, until), _next(last)):
            return


def _last(lake: Lake, project: str, name: str) -> dict[str, Any] | None:
    """Return the newest row of a lease, or None when it was never held."""
    rows = lake.read(project, TABLE, where=[("name", "=", name)])
    return None if rows.empty else dict(rows.sort_values("commit").iloc[-1])


def _next(last: Mapping[str, Any] | None) -> int:
    return 1 if last is None else int(last["commit"]) + 1


def _running(last: Mapping[str, Any] | None) -> Lease | None:
    if last is None:
        return None
    lease = Lease(str(last["name"]), str(last["holder"]), int(last["token"]), last["until"].to_pydatetime())
    return None if lease.until <= clock.now() or _is_dead(lease.holder) else lease


def _add(lake: Lake, project: str, lease: Lease, number: int) -> bool:
    """Write a lease's state under a number; return whether it was free."""
    row = {"commit": number, "name": lease.name, "holder": lease.holder, "token": lease.token, "until": lease.until}
    try:
        return lake.append_if_absent(project, TABLE, pd.DataFrame([row]), f"{lease.name}/{number}")
    except Conflict:  # with so many writers, another one has the number by now
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
