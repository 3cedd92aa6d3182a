"""The parts of the processes: a task that fails ends its server, a child that cannot start is tried again."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

import pytest
import uvicorn

from tasks.serve.processes.background_task import end_with
from tasks.serve.processes.service_supervisor import Child
from tasks.serve.processes.shared_counters import CounterLayout, SharedCounters, WorkerCounters, shared_memory
from tests.bench.serving_peers import constant
from tests.coroutines import run_apart


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
