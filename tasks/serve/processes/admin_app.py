"""Health and metrics of the whole service, on a port of its own: counters are summed over workers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tasks import clock
from tasks.serve.processes.rollout_metrics import rollout_lines
from tasks.serve.processes.shared_counters import (
    BOUNDS_MS,
    BUCKET_START,
    BUSY_US,
    LOG_FIELDS,
    NO_PROJECT,
    PROJECT_FIELDS,
    STATUS_START,
    STATUSES,
    SharedCounters,
    rows_waiting,
)
from tasks.serve.processes.table_metrics import TableAges
from tasks.serve.replies import Reply, json_reply
from tasks.serving_store import ServingStore
from tasks.serving_store.logged_rows import UNREADABLE_FOLDER
from tasks.serving_store.project_notes import FAULT_FILE, LANDING_FAULT_FILE, NO_CHAMPION_FILE

METRICS_TYPE = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class AdminApp:
    """`/live`, `/ready` and `/metrics`.

    Parameters
    ----------
    counters : SharedCounters
        Of all workers.
    store : ServingStore
        Has the grants of rollouts, and what the controller says of projects that it cannot publish.
    alive : callable
        Returns which workers run, by slot.
    starts : callable
        Returns how often workers were started.
    budget_seconds : float
        The time of a request that names none.
    """

    def __init__(
        self,
        counters: SharedCounters,
        store: ServingStore,
        alive: Callable[[], list[bool]],
        starts: Callable[[], int],
        budget_seconds: float,
    ) -> None:
        self._counters, self._store, self._alive, self._starts = counters, store, alive, starts
        self._root, self._tables = store.root, TableAges(store)
        self._budget_seconds = budget_seconds

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        """Answer a request."""
        reply = self._reply(scope["method"], scope["path"])
        headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})

    def _reply(self, method: str, path: str) -> Reply:
        pages: dict[str, Callable[[], Reply]] = {"/live": self._live, "/ready": self._ready, "/metrics": self._metrics}
        if path not in pages:
            return json_reply({"error": f"expected one of {', '.join(pages)}"}, HTTPStatus.NOT_FOUND)
        if method not in {"GET", "HEAD"}:
            return json_reply({"error": "use GET"}, HTTPStatus.METHOD_NOT_ALLOWED)
        return pages[path]()

    def _live(self) -> Reply:
        alive = any(self._alive())
        return json_reply({"live": alive}, HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE)

    def _ready(self) -> Reply:
        counters, alive, now = self._counters, self._alive(), clock.now().timestamp()
        ready = [bool(up and counters.of_worker(slot, "ready")) for slot, up in enumerate(alive)]
        projects = {
            project: {
                **self._fault(project, "publisher_fault", FAULT_FILE),
                **self._fault(project, "landing_fault", LANDING_FAULT_FILE),
                **self._fault(project, "no_champion", NO_CHAMPION_FILE),
                **self._tables_age(project, now),
                "unreadable_log_files": len(list((self._root / UNREADABLE_FOLDER / project).glob("*"))),
                "versions": sorted({counters.of_project(slot, project, "version") for slot in range(len(alive))}),
                "degraded": any(counters.of_project(slot, project, "reload_faults") for slot in range(len(alive))),
            }
            for project in counters.layout.projects
            if project != NO_PROJECT
        }
        content = {"ready": all(ready), "workers_ready": sum(ready), "workers": len(ready), "projects": projects}
        return json_reply(content, HTTPStatus.OK if any(ready) else HTTPStatus.SERVICE_UNAVAILABLE)

    def _fault(self, project: str, name: str, file: str) -> dict[str, str]:
        try:
            return {name: (self._root / project / file).read_text(encoding="utf-8")}
        except OSError:
            return {}

    def _tables_age(self, project: str, now: float) -> dict[str, int]:
        age = self._tables.age_seconds(project, now)
        return {} if age is None else {"tables_age_seconds": int(age)}

    def _faults(self, name: str, file: str, meaning: str) -> Iterator[str]:
        yield f"# HELP leeway_serve_{name} {meaning}"
        yield f"# TYPE leeway_serve_{name} gauge"
        for project in self._counters.layout.projects[1:]:
            yield f'leeway_serve_{name}{{project="{project}"}} {int(bool(self._fault(project, name, file)))}'

    def _metrics(self) -> Reply:
        return Reply(int(HTTPStatus.OK), "\n".join([*self._lines(), ""]).encode(), [METRICS_TYPE])

    def _lines(self) -> Iterator[str]:
        counters, alive = self._counters, self._alive()
        yield "# HELP leeway_serve_requests_total Requests that were replied to, by status."
        yield "# TYPE leeway_serve_requests_total counter"
        for project in counters.layout.projects:
            for place, status in enumerate(STATUSES):
                found = counters.sum(project, STATUS_START + place)  # also 0, so that the first error is an increase
                yield f'leeway_serve_requests_total{{project="{project}",status="{status}"}} {found}'
        yield "# HELP leeway_serve_request_seconds Time from the arrival of a request to its reply; not of labels."
        yield "# TYPE leeway_serve_request_seconds histogram"
        for project in counters.layout.projects:
            yield from self._histogram(project)
        yield "# HELP leeway_serve_budget_seconds The time of a request that names none."
        yield "# TYPE leeway_serve_budget_seconds gauge"
        yield f"leeway_serve_budget_seconds {self._budget_seconds:g}"
        yield from self._totals("rows", "leeway_serve_rows_total", "Rows that were answered.")
        yield from self._totals("deferred", "leeway_serve_deferred_total", "Rows that were left to a person.")
        yield "# HELP leeway_serve_version Number of the version that answers, by worker."
        yield "# TYPE leeway_serve_version gauge"
        for project in counters.layout.projects[1:]:
            for slot in range(len(alive)):
                number = counters.of_project(slot, project, "version")
                yield f'leeway_serve_version{{project="{project}",worker="{slot}"}} {number}'
        yield "# HELP leeway_serve_route_refused Whether the newest route of a project did not verify, by worker."
        yield "# TYPE leeway_serve_route_refused gauge"
        for project in counters.layout.projects[1:]:
            for slot in range(len(alive)):
                refused = counters.of_project(slot, project, "reload_faults")
                yield f'leeway_serve_route_refused{{project="{project}",worker="{slot}"}} {refused}'
        yield from self._faults(
            "publisher_fault", FAULT_FILE, "Whether the champion of a project could not be published."
        )
        yield from self._faults("landing_fault", LANDING_FAULT_FILE, "Whether logged rows or sent labels cannot land.")
        now = clock.now().timestamp()
        yield from rollout_lines(self._store, counters.layout.projects[1:], now)
        yield from self._tables.lines(counters.layout.projects[1:], now)
        yield from self._logged()
        yield from self._of_workers(alive)

    def _logged(self) -> Iterator[str]:
        counters, projects = self._counters, self._counters.layout.projects[1:]
        outcomes = [field for field in LOG_FIELDS if field != "log_queued"]
        yield "# HELP leeway_serve_log_rows_total Answered rows by what the prediction log did with them."
        yield "# TYPE leeway_serve_log_rows_total counter"
        for project in projects:
            for field in outcomes:
                found, outcome = counters.sum(project, PROJECT_FIELDS.index(field)), field.removeprefix("log_")
                yield f'leeway_serve_log_rows_total{{project="{project}",outcome="{outcome}"}} {found}'
        yield "# HELP leeway_serve_log_rows_queued Answered rows that wait in memory until they are written."
        yield "# TYPE leeway_serve_log_rows_queued gauge"
        for project in projects:
            waiting = sum(rows_waiting(counters, slot, project) for slot in range(counters.layout.workers))
            yield f'leeway_serve_log_rows_queued{{project="{project}"}} {waiting}'

    def _histogram(self, project: str) -> Iterator[str]:
        name, seen = "leeway_serve_request_seconds", 0
        for place, bound in enumerate(BOUNDS_MS):
            seen += self._counters.sum(project, BUCKET_START + place)
            yield f'{name}_bucket{{project="{project}",le="{bound / 1000:g}"}} {seen}'
        seen += self._counters.sum(project, BUCKET_START + len(BOUNDS_MS))
        seconds = self._counters.sum(project, BUSY_US) / 1e6
        yield f'{name}_bucket{{project="{project}",le="+Inf"}} {seen}'
        yield f'{name}_sum{{project="{project}"}} {seconds:.6f}'
        yield f'{name}_count{{project="{project}"}} {seen}'

    def _totals(self, field: str, name: str, text: str) -> Iterator[str]:
        yield f"# HELP {name} {text}"
        yield f"# TYPE {name} counter"
        for project in self._counters.layout.projects[1:]:
            yield f'{name}{{project="{project}"}} {self._counters.sum(project, PROJECT_FIELDS.index(field))}'

    def _of_workers(self, alive: list[bool]) -> Iterator[str]:
        yield "# HELP leeway_serve_worker_starts_total Starts of worker processes."
        yield "# TYPE leeway_serve_worker_starts_total counter"
        yield f"leeway_serve_worker_starts_total {self._starts()}"
        gauges: dict[str, Callable[[int], float]] = {
            "leeway_serve_worker_ready": lambda slot: int(alive[slot] and self._counters.of_worker(slot, "ready")),
            "leeway_serve_loop_lag_seconds": lambda slot: self._counters.of_worker(slot, "lag_us") / 1e6,
            "leeway_serve_requests_in_flight": lambda slot: self._counters.of_worker(slot, "in_flight"),
            "leeway_serve_worker_resident_bytes": lambda slot: resident_bytes(self._counters.of_worker(slot, "pid")),
        }
        for name, value in gauges.items():
            yield f"# TYPE {name} gauge"
            yield from (f'{name}{{worker="{slot}"}} {value(slot)}' for slot in range(len(alive)))


def resident_bytes(pid: int) -> int:
    """Return the memory of a process; 0 if it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
