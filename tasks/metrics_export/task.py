"""The tasks of metrics export: measure the machine, write the file, push to the gateway. No error fails a night."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import Error
from tasks.lake import TABLES, Lake, layout
from tasks.logs import line, logger
from tasks.metrics_export.night_facts import NightFacts, TableSize
from tasks.metrics_export.prometheus_text import Metrics, carried_over, exposition, families
from tasks.whole_file import write_whole

if TYPE_CHECKING:
    from prometheus_client import Metric

GATEWAY = "LEEWAY_PUSHGATEWAY"
JOB = "leeway"
PUSH_SECONDS = 5.0
_SECONDS: ContextVar[dict[str, float] | None] = ContextVar("room_seconds", default=None)


def write_metrics(home: Path, facts: NightFacts) -> None:
    """Write `<home>/metrics/<project>.prom` in one step, and push the same when LEEWAY_PUSHGATEWAY names a gateway.

    A metric without a new value keeps its last one. A full disk or a gateway that does not answer is only logged.

    Parameters
    ----------
    home : Path
        LEEWAY_HOME; the node exporter is started with `--collector.textfile.directory=<home>/metrics`.
    """
    path = home / "metrics" / f"{facts.project}.prom"
    metrics = _with_last_values(path, families(facts))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, exposition(metrics).encode(), 0o644)
    except OSError as error:
        logger().warning(line("gauges_not_written", path=path, why=error.strerror or error))
    if gateway := os.environ.get(GATEWAY):
        _push(gateway, facts, metrics)


def with_machine_facts(facts: NightFacts, lake: Lake, home: Path) -> NightFacts:
    """Return the facts with peak memory of this process, and sizes of the lake and of the disk."""
    free, size = _disk(home)
    return replace(
        facts,
        memory_peak_bytes=peak_memory_bytes(),
        lake=_lake_sizes(lake, facts.project),
        home_free_bytes=free,
        home_size_bytes=size,
    )


@contextmanager
def room_timer() -> Iterator[dict[str, float]]:
    """Yield a mapping to which every `timed` block inside adds its seconds."""
    seconds: dict[str, float] = {}
    token = _SECONDS.set(seconds)
    try:
        yield seconds
    finally:
        _SECONDS.reset(token)


@contextmanager
def timed(room: str) -> Iterator[None]:
    """Add the wall time of a block to a room's seconds, however the block ends; outside `room_timer` do nothing.

    >>> with room_timer() as seconds, timed("ingest"):
    ...     pass
    >>> list(seconds)
    ['ingest']
    """
    begun, seconds = time.monotonic(), _SECONDS.get()
    try:
        yield
    finally:
        if seconds is not None:
            seconds[room] = seconds.get(room, 0.0) + time.monotonic() - begun


def peak_memory_bytes() -> int | None:
    """Return the most resident memory this process has used; None where the system has no such number (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes if os.uname().sysname == "Darwin" else kilobytes * 1024  # macOS counts bytes


def _with_last_values(path: Path, metrics: Sequence[Metric]) -> list[Metric]:
    try:
        return carried_over(path.read_text(encoding="utf-8"), metrics)
    except FileNotFoundError:
        return list(metrics)
    except (OSError, ValueError) as error:
        logger().warning(line("last_gauges_not_read", path=path, why=type(error).__name__))
        return list(metrics)


def _push(gateway: str, facts: NightFacts, metrics: Sequence[Metric]) -> None:
    """Replace the project's metrics at the gateway; after a failed attempt, only those with a new value.

    So a pod without a lasting home does not erase the metrics of the last night.
    """
    from http.client import HTTPException

    from prometheus_client import push_to_gateway, pushadd_to_gateway

    push = pushadd_to_gateway if facts.finished is None else push_to_gateway
    try:
        push(gateway, JOB, Metrics(metrics), {"project": facts.project}, timeout=PUSH_SECONDS)
    except (OSError, ValueError, HTTPException) as error:  # an invalid address is a ValueError
        logger().warning(line("gauges_not_pushed", variable=GATEWAY, why=type(error).__name__))


def _lake_sizes(lake: Lake, project: str) -> dict[str, TableSize] | None:
    try:
        layouts = [found for table in TABLES if (found := layout(lake, project, table)) is not None]
    except (Error, OSError) as error:
        logger().warning(line("lake_not_measured", why=type(error).__name__))
        return None
    return {found.table: TableSize(found.files, found.size_bytes) for found in layouts}


def _disk(home: Path) -> tuple[int, int] | tuple[None, None]:
    """Return the free and the total size of a folder's disk, in bytes."""
    try:
        usage = shutil.disk_usage(home)
    except OSError:
        return None, None
    return usage.free, usage.total
