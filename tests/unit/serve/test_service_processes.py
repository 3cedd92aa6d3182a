"""The parts of the processes: a task that fails ends its server, a child that cannot start is tried again."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tasks.serve.processes.admin_app import AdminApp
from tasks.serve.processes.background_task import end_with
from tasks.serve.processes.service_supervisor import Child, Children, report_lost
from tasks.serve.processes.shared_counters import (
    BOUNDS_MS,
    BUCKET_START,
    BUSY_US,
    STATUS_START,
    STATUSES,
    CounterLayout,
    SharedCounters,
    WorkerCounters,
    shared_memory,
)
from tasks.serve.processes.table_metrics import TableAges
from tasks.serve.service_settings import LOG_CLOSE_SECONDS, ServiceSettings
from tasks.serving_store import ServingStore
from tasks.serving_store.table_snapshots.snapshot_store import SnapshotStore
from tasks.serving_store.table_snapshots.table_snapshot import TableSnapshot
from tests.bench.serving_peers import constant
from tests.coroutines import run_apart
from tests.unit.serve.packages import KEY


def test_a_task_that_fails_ends_its_server_and_its_values_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    server = uvicorn.Server(uvicorn.Config(constant))

    async def fail() -> None:
        raise ValueError("71.5")

    async def run() -> None:
        task = asyncio.create_task(fail(), name="watch")
        task.add_done_callback(end_with(server))
        await asyncio.wait([task])
        await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR):
        run_apart(run())
    assert server.should_exit
    assert caplog.messages[0].startswith("task_failed error=ValueError task=watch where=test_service_processes.py:")
    assert "71.5" not in caplog.text


def test_a_child_that_cannot_start_is_tried_again_later() -> None:
    child = Child(["/nowhere/python", "-m", "module"], {})
    child.keep(10.0)
    assert (child.starts, child.due, child.pause) == (0, 10.1, 0.2)
    child.keep(10.05)
    assert child.due == 10.1
    child.keep(10.2)
    assert child.starts == 0
    assert child.due == pytest.approx(10.4)
    child.command = [sys.executable, "-c", "pass"]
    child.keep(10.5)
    assert child.starts == 1
    assert child.process is not None
    assert child.process.wait(timeout=30) == 0


def test_a_new_worker_has_a_state_of_its_own_and_goes_on_with_the_counts() -> None:
    layout = CounterLayout(["flats"], 1)
    descriptor = shared_memory(layout)
    shared = SharedCounters(layout, descriptor)
    os.close(descriptor)
    first = WorkerCounters(shared, 0)
    first.begin(7)
    first.set("ready", 1)
    first.set("lag_us", 5)
    first.set("in_flight", 3)
    first.add_project("flats", "rows", 12)
    WorkerCounters(shared, 0).begin(8)
    assert [shared.of_worker(0, name) for name in ("pid", "ready", "lag_us", "in_flight")] == [8, 0, 0, 0]
    assert shared.of_project(0, "flats", "rows") == 12


def test_rows_that_wait_are_a_gauge_and_no_outcome() -> None:
    layout = CounterLayout(["flats"], 2)
    descriptor = shared_memory(layout)
    shared = SharedCounters(layout, descriptor)
    os.close(descriptor)
    for slot, (queued, written, failed, lost) in enumerate([(10, 5, 1, 1), (4, 4, 0, 0)]):
        for name, value in (("queued", queued), ("written", written), ("failed", failed), ("lost", lost), ("full", 9)):
            WorkerCounters(shared, slot).set_project("flats", f"log_{name}", value)
    app = AdminApp(shared, ServingStore(Path("/nowhere"), ()), lambda: [True, True], lambda: 2, 0.3)
    replies: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        replies.append(message)

    run_apart(app({"method": "GET", "path": "/metrics"}, None, send))
    lines = [line for line in replies[1]["body"].decode().splitlines() if "log_rows" in line and line[0] != "#"]
    assert lines == [
        *(
            f'leeway_serve_log_rows_total{{project="flats",outcome="{outcome}"}} {count}'
            for outcome, count in (("written", 9), ("full", 18), ("failed", 1), ("lost", 1))
        ),
        'leeway_serve_log_rows_queued{project="flats"} 3',
    ]


def test_the_age_of_the_feature_tables_is_that_of_the_state_of_the_lake(tmp_path: Path) -> None:
    store, moment = ServingStore(tmp_path, [KEY.public_key()]), datetime(2026, 2, 3, tzinfo=UTC)
    draft = TableSnapshot(
        protocol=1, project="flats", serial=0, tables=(), file="", state="1.2", from_us=0, references=()
    )
    ages, now = TableAges(store), moment.timestamp() + 3600
    assert list(ages.lines(["flats"], now))[2:] == ['leeway_serve_tables_age_seconds{project="flats"} 0']
    (tmp_path / "flats").mkdir()
    SnapshotStore(store).write(draft, {}, KEY, moment)
    assert ages.age_seconds("flats", now) == 3600
    assert list(ages.lines(["flats", "houses"], now + 5))[2:] == [
        'leeway_serve_tables_age_seconds{project="flats"} 3605',
        'leeway_serve_tables_age_seconds{project="houses"} 0',
    ]
    SnapshotStore(store).write(draft, {}, KEY, moment + timedelta(hours=1))
    assert ages.age_seconds("flats", now) == 0, "another one is read again"
    assert TableAges(ServingStore(tmp_path, ())).age_seconds("flats", now) is None, "one that does not verify is none"


def test_a_request_without_a_deadline_is_counted_and_not_timed() -> None:
    layout = CounterLayout(["flats"], 1)
    descriptor = shared_memory(layout)
    shared = SharedCounters(layout, descriptor)
    os.close(descriptor)
    counters = WorkerCounters(shared, 0)
    counters.request("flats", 200, 0.004)
    counters.request("flats", 200, None)
    assert shared.sum("flats", STATUS_START + STATUSES.index(200)) == 2
    assert [shared.sum("flats", BUCKET_START + place) for place in range(len(BOUNDS_MS))][:4] == [0, 0, 1, 0]
    assert shared.sum("flats", BUSY_US) == 4000


ENDS_LATER = """
import os, signal, sys, time
def end(*_):
    time.sleep(float(sys.argv[2]))
    with open(sys.argv[1], "a") as file:
        file.write(sys.argv[3])
    os._exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(60)
"""


def ending(path: Path, seconds: float, name: str) -> Child:
    """Return a child that writes its name to a file some time after it was asked to end."""
    child = Child([sys.executable, "-c", ENDS_LATER, str(path), str(seconds), name], os.environ)
    child.process = subprocess.Popen(list(child.command), stdout=subprocess.PIPE)
    assert child.process.stdout is not None
    with child.process.stdout as out:
        assert out.readline() == b"ready\n"
    return child


def test_the_controller_is_asked_to_end_once_the_workers_have_ended_or_had_their_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ended = tmp_path / "ended"
    workers = [ending(ended, 0.5, "worker "), ending(ended, 120.0, "never ")]
    controller = ending(ended, 0.0, "controller")
    with caplog.at_level(logging.ERROR):
        run_apart(Children(workers, [controller]).stop(worker_seconds=3.0))
    assert ended.read_text() == "worker controller"
    assert [message.split()[0] for message in caplog.messages] == ["process_killed"]
    assert [each.process.wait(timeout=30) for each in (*workers, controller) if each.process] == [0, -9, 0]


def test_a_worker_has_the_time_to_answer_and_to_close_its_log() -> None:
    settings = ServiceSettings(projects=(), root="", trusted=(), drain_seconds=7.0)
    assert settings.worker_stop_seconds > settings.drain_seconds + LOG_CLOSE_SECONDS


def test_rows_that_were_lost_at_the_end_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    layout = CounterLayout(["flats", "houses"], 1)
    descriptor = shared_memory(layout)
    shared = SharedCounters(layout, descriptor)
    os.close(descriptor)
    WorkerCounters(shared, 0).set_project("flats", "log_queued", 3)
    with caplog.at_level(logging.ERROR):
        report_lost(shared)
    assert caplog.messages == ["log_rows_lost project=flats rows=3"]
