"""Counters in memory that the supervisor shares with its workers: a killed worker loses none of them.

Each worker has a region of its own, which its replacement continues, so that sums never fall. Labels are bounded: the
projects are fixed when the service starts, statuses and bounds are listed here.
"""

from __future__ import annotations

import mmap
import os
from bisect import bisect_left
from collections.abc import Sequence

STATUSES = (200, 400, 401, 403, 404, 405, 408, 411, 413, 415, 422, 429, 431, 500, 503, 504)
BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 300, 500, 1000, 5000)
WORKER_FIELDS = ("pid", "ready", "lag_us", "in_flight", "turns")
"""The state of a worker; `turns` grows while its event loop runs, from its first turn on."""
LOG_FIELDS = ("log_queued", "log_written", "log_full", "log_failed", "log_lost")
"""Rows that the log has taken, has written, had no room for, could not write, and lost with a killed process."""
PROJECT_FIELDS = ("version", "serial", "rows", "deferred", "busy_us", "reload_faults", *LOG_FIELDS)
BUSY_US = PROJECT_FIELDS.index("busy_us")
NO_PROJECT = ""
WORD = 8


class CounterLayout:
    """Where each counter is: the same for the supervisor and its workers.

    Examples
    --------
    >>> layout = CounterLayout(["house-prices"], workers=2)
    >>> layout.words * 8 == layout.size_bytes
    True
    """

    def __init__(self, projects: Sequence[str], workers: int) -> None:
        self.projects = (NO_PROJECT, *projects)
        self.workers = workers
        self._of_project = len(PROJECT_FIELDS) + len(STATUSES) + len(BOUNDS_MS) + 1
        self.of_worker = len(WORKER_FIELDS) + len(self.projects) * self._of_project
        self.words = workers * self.of_worker
        self.size_bytes = self.words * WORD

    def worker(self, slot: int, name: str) -> int:
        """Return the place of a field of a worker."""
        return slot * self.of_worker + WORKER_FIELDS.index(name)

    def project(self, slot: int, project: str) -> int:
        """Return the first place of a project in the region of a worker."""
        start = slot * self.of_worker + len(WORKER_FIELDS)
        return start + self.projects.index(project) * self._of_project


STATUS_START = len(PROJECT_FIELDS)
BUCKET_START = STATUS_START + len(STATUSES)
_STATUS_PLACES = {status: STATUS_START + place for place, status in enumerate(STATUSES)}
_OTHER = _STATUS_PLACES[500]


class SharedCounters:
    """The counters of all workers, in memory that a file descriptor names."""

    def __init__(self, layout: CounterLayout, descriptor: int) -> None:
        self.layout = layout
        self._memory = mmap.mmap(descriptor, max(layout.size_bytes, 1))
        self.words = memoryview(self._memory).cast("Q")

    def sum(self, project: str, place: int) -> int:
        """Return a counter of a project, summed over workers."""
        return sum(self.words[self.layout.project(slot, project) + place] for slot in range(self.layout.workers))

    def of_worker(self, slot: int, name: str) -> int:
        """Return a field of a worker."""
        return self.words[self.layout.worker(slot, name)]

    def of_project(self, slot: int, project: str, name: str) -> int:
        """Return a field of a project in the region of a worker."""
        return self.words[self.layout.project(slot, project) + PROJECT_FIELDS.index(name)]


def rows_waiting(counters: SharedCounters, slot: int, project: str) -> int:
    """Return how many rows of a project wait in the queue of a worker, or were lost with it since it began."""
    taken, *ended = (counters.of_project(slot, project, name) for name in LOG_FIELDS if name != "log_full")
    return max(0, taken - sum(ended))


def shared_memory(layout: CounterLayout) -> int:
    """Return a descriptor of empty memory for a layout; children inherit it."""
    descriptor = os.memfd_create("leeway-serve")
    os.ftruncate(descriptor, max(layout.size_bytes, 1))
    os.set_inheritable(descriptor, True)  # noqa: FBT003 - the function takes it by position
    return descriptor


class WorkerCounters:
    """The counters that one worker writes."""

    def __init__(self, shared: SharedCounters, slot: int) -> None:
        self._words, self._layout, self._slot = shared.words, shared.layout, slot
        self._starts = {project: shared.layout.project(slot, project) for project in shared.layout.projects}

    def begin(self, pid: int) -> None:
        """Begin as a new process: its state is its own, while counts go on from those of the process before it."""
        for name in WORKER_FIELDS:
            self.set(name, 0)
        self.set("pid", pid)

    def set(self, name: str, value: int) -> None:
        """Set a field of the worker."""
        self._words[self._layout.worker(self._slot, name)] = value

    def set_project(self, project: str, name: str, value: int) -> None:
        """Set a field of a project."""
        self._words[self._starts[project] + PROJECT_FIELDS.index(name)] = value

    def of_project(self, project: str, name: str) -> int:
        """Return a field of a project."""
        return self._words[self._starts[project] + PROJECT_FIELDS.index(name)]

    def add_project(self, project: str, name: str, value: int) -> None:
        """Add to a field of a project."""
        self._words[self._starts[project] + PROJECT_FIELDS.index(name)] += value

    def request(self, project: str, status: int, seconds: float | None) -> None:
        """Count a request that was replied to, and the time that it took; None for one without a deadline."""
        words, start = self._words, self._starts[project]
        words[start + _STATUS_PLACES.get(status, _OTHER)] += 1
        if seconds is None:
            return
        words[start + BUCKET_START + bisect_left(BOUNDS_MS, seconds * 1000)] += 1
        words[start + BUSY_US] += int(seconds * 1_000_000)
